//! The stream that lapin reads: the broker's, with each frame [sanitized](crate::transport::amqp::connection::sanitize).

use std::future::Future;
use std::io::{self, Cursor, IoSlice, Read, Write};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use async_rs::traits::Reactor;
use async_rs::util::RuntimeParts;
use async_rs::{Runtime, Tokio};
use futures_io::{AsyncRead, AsyncWrite};
use futures_util::{Stream, TryFutureExt};
use lapin::AsyncTcpStream;

use crate::transport::amqp::connection::lapin_log::{LapinExecutor, LapinLog};
use crate::transport::amqp::connection::sanitize::{Frame, HEAD, sanitize};
use crate::transport::amqp::connection::wake_queue::WakeQueue;

/// The longest frame that is inspected. RabbitMQ's limit is 128 KiB unless it is raised.
const LONGEST: usize = 1 << 20;

/// Tokio, with streams that are sanitized.
pub(crate) type Sanitizing = RuntimeParts<LapinExecutor, SanitizingReactor>;

/// The runtime that lapin uses.
pub(crate) fn runtime(log: LapinLog) -> Runtime<Sanitizing> {
    RuntimeParts::new(LapinExecutor::new(log), SanitizingReactor(Tokio::current())).into()
}

/// Lapin takes streams of the type that its reactor makes, so sanitizing streams need a reactor of their own.
#[derive(Debug, Clone)]
pub(crate) struct SanitizingReactor(Tokio);

impl Reactor for SanitizingReactor {
    type TcpStream = FrameReader<AsyncTcpStream<<Tokio as Reactor>::TcpStream>>;
    type Sleep = <Tokio as Reactor>::Sleep;

    fn register<H: Read + Write + Send + 'static>(
        &self,
        _: H,
    ) -> io::Result<impl AsyncRead + AsyncWrite + Send + Unpin + 'static> {
        Err::<Self::TcpStream, _>(io::ErrorKind::Unsupported.into())
    }

    fn sleep(&self, duration: Duration) -> Self::Sleep {
        self.0.sleep(duration)
    }

    fn interval(&self, duration: Duration) -> impl Stream<Item = Instant> + Send + 'static {
        self.0.interval(duration)
    }

    fn tcp_connect_addr(
        &self,
        address: SocketAddr,
    ) -> impl Future<Output = io::Result<Self::TcpStream>> + Send + 'static {
        self.0
            .tcp_connect_addr(address)
            .map_ok(|stream| FrameReader::new(AsyncTcpStream::Plain(stream), Arc::default()))
    }
}

/// A stream that hands out whole frames, sanitized. It also knows when lapin wakes tasks.
///
/// Lapin's thread reads until nothing is left, and then handles what it has read. It flushes after it has noted what it has
/// written. The wakes in between are delayed until it returns here. To make sure that it returns, it is told each time that
/// there may be more to read.
pub(crate) struct FrameReader<S> {
    stream: S,
    frames: Frames,
    /// Something was read that is not handled yet.
    has_read: bool,
    /// Wakes are delayed.
    defers: bool,
    wakes: Arc<WakeQueue>,
}

impl<S> FrameReader<S> {
    pub(crate) fn new(stream: S, wakes: Arc<WakeQueue>) -> Self {
        Self { stream, frames: Frames::default(), has_read: false, defers: false, wakes }
    }

    fn defer(&mut self) {
        self.defers = true;
        self.wakes.begin();
    }

    /// Lapin has returned.
    fn wake(&mut self) {
        if self.defers {
            self.defers = false;
            self.wakes.end();
        }
    }
}

impl<S> Drop for FrameReader<S> {
    fn drop(&mut self) {
        self.wake();
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for FrameReader<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.wake();
        // A long body arrives in many pieces, and no task is woken before the last.
        if std::mem::take(&mut this.has_read) && this.frames.passing == 0 {
            this.defer();
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let read = ready!(this.frames.poll_read(Pin::new(&mut this.stream), cx, buffer))?;
        this.has_read = read > 0;
        Poll::Ready(Ok(read))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for FrameReader<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.get_mut().write(|stream| stream.poll_write(cx, bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().write(|stream| stream.poll_write_vectored(cx, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.wake();
        Pin::new(&mut this.stream).poll_flush(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.wake();
        Pin::new(&mut this.stream).poll_close(cx)
    }
}

impl<S: Unpin> FrameReader<S> {
    fn write(&mut self, write: impl FnOnce(Pin<&mut S>) -> Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        self.wake();
        let written = write(Pin::new(&mut self.stream));
        self.wakes.wrote();
        if matches!(written, Poll::Ready(Ok(1..))) {
            self.defer();
        }
        written
    }
}

/// The position of the stream between frames.
#[derive(Debug, Default)]
struct Frames {
    /// The start of a frame that is incomplete.
    held: Vec<u8>,
    /// Bytes that were held and can be handed out.
    ready: Cursor<Vec<u8>>,
    /// How many bytes may pass until the next frame starts.
    passing: usize,
    /// The other side does not speak AMQP.
    foreign: bool,
}

impl Frames {
    fn poll_read<S: AsyncRead>(
        &mut self,
        mut stream: Pin<&mut S>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            let handed_out = self.ready.read(buffer)?;
            if handed_out > 0 || buffer.is_empty() {
                return Poll::Ready(Ok(handed_out));
            }
            if self.held.is_empty() {
                let read = ready!(stream.as_mut().poll_read(cx, buffer))?;
                let passed = self.scan(&mut buffer[..read]);
                if passed > 0 || read == 0 {
                    return Poll::Ready(Ok(passed));
                }
            } else if ready!(self.poll_fill(stream.as_mut(), cx))? == 0 {
                return Poll::Ready(Ok(0));
            }
        }
    }

    /// Sanitizes whole frames in place, and holds back an incomplete last one. Returns how many bytes may be handed out.
    fn scan(&mut self, bytes: &mut [u8]) -> usize {
        let mut at = 0;
        loop {
            let passing = self.passing.min(bytes.len() - at);
            self.passing -= passing;
            at += passing;
            let rest = &mut bytes[at..];
            if self.foreign || rest.is_empty() {
                return at + rest.len();
            }
            let Some(&head) = rest.first_chunk() else { return at + self.hold(rest) };
            match inspected(head) {
                Some(length) if length > rest.len() => return at + self.hold(rest),
                Some(length) => {
                    inspect(&mut rest[..length]);
                    at += length;
                }
                None => self.pass(head),
            }
        }
    }

    /// Holds bytes back. Returns how many may be handed out: none.
    fn hold(&mut self, bytes: &[u8]) -> usize {
        self.held.extend_from_slice(bytes);
        0
    }

    /// Lets a frame through, from its first byte.
    fn pass(&mut self, head: [u8; HEAD]) {
        match Frame::of(head) {
            Frame::Inspect(length) | Frame::Pass(length) => self.passing = length,
            Frame::Foreign => self.foreign = true,
        }
    }

    /// Reads more of the frame that is held, but nothing after it. Returns how many bytes arrived.
    fn poll_fill<S: AsyncRead>(&mut self, stream: Pin<&mut S>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let had = self.held.len();
        self.held.resize(self.needed(), 0);
        let polled = stream.poll_read(cx, &mut self.held[had..]);
        let came = if let Poll::Ready(Ok(came)) = polled { came } else { 0 };
        self.held.truncate(had + came);
        if came > 0 && self.held.len() == self.needed() {
            self.release();
        }
        polled
    }

    /// How many bytes of the held frame are needed: its head, and then perhaps all of it.
    fn needed(&self) -> usize {
        self.held.first_chunk().and_then(|&head| inspected(head)).unwrap_or(HEAD)
    }

    fn release(&mut self) {
        let mut held = std::mem::take(&mut self.held);
        if let Some(&head) = held.first_chunk() {
            match inspected(head) {
                Some(_) => inspect(&mut held),
                None => {
                    self.pass(head);
                    self.passing = self.passing.saturating_sub(HEAD);
                }
            }
        }
        self.ready = Cursor::new(held);
    }
}

/// Returns the length of a frame that has to be inspected.
fn inspected(head: [u8; HEAD]) -> Option<usize> {
    match Frame::of(head) {
        Frame::Inspect(length) => Some(length).filter(|&length| length <= LONGEST),
        Frame::Pass(_) | Frame::Foreign => None,
    }
}

fn inspect(frame: &mut [u8]) {
    if sanitize(frame) {
        tracing::warn!(
            "a message has properties that are not fit to be read: text that is not UTF-8, or headers that are nested too \
             deeply. The text was changed, and the headers are binary data now"
        );
    }
}

#[cfg(test)]
#[path = "frame_reader_tests.rs"]
mod tests;
