//! Buffers for bodies.

use std::cell::Cell;

use bytes::{Bytes, BytesMut};

/// The size of an allocation for bodies. A longer body has its own.
const BLOCK: usize = 8 * 1024;

thread_local! {
    /// Bodies are written here one after the other. Short ones share an allocation, which is reused once all of them are dropped.
    static BUFFER: Cell<BytesMut> = Cell::default();
}

/// Takes the thread's buffer. A `Serialize` that encodes another value meanwhile gets an empty one.
pub(super) fn take() -> BytesMut {
    let mut buffer = BUFFER.try_with(Cell::take).unwrap_or_default();
    if buffer.capacity() == 0 {
        buffer.reserve(BLOCK);
    }
    buffer
}

/// Splits off the written bytes as a body, and returns the rest of the buffer to the thread.
pub(super) fn finish(mut buffer: BytesMut) -> Bytes {
    let body = buffer.split().freeze();
    if body.len() <= BLOCK {
        let _ = BUFFER.try_with(|kept| kept.set(buffer));
    }
    body
}
