//! WebSocket: every frame is one binary message, in both directions (S9.1).

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use futures_util::{Sink, Stream as _};
use kefu_proto::{FrameDecoder, FrameLimit};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use crate::transport::error::TransportError;
use crate::transport::stream::Stream;

/// Reserved for each connection; the library's default is 128 KiB.
const READ_BUFFER: usize = 8 * 1024;
/// So much may be read before it is looked at.
const READ_AT_ONCE: usize = 64 * 1024;

#[derive(Debug)]
pub(crate) struct WebSocket {
    socket: WebSocketStream<Stream>,
    is_flushed: bool,
}

impl WebSocket {
    pub(super) async fn connect(url: &str, stream: Stream) -> Result<Self, TransportError> {
        let config = WebSocketConfig::default().read_buffer_size(READ_BUFFER);
        let (socket, _) = client_async_with_config(url, stream, Some(config)).await?;
        Ok(Self { socket, is_flushed: true })
    }

    pub(super) fn stream(&self) -> &Stream {
        self.socket.get_ref()
    }

    pub(super) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        unwritten: &mut BytesMut,
    ) -> Poll<Result<(), TransportError>> {
        let Self { socket, is_flushed } = self;
        let mut socket = Pin::new(socket);
        while !unwritten.is_empty() {
            ready!(socket.as_mut().poll_ready(cx))?;
            socket.as_mut().start_send(Message::Binary(next_frame(unwritten)))?;
            *is_flushed = false;
        }
        if !*is_flushed {
            ready!(socket.poll_flush(cx))?;
            *is_flushed = true;
        }
        Poll::Ready(Ok(()))
    }

    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        read: &mut BytesMut,
    ) -> Poll<Result<usize, TransportError>> {
        let before = read.len();
        let count = |read: &BytesMut| read.len() - before;
        while count(read) < READ_AT_ONCE {
            match Pin::new(&mut self.socket).poll_next(cx) {
                Poll::Ready(Some(Ok(Message::Binary(frame)))) => read.extend_from_slice(&frame),
                // No frames. The library answers pings and the close.
                Poll::Ready(Some(Ok(_))) => {}
                // What came before counts first; the next call tells the end again.
                _ if count(read) > 0 => break,
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(error.into())),
                Poll::Ready(None) => return Poll::Ready(Ok(0)),
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(Ok(count(read)))
    }

    pub(super) async fn close(&mut self) -> Result<(), TransportError> {
        Ok(self.socket.close(None).await?)
    }
}

/// A frame, or else all that is left: what is no frame goes out as it is.
fn next_frame(unwritten: &mut BytesMut) -> Bytes {
    match FrameDecoder::new(FrameLimit::CLIENT).cut(unwritten) {
        Ok(Some(frame)) => frame,
        _ => unwritten.split().freeze(),
    }
}
