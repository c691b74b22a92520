//! What the frames of a connection travel over.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use async_rs::Tokio;
use async_rs::traits::Reactor;
use futures_io::{AsyncRead, AsyncWrite};
use lapin::AsyncTcpStream;

#[cfg(target_os = "linux")]
use super::attended::Attended;

/// What the frames of a connection travel over.
pub(super) enum Link {
    /// A socket without TLS.
    #[cfg(target_os = "linux")]
    Attended(Attended),
    /// A socket that the runtime watches, and TLS on it where that is wanted.
    Watched(Box<AsyncTcpStream<<Tokio as Reactor>::TcpStream>>),
}

impl AsyncRead for Link {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            #[cfg(target_os = "linux")]
            Self::Attended(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Watched(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Link {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            #[cfg(target_os = "linux")]
            Self::Attended(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Watched(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            #[cfg(target_os = "linux")]
            Self::Attended(stream) => Pin::new(stream).poll_write_vectored(cx, bytes),
            Self::Watched(stream) => Pin::new(stream).poll_write_vectored(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            #[cfg(target_os = "linux")]
            Self::Attended(stream) => Pin::new(stream).poll_flush(cx),
            Self::Watched(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            #[cfg(target_os = "linux")]
            Self::Attended(stream) => Pin::new(stream).poll_close(cx),
            Self::Watched(stream) => Pin::new(stream).poll_close(cx),
        }
    }
}
