//! A connected socket: what is written to it and read from it, whatever carries it.

use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::transport::error::TransportError;
use crate::transport::stream::Stream;
use crate::transport::web_socket::WebSocket;

/// A connected socket.
#[derive(Debug)]
pub(crate) enum Transport {
    Bytes(Stream),
    /// Every frame is one binary message (S9.1).
    WebSocket(Box<WebSocket>),
}

impl Transport {
    /// Takes frames out of `unwritten` until there are none left, and flushes them.
    pub(crate) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        unwritten: &mut BytesMut,
    ) -> Poll<Result<(), TransportError>> {
        let stream = match self {
            Self::Bytes(stream) => stream,
            Self::WebSocket(socket) => return socket.poll_write(cx, unwritten),
        };
        while !unwritten.is_empty() {
            match ready!(Pin::new(&mut *stream).poll_write(cx, unwritten))? {
                0 => return Poll::Ready(Err(io::Error::from(io::ErrorKind::WriteZero).into())),
                written => unwritten.advance(written),
            }
        }
        Pin::new(stream).poll_flush(cx).map_err(TransportError::from)
    }

    /// Appends what has arrived. Returns how many bytes; 0 at the end of the connection.
    pub(crate) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        read: &mut BytesMut,
    ) -> Poll<Result<usize, TransportError>> {
        match self {
            Self::Bytes(stream) => {
                pin!(stream.read_buf(read)).poll(cx).map_err(TransportError::from)
            }
            Self::WebSocket(socket) => socket.poll_read(cx, read),
        }
    }

    /// Says that nothing more will be sent; what the server sends can still be read.
    pub(crate) async fn half_close(&mut self) -> Result<(), TransportError> {
        match self {
            Self::Bytes(stream) => Ok(stream.shutdown().await?),
            Self::WebSocket(socket) => socket.close().await,
        }
    }

    /// Closes the socket at once: the server gets a RST instead of an end.
    pub(crate) fn reset(self) {
        let stream = match &self {
            Self::Bytes(stream) => stream,
            Self::WebSocket(socket) => socket.stream(),
        };
        // If it fails, the connection is broken already.
        let _ = stream.socket().set_zero_linger();
    }
}
