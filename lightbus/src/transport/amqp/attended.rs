//! A socket that lapin's thread waits for itself while messages come.
//!
//! Lapin waits for a socket by way of the runtime: the runtime's thread is woken, only to wake lapin's, which takes as long as
//! the work of a call. So for a moment after it has read something, lapin's thread does not leave the socket. What is queued
//! for writing meanwhile does not reach it there, and so whoever queues messages rings a [`Bell`]. Other frames wait for the
//! end of that moment; so that they seldom have to, the thread stays only where messages have come before.

use std::io::{self, IoSlice, Read, Write};
use std::os::fd::AsRawFd;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use std::{mem, net};

use futures_io::{AsyncRead, AsyncWrite};
use mio::unix::SourceFd;
use mio::{Events, Interest, Token};
use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::runtime::Handle;

/// How long lapin's thread stays with the socket after it has read something.
const STAY: Duration = Duration::from_millis(2);

const SOCKET: Token = Token(0);
const BELL: Token = Token(1);

/// A TCP stream that lapin's thread waits for.
pub(super) struct Attended {
    socket: Socket,
    runtime: Handle,
    /// Where lapin's thread waits for the socket and the bell.
    poll: mio::Poll,
    events: Events,
    bell: Arc<Bell>,
    /// Whether all that had come was read.
    drained: bool,
    /// Whether the runtime is to tell when there is room to write.
    waits_for_room: bool,
}

/// Who waits for the socket.
enum Socket {
    Runtime(TcpStream),
    Thread(net::TcpStream),
    /// The runtime did not take it back.
    Gone,
}

/// Calls lapin's thread away from the socket.
#[derive(Debug)]
pub(super) struct Bell {
    state: AtomicU8,
    waker: mio::Waker,
    /// Whether messages come.
    in_use: AtomicBool,
}

/// Nobody rings, and nobody listens.
const QUIET: u8 = 0;
const RUNG: u8 = 1;
const LISTENED_FOR: u8 = 2;

/// Why lapin's thread goes on.
enum Reason {
    Socket,
    Bell,
    Silence,
}

impl Bell {
    /// Has lapin's thread look at what is queued.
    pub(super) fn ring(&self) {
        if self.state.swap(RUNG, Ordering::SeqCst) == LISTENED_FOR {
            // It fails only when there is no memory for it, and then the thread looks a little later.
            let _ = self.waker.wake();
        }
    }

    /// A message has come.
    pub(super) fn note_use(&self) {
        self.in_use.store(true, Ordering::Relaxed);
    }

    /// Lapin's thread is about to look.
    fn answer(&self) {
        self.state.store(QUIET, Ordering::SeqCst);
    }

    /// `false` when it was rung since it was answered.
    fn listen(&self) -> bool {
        self.state.compare_exchange(QUIET, LISTENED_FOR, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }

    /// Listens no longer. Whether it was rung meanwhile stays known.
    fn ignore(&self) {
        let _ = self.state.compare_exchange(LISTENED_FOR, QUIET, Ordering::SeqCst, Ordering::SeqCst);
    }
}

impl Socket {
    /// Leaves it to the runtime.
    fn watched(&mut self, runtime: &Handle) -> io::Result<&mut TcpStream> {
        *self = match mem::replace(self, Self::Gone) {
            Self::Thread(held) => {
                let _runtime = runtime.enter();
                Self::Runtime(TcpStream::from_std(held)?)
            }
            other => other,
        };
        match self {
            Self::Runtime(watched) => Ok(watched),
            Self::Thread(_) | Self::Gone => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// Leaves it to lapin's thread.
    fn hold(&mut self) -> io::Result<()> {
        *self = match mem::replace(self, Self::Gone) {
            Self::Runtime(watched) => Self::Thread(watched.into_std()?),
            other => other,
        };
        Ok(())
    }
}

impl Attended {
    pub(super) fn new(socket: TcpStream) -> io::Result<Self> {
        let poll = mio::Poll::new()?;
        let waker = mio::Waker::new(poll.registry(), BELL)?;
        poll.registry().register(&mut SourceFd(&socket.as_raw_fd()), SOCKET, Interest::READABLE)?;
        let bell = Arc::new(Bell { state: AtomicU8::new(QUIET), waker, in_use: AtomicBool::new(false) });
        let (socket, runtime, events) = (Socket::Runtime(socket), Handle::current(), Events::with_capacity(2));
        Ok(Self { socket, runtime, poll, events, bell, drained: false, waits_for_room: false })
    }

    pub(super) fn bell(&self) -> Arc<Bell> {
        Arc::clone(&self.bell)
    }

    /// Waits for the socket and the bell.
    fn wait(&mut self) -> io::Result<Reason> {
        if !self.bell.listen() {
            return Ok(Reason::Bell);
        }
        let polled = self.poll.poll(&mut self.events, Some(STAY));
        self.bell.ignore();
        match polled {
            Ok(()) if self.events.is_empty() => Ok(Reason::Silence),
            Ok(()) if self.events.iter().any(|event| event.token() == SOCKET) => Ok(Reason::Socket),
            Ok(()) => Ok(Reason::Bell),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(Reason::Bell),
            Err(error) => Err(error),
        }
    }

    fn poll_write_with(
        &mut self,
        cx: &mut Context<'_>,
        held: impl FnOnce(&mut net::TcpStream) -> io::Result<usize>,
        watched: impl FnOnce(Pin<&mut TcpStream>, &mut Context<'_>) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if let Socket::Thread(socket) = &mut self.socket
            && let Some(written) = unless_blocked(held(socket))?
        {
            return Poll::Ready(Ok(written));
        }
        let written = watched(Pin::new(self.socket.watched(&self.runtime)?), cx);
        self.waits_for_room = written.is_pending();
        written
    }
}

/// What it came to, unless the socket has nothing to read or no room.
fn unless_blocked(result: io::Result<usize>) -> io::Result<Option<usize>> {
    match result {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}

impl AsyncRead for Attended {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        loop {
            match &mut this.socket {
                Socket::Thread(held) if !this.drained => match unless_blocked(held.read(buffer))? {
                    Some(read) => {
                        this.drained = read > 0 && read < buffer.len();
                        return Poll::Ready(Ok(read));
                    }
                    None => this.drained = true,
                },
                Socket::Thread(_) => match this.wait()? {
                    Reason::Socket => this.drained = false,
                    Reason::Bell => {
                        cx.waker().wake_by_ref();
                        return Poll::Pending;
                    }
                    Reason::Silence => drop(this.socket.watched(&this.runtime)?),
                },
                Socket::Runtime(watched) => {
                    let mut read = ReadBuf::new(buffer);
                    ready!(Pin::new(watched).poll_read(cx, &mut read))?;
                    let read = read.filled().len();
                    if !this.waits_for_room && this.bell.in_use.swap(false, Ordering::Relaxed) {
                        this.socket.hold()?;
                        this.drained = false;
                    }
                    return Poll::Ready(Ok(read));
                }
                Socket::Gone => return Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
            }
        }
    }
}

impl AsyncWrite for Attended {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.poll_write_with(cx, |held| held.write(bytes), |watched, cx| watched.poll_write(cx, bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.poll_write_with(
            cx,
            |held| held.write_vectored(bytes),
            |watched, cx| watched.poll_write_vectored(cx, bytes),
        )
    }

    /// Lapin flushes before it looks at what is queued.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.bell.answer();
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        Pin::new(this.socket.watched(&this.runtime)?).poll_shutdown(cx)
    }
}

#[cfg(test)]
#[path = "attended_tests.rs"]
mod tests;
