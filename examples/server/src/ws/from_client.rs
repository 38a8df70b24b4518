//! From the WebSocket into the pipe.

use axum::extract::ws::Message;
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use kefu_proto::{FrameDecoder, FrameLimit};
use tokio::io::{AsyncWriteExt, DuplexStream, WriteHalf};
use tokio::sync::mpsc;

use crate::connection::Liveness;
use crate::ws::packing::{Packing, Unpacked};

/// The pump that reads.
pub(super) struct FromClient {
    pub(super) packing: Packing,
    pub(super) limit: FrameLimit,
    pub(super) liveness: Liveness,
    pub(super) pipe: WriteHalf<DuplexStream>,
    /// To the pump that writes.
    pub(super) pongs: mpsc::Sender<Message>,
}

impl FromClient {
    /// Reads until the client ends the connection, or sends what ends it.
    pub(super) async fn run<E>(
        mut self,
        mut stream: impl Stream<Item = Result<Message, E>> + Unpin,
    ) {
        while let Some(Ok(message)) = stream.next().await {
            self.liveness.heard();
            if self.take(message).await.is_none() {
                break;
            }
        }
        let _ = self.pipe.shutdown().await;
    }

    /// `None` at the end of the connection.
    async fn take(&mut self, message: Message) -> Option<()> {
        match self.packing.unpack(message)? {
            Unpacked::Frame(bytes) => {
                let frame = one_frame(bytes, self.limit)?;
                self.pipe.write_all(&frame).await.ok()
            }
            Unpacked::Ping { pong } => {
                // With an error nothing can be sent any more, but what came in is still served.
                let _ = self.pongs.send(pong).await;
                Some(())
            }
            Unpacked::Nothing => Some(()),
        }
    }
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

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::convert::Infallible;

    use futures_util::{FutureExt, stream};
    use tokio::io::{duplex, split};
    use tokio::time::Instant;

    use super::*;

    #[tokio::test]
    async fn who_does_not_read_pongs_is_not_read_from() {
        let (_far, near) = duplex(64);
        let (_, pipe) = split(near);
        let (pongs, mut owed) = mpsc::channel(1);
        let from_client = FromClient {
            packing: Packing::EngineIo,
            limit: FrameLimit::MAX,
            liveness: Liveness::new(Instant::now()),
            pipe,
            pongs,
        };
        let read = Cell::new(0);
        let pings = stream::iter(0..100).map(|n| {
            read.set(n);
            Ok::<_, Infallible>(Message::text(format!("2{n}")))
        });
        let mut run = Box::pin(from_client.run(pings));
        assert!((&mut run).now_or_never().is_none());
        assert_eq!(read.get(), 1, "one pong waits in the channel, and one before it");
        assert_eq!(owed.recv().await, Some(Message::text("30")));
        assert!((&mut run).now_or_never().is_none());
        assert_eq!(read.get(), 2);
        owed.close();
        run.await;
        assert_eq!(read.get(), 99, "who has left has sent before");
    }
}
