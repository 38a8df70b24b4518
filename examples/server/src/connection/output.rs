//! What is to be written to a client.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use tokio::io::AsyncWrite;
use tokio::time::Instant;

/// Bytes on their way to a client.
pub(super) struct Output {
    pub(super) buffer: BytesMut,
    /// Whether the stream's own buffer is empty: TLS has one.
    is_flushed: bool,
    is_lost: bool,
    /// Whether it is lost because the client's device has vanished.
    is_unreachable: bool,
    /// Since when nothing could be written.
    stuck: Option<Instant>,
}

impl Output {
    pub(super) fn new() -> Self {
        Self {
            buffer: BytesMut::new(),
            is_flushed: true,
            is_lost: false,
            is_unreachable: false,
            stuck: None,
        }
    }

    /// Whether there is anything to be written.
    pub(super) fn is_waiting(&self) -> bool {
        !self.buffer.is_empty() || !self.is_flushed
    }

    /// Since when there is something to be written, and nothing of it could be.
    pub(super) const fn stuck(&self) -> Option<Instant> {
        self.stuck
    }

    /// Discards the buffer. Nothing more is sent to the client.
    pub(super) fn give_up(&mut self) {
        *self = Self { is_lost: true, is_unreachable: self.is_unreachable, ..Self::new() };
    }

    /// Whether writing has been given up.
    pub(super) const fn is_lost(&self) -> bool {
        self.is_lost
    }

    /// Whether writing has shown that the client's device has vanished.
    pub(super) const fn is_unreachable(&self) -> bool {
        self.is_unreachable
    }

    /// Writes some of the buffer. Ready when something has changed: also when the output has become
    /// stuck.
    ///
    /// If it fails, writing is given up and the connection goes on: what the client sent before it
    /// left is still read (S7), until reading shows the end.
    pub(super) fn poll_write(
        &mut self,
        stream: &mut (impl AsyncWrite + Unpin),
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        match self.poll_some(stream, cx) {
            Poll::Ready(Ok(())) => self.stuck = None,
            Poll::Ready(Err(error)) => {
                self.is_unreachable = is_unreachable(&error);
                self.give_up();
            }
            Poll::Pending if self.stuck.is_none() => self.stuck = Some(Instant::now()),
            Poll::Pending => return Poll::Pending,
        }
        Poll::Ready(())
    }

    fn poll_some(
        &mut self,
        stream: &mut (impl AsyncWrite + Unpin),
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        if self.buffer.is_empty() {
            ready!(Pin::new(stream).poll_flush(cx))?;
            self.is_flushed = true;
            return Poll::Ready(Ok(()));
        }
        self.is_flushed = false;
        let written = ready!(Pin::new(&mut *stream).poll_write(cx, &self.buffer))?;
        if written == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        self.buffer.advance(written);
        if self.buffer.is_empty() {
            self.buffer = BytesMut::new();
            self.is_flushed = Pin::new(stream).poll_flush(cx)?.is_ready();
        }
        Poll::Ready(Ok(()))
    }
}

/// Whether the system has given the other end up.
pub(super) fn is_unreachable(error: &io::Error) -> bool {
    use io::ErrorKind::{HostUnreachable, NetworkUnreachable, TimedOut};
    matches!(error.kind(), HostUnreachable | NetworkUnreachable | TimedOut)
}
