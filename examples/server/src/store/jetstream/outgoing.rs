//! What is on its way to NATS: gathered, so that what connections send at the same time is one
//! write.

use std::sync::Arc;

use async_nats::client::{PublishError, PublishErrorKind};
use async_nats::{Client, HeaderMap};
use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio::task::yield_now;

use crate::store::jetstream::error::JetStreamError;
use crate::store::jetstream::unanswered::Unanswered;

/// A message for NATS, in its turn.
pub(super) enum Outgoing {
    /// To a stream. It is left out if nobody waits for its answer any more.
    Publication { number: u64, reply: String, subject: String, headers: HeaderMap, body: Bytes },
    /// To other servers, with its share of what may wait.
    Notice { subject: String, body: Bytes, room: OwnedSemaphorePermit },
    /// Tells when all before it is with the client.
    Mark(oneshot::Sender<()>),
}

/// Hands over to the client what comes, until all senders are gone.
pub(super) async fn hand_over(
    client: Client,
    mut queue: mpsc::UnboundedReceiver<Outgoing>,
    unanswered: Arc<Unanswered>,
) {
    let mut batch = Vec::new();
    while queue.recv_many(&mut batch, BATCH).await > 0 {
        // The client writes as soon as it has something. So all connections that can go on come
        // first, and what they send is written at once.
        yield_now().await;
        while let Ok(more) = queue.try_recv() {
            batch.push(more);
        }
        for outgoing in batch.drain(..) {
            outgoing.hand_over(&client, &unanswered).await;
        }
    }
}

impl Outgoing {
    async fn hand_over(self, client: &Client, unanswered: &Unanswered) {
        match self {
            Self::Publication { number, .. } if !unanswered.has(number) => {}
            Self::Publication { number, reply, subject, headers, body } => {
                let sent = client.publish_with_reply_and_headers(subject, reply, headers, body);
                if let Err(error) = sent.await {
                    unanswered.answer(number, Err(refused(&error)));
                }
            }
            Self::Notice { subject, body, room } => {
                // What is lost with the connection is a gap, which is repaired later.
                let _ = client.publish(subject, body).await;
                drop(room);
            }
            // Whoever has asked may have given up.
            Self::Mark(reached) => drop(reached.send(())),
        }
    }
}

/// The client refuses what is too long: NATS would close the connection.
fn refused(error: &PublishError) -> JetStreamError {
    match error.kind() {
        PublishErrorKind::MaxPayloadExceeded => JetStreamError::TooLong,
        _ => JetStreamError::nats(error),
    }
}

/// How many are taken at first. The others are taken with them.
const BATCH: usize = 64;
