use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};

use futures_util::FutureExt;
use futures_util::future::poll_fn;
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::transport::amqp::connection::sanitize::tests::{frame, properties};

const METHOD: u8 = 1;
const HEADER: u8 = 2;
const BODY: u8 = 3;

/// Gives bytes away in pieces of these lengths, over and over; at a length of 0 there is nothing yet.
struct Pieces {
    bytes: Vec<u8>,
    lengths: Vec<usize>,
    reads: usize,
}

impl AsyncRead for Pieces {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let piece = self.lengths[self.reads % self.lengths.len()];
        self.reads += 1;
        if piece == 0 {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let length = piece.min(buffer.len()).min(self.bytes.len());
        buffer[..length].copy_from_slice(&self.bytes[..length]);
        self.bytes.drain(..length);
        Poll::Ready(Ok(length))
    }
}

impl AsyncWrite for Pieces {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// What lapin reads of these bytes, so much at a time.
fn read(bytes: &[u8], lengths: &[usize], buffer: usize) -> Vec<u8> {
    let pieces = Pieces { bytes: bytes.to_vec(), lengths: lengths.to_vec(), reads: 0 };
    let mut stream = FrameReader::new(pieces, Arc::default());
    let (mut read, mut buffer) = (Vec::new(), vec![0; buffer]);
    loop {
        let polled = poll_fn(|cx| Pin::new(&mut stream).poll_read(cx, &mut buffer)).now_or_never();
        match polled.map(Result::unwrap) {
            Some(0) => return read,
            Some(length) => read.extend_from_slice(&buffer[..length]),
            None => {}
        }
    }
}

fn any_frame() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        2 => properties().prop_map(|properties| frame(HEADER, &[&[0; 12], &*properties].concat())),
        1 => vec(any::<u8>(), 0..600).prop_map(|body| frame(BODY, &body)),
        1 => vec(any::<u8>(), 0..20)
            .prop_map(|text| frame(METHOD, &[&[0, 60, 0, 71], &[0; 9][..], &[u8::try_from(text.len()).unwrap()], &*text].concat())),
        1 => Just(frame(8, b"")),
    ]
}

proptest! {
    #[test]
    fn every_frame_is_sanitized_however_it_comes(
        mut frames in vec(any_frame(), 0..8),
        lengths in vec(0..40_usize, 0..6),
        buffer in 1..700_usize,
    ) {
        let bytes = frames.concat();
        for frame in &mut frames {
            sanitize(frame);
        }
        let lengths = [&lengths[..], &[usize::MAX]].concat();
        prop_assert_eq!(read(&bytes, &lengths, buffer), frames.concat());
        prop_assert_eq!(read(&bytes, &[1], buffer), frames.concat());
    }

    #[test]
    fn bytes_that_are_not_amqp_pass_unchanged(bytes in vec(any::<u8>(), 0..200), lengths in vec(1..40_usize, 1..6)) {
        let bytes = [&b"HTTP/1.1 400 "[..], &bytes].concat();
        prop_assert_eq!(read(&bytes, &lengths, 64), bytes);
    }

    #[test]
    fn arbitrary_frames_are_accepted(bytes in vec(any::<u8>(), 0..200), lengths in vec(0..40_usize, 0..6)) {
        let lengths = [&lengths[..], &[usize::MAX]].concat();
        prop_assert!(read(&bytes, &lengths, 64).len() <= bytes.len());
    }
}

#[test]
fn an_oversized_frame_passes_unchanged() {
    let long = frame(HEADER, &[&[0; 12], &[0, 0x20, 1, 0xff][..], &vec![0; LONGEST]].concat());
    let next = frame(HEADER, &[&[0; 12], &[0, 0x20, 1, 0xff][..]].concat());
    let expected = [long.clone(), frame(HEADER, &[&[0; 12], &[0, 0x20, 1, b'?'][..]].concat())].concat();
    assert!(read(&[long, next].concat(), &[1000], 4096) == expected);
}

/// Counts how often it wakes.
#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn wakes_are_put_off_while_lapin_handles_what_it_has_read() {
    let wakes = Arc::<WakeQueue>::default();
    let (task, lapin) = (Arc::<Wakes>::default(), Arc::<Wakes>::default());
    let (woken, asked) = (|| task.0.load(Ordering::Relaxed), || lapin.0.load(Ordering::Relaxed));
    let wake = wakes.waker(&Arc::clone(&task).into());
    let (waker, mut buffer) = (Arc::clone(&lapin).into(), [0; 64]);
    let mut cx = Context::from_waker(&waker);
    let bytes = frame(8, b"").repeat(2);
    let mut stream =
        FrameReader::new(Pieces { bytes, lengths: vec![8, 0, 8, usize::MAX], reads: 0 }, Arc::clone(&wakes));
    let mut read = || Pin::new(&mut stream).poll_read(&mut cx, &mut buffer).map(Result::unwrap);

    wake.wake_by_ref();
    assert_eq!(woken(), 1, "nothing is being handled");
    assert_eq!((read(), woken()), (Poll::Ready(8), 1));
    assert_eq!((read(), asked()), (Poll::Pending, 1), "lapin is to come again");
    wake.wake_by_ref();
    wake.wake_by_ref();
    assert_eq!(woken(), 1, "lapin handles it");
    assert_eq!((read(), woken()), (Poll::Pending, 2), "it has come again");
    wake.wake_by_ref();
    assert_eq!(woken(), 3);
    assert_eq!((read(), read()), (Poll::Ready(8), Poll::Pending));
    wake.wake_by_ref();
    assert_eq!(woken(), 3);
    drop(stream);
    assert_eq!(woken(), 4, "there will be no further turn");
}

#[test]
fn wakes_are_put_off_while_lapin_notes_what_it_has_written() {
    let (wakes, task) = (Arc::<WakeQueue>::default(), Arc::<Wakes>::default());
    let wake = wakes.waker(&Arc::clone(&task).into());
    let mut cx = Context::from_waker(Waker::noop());
    let mut stream = FrameReader::new(Pieces { bytes: Vec::new(), lengths: vec![1], reads: 0 }, wakes);
    assert!(Pin::new(&mut stream).poll_write(&mut cx, b"frame").is_ready());
    wake.wake_by_ref();
    assert_eq!(task.0.load(Ordering::Relaxed), 0);
    assert!(Pin::new(&mut stream).poll_flush(&mut cx).is_ready());
    assert_eq!(task.0.load(Ordering::Relaxed), 1);
}
