//! From the pipe to the WebSocket.

use axum::extract::ws::Message;
use bytes::BytesMut;
use futures_util::{Sink, SinkExt};
use kefu_proto::{FrameDecoder, FrameLimit};
use tokio::io::{AsyncReadExt, DuplexStream, ReadHalf};
use tokio::sync::mpsc;

use crate::ws::packing::Packing;

/// The pump that writes.
pub(super) struct ToClient {
    pub(super) packing: Packing,
    /// What is sent first.
    pub(super) greeting: Option<Message>,
    pub(super) pipe: ReadHalf<DuplexStream>,
    /// From the pump that reads.
    pub(super) pongs: mpsc::Receiver<Message>,
}

impl ToClient {
    /// Writes until the server ends the connection.
    pub(super) async fn run(mut self, sink: impl Sink<Message> + Unpin) {
        if self.send(sink).await.is_err() {
            // The client has gone, but may have sent requests before. Their answers must not fill
            // the pipe and block them.
            self.pongs.close();
            let _ = tokio::io::copy(&mut self.pipe, &mut tokio::io::sink()).await;
        }
    }

    /// Sends each frame as a message, and closes the WebSocket at the end.
    async fn send<S: Sink<Message> + Unpin>(&mut self, mut sink: S) -> Result<(), S::Error> {
        if let Some(greeting) = self.greeting.take() {
            sink.send(greeting).await?;
        }
        let frames = FrameDecoder::new(FrameLimit::MAX);
        let mut out = BytesMut::new();
        loop {
            tokio::select! {
                biased;
                Some(pong) = self.pongs.recv() => sink.feed(pong).await?,
                read = self.pipe.read_buf(&mut out) => {
                    let Ok(1..) = read else { break };
                    while let Ok(Some(frame)) = frames.cut(&mut out) {
                        sink.feed(self.packing.pack(frame)).await?;
                    }
                }
            }
            sink.flush().await?;
        }
        sink.close().await
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt, sink};
    use tokio::io::{AsyncWriteExt, duplex, split};

    use super::*;

    #[tokio::test]
    async fn after_the_client_has_gone_nobody_waits_to_send_it_anything() {
        let (mut near, far) = duplex(16);
        let (pipe, _) = split(far);
        let (pong_sender, pongs) = mpsc::channel(1);
        let greeting = Some(Message::text("0{}"));
        let to_client = ToClient { packing: Packing::EngineIo, greeting, pipe, pongs };
        let gone = Box::pin(sink::unfold((), async |(), _| Err(())));
        let mut run = Box::pin(to_client.run(gone));
        assert!((&mut run).now_or_never().is_none(), "the server may still write");
        assert!(pong_sender.send(Message::text("3")).await.is_err());
        let writing = async move { near.write_all(&[0; 100]).await.is_ok() };
        assert_eq!(tokio::join!(run, writing), ((), true));
    }
}
