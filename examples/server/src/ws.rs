//! Clients over WebSocket. A binary message is one frame, in both directions (S9). Apart from that
//! a WebSocket is served like any byte stream.

use std::future::pending;
use std::pin::pin;
use std::sync::Arc;

use axum::extract::ws::{Message, WebSocket};
use bytes::{Bytes, BytesMut};
use futures_util::{SinkExt, StreamExt};
use kefu_proto::{FrameDecoder, FrameLimit};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf, duplex, split};
use tokio::time::{Instant, timeout};

use crate::connection::{self, CLOSE_GRACE, End, Liveness};
use crate::service::Service;

/// Serves a WebSocket connection and returns why it has ended.
pub async fn serve(socket: WebSocket, service: Arc<Service>) -> End {
    let limit = service.limits.frame;
    let (near, far) = duplex(PIPE);
    let (near_reader, near_writer) = split(near);
    let (far_reader, far_writer) = split(far);
    let (sink, stream) = socket.split();
    let liveness = Liveness::new(Instant::now());
    let heard = liveness.clone();
    let mut served = pin!(connection::serve(near_reader, near_writer, liveness, service));
    // What came in before the end is still served, and its answers are sent (S7): so the pumps end
    // with the outgoing one.
    let mut pumps = pin!(async move {
        tokio::select! {
            () = async { receive(stream, far_writer, limit, heard).await; pending().await } => {}
            () = send(far_reader, sink) => {}
        }
    });
    tokio::select! {
        end = &mut served => {
            if end.client_reads() {
                let _ = timeout(CLOSE_GRACE, pumps).await;
            }
            end
        }
        () = &mut pumps => served.await,
    }
}

/// The capacity of the pipe, in bytes.
const PIPE: usize = 64 * 1024;

/// From the WebSocket into the pipe.
async fn receive(
    mut stream: impl StreamExt<Item = Result<Message, axum::Error>> + Unpin,
    mut pipe: WriteHalf<DuplexStream>,
    limit: FrameLimit,
    liveness: Liveness,
) {
    while let Some(Ok(message)) = stream.next().await {
        liveness.heard();
        let sent = match message {
            Message::Binary(bytes) => match one_frame(bytes, limit) {
                Some(frame) => pipe.write_all(&frame).await,
                None => break,
            },
            // Answered by the library.
            Message::Ping(_) | Message::Pong(_) => Ok(()),
            Message::Text(_) | Message::Close(_) => break,
        };
        if sent.is_err() {
            break;
        }
    }
    let _ = pipe.shutdown().await;
}

/// The message if it is one frame. A length that the limit refuses is passed on: the connection
/// then closes and says why.
fn one_frame(message: Bytes, limit: FrameLimit) -> Option<Bytes> {
    let mut rest = BytesMut::from(message);
    match FrameDecoder::new(limit).cut(&mut rest) {
        Ok(Some(frame)) if rest.is_empty() => Some(frame),
        Ok(_) => None,
        Err(_) => Some(rest.freeze()),
    }
}

/// From the pipe to the WebSocket.
async fn send(mut pipe: ReadHalf<DuplexStream>, sink: impl SinkExt<Message> + Unpin) {
    if send_frames(&mut pipe, sink).await.is_err() {
        // The client has gone, but may have sent requests before. Their answers must not fill the
        // pipe and block them.
        let _ = tokio::io::copy(&mut pipe, &mut tokio::io::sink()).await;
    }
}

/// Sends each frame as a message, and closes the WebSocket at the end.
async fn send_frames<S: SinkExt<Message> + Unpin>(
    pipe: &mut ReadHalf<DuplexStream>,
    mut sink: S,
) -> Result<(), S::Error> {
    let frames = FrameDecoder::new(FrameLimit::MAX);
    let mut out = BytesMut::new();
    while let Ok(1..) = pipe.read_buf(&mut out).await {
        while let Ok(Some(frame)) = frames.cut(&mut out) {
            sink.feed(Message::Binary(frame)).await?;
        }
        sink.flush().await?;
    }
    sink.close().await
}
