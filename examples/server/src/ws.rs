//! S9: over WebSocket a binary message is one frame, either way. For the rest a WebSocket is a byte stream as any other.

use std::future::pending;
use std::pin::pin;
use std::sync::Arc;

use axum::extract::ws::{Message, WebSocket};
use bytes::BytesMut;
use futures_util::{SinkExt, StreamExt};
use kefu_proto::{FrameLimit, Header};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf, duplex, split};
use tokio::time::{Instant, timeout};

use crate::client::{self, End, LAST_WORDS};
use crate::server::Shared;

/// Carries a WebSocket connection to its end.
pub async fn serve(socket: WebSocket, shared: Arc<Shared>) -> End {
    let limit = shared.limits.frame;
    let (near, far) = duplex(PIPE);
    let (near_reader, near_writer) = split(near);
    let (far_reader, far_writer) = split(far);
    let (sink, stream) = socket.split();
    let mut client = pin!(client::serve(near_reader, near_writer, Instant::now(), shared));
    // What came in before the end of the stream is still served, and its answers go out: the way out ends last (S7).
    let mut pumps = pin!(async move {
        tokio::select! {
            () = async { inwards(stream, far_writer, limit).await; pending().await } => {}
            () = outwards(far_reader, sink) => {}
        }
    });
    tokio::select! {
        end = &mut client => {
            // Who is slow or gone would only be waited for.
            if !matches!(end, End::Slow | End::Io) {
                let _ = timeout(LAST_WORDS, pumps).await;
            }
            end
        }
        () = &mut pumps => client.await,
    }
}

const PIPE: usize = 64 * 1024;

async fn inwards(
    mut stream: impl StreamExt<Item = Result<Message, axum::Error>> + Unpin,
    mut pipe: WriteHalf<DuplexStream>,
    limit: FrameLimit,
) {
    while let Some(Ok(message)) = stream.next().await {
        let sent = match message {
            Message::Binary(bytes) if is_one_frame(&bytes, limit) => pipe.write_all(&bytes).await,
            // The library answers these.
            Message::Ping(_) | Message::Pong(_) => Ok(()),
            Message::Binary(_) | Message::Text(_) | Message::Close(_) => break,
        };
        if sent.is_err() {
            break;
        }
    }
    let _ = pipe.shutdown().await;
}

/// A header that the limit refuses goes through: the connection says why it closes.
fn is_one_frame(bytes: &[u8], limit: FrameLimit) -> bool {
    let Some(header) = bytes.first_chunk() else { return false };
    Header::decode(header, limit).map_or(true, |header| {
        usize::try_from(header.body_len).is_ok_and(|body| bytes.len() - Header::LEN == body)
    })
}

async fn outwards(mut pipe: ReadHalf<DuplexStream>, sink: impl SinkExt<Message> + Unpin) {
    if send_frames(&mut pipe, sink).await.is_err() {
        // Who is gone can have sent something before: nobody may have to wait at the pipe meanwhile.
        let _ = tokio::io::copy(&mut pipe, &mut tokio::io::sink()).await;
    }
}

/// Sends a frame a message, and then that nothing follows.
async fn send_frames<S: SinkExt<Message> + Unpin>(
    pipe: &mut ReadHalf<DuplexStream>,
    mut sink: S,
) -> Result<(), S::Error> {
    let mut out = BytesMut::new();
    while let Ok(1..) = pipe.read_buf(&mut out).await {
        while let Some(frame) = next_frame(&mut out) {
            sink.feed(Message::Binary(frame.freeze())).await?;
        }
        sink.flush().await?;
    }
    sink.close().await
}

fn next_frame(out: &mut BytesMut) -> Option<BytesMut> {
    let header = Header::decode(out.first_chunk()?, FrameLimit::MAX).ok()?;
    let end = Header::LEN + usize::try_from(header.body_len).ok()?;
    (out.len() >= end).then(|| out.split_to(end))
}
