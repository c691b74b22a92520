//! Where bodies are written.

use std::cell::Cell;

use bytes::{Bytes, BytesMut};

/// How much is allocated for bodies at a time. A longer one gets an allocation of its own.
const BLOCK: usize = 8 * 1024;

thread_local! {
    /// Where bodies are written, one after the other. Short ones share an allocation, which is used again once all of
    /// them are gone.
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

/// Makes a body of what has been written, and gives the rest of the buffer back.
pub(super) fn finish(mut buffer: BytesMut) -> Bytes {
    let body = buffer.split().freeze();
    if body.len() <= BLOCK {
        let _ = BUFFER.try_with(|kept| kept.set(buffer));
    }
    body
}
