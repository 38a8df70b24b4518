//! The push outbox: a stream from which an entry goes when a sink is done with it. Any number of servers, or a process of
//! its own, drain it together through one durable consumer.

use std::fmt;
use std::time::Duration;

use async_nats::jetstream::consumer::PullConsumer;
use async_nats::jetstream::consumer::pull::{self, Batch};
use async_nats::jetstream::message::{AckKind, Acker};
use bytes::BytesMut;
use futures_util::StreamExt;
use kefu_proto::{Command, Encode};
use tokio::time::timeout;

use super::publish::Publication;
use super::subject::{self, COMMAND};
use super::{ANSWER, JetStream, JetStreamError};
use crate::store::{Push, PushEntry, PushId};

impl JetStream {
    /// Puts an entry into the outbox.
    pub async fn push(&self, entry: &Push) -> Result<(), JetStreamError> {
        let mut body = BytesMut::new();
        entry.message.encode_body(&mut body).map_err(JetStreamError::nats)?;
        let (subject, command) = (subject::push(entry.to), entry.message.command());
        let publication = Publication::new(subject, self.unique(), command, body.freeze());
        self.publish(&publication).await.map(drop)
    }

    /// The next entries; waits for them.
    pub async fn pushes(&self, limit: usize) -> Result<Vec<PushEntry>, JetStreamError> {
        let consumer = self.shared.pushes.get_or_try_init(|| self.push_consumer()).await?;
        let mut entries = Vec::new();
        while entries.is_empty() {
            // What is there at once; else the first that comes.
            let ready = consumer.fetch().max_messages(limit).messages().await;
            take(ready.map_err(JetStreamError::nats)?, &mut entries).await?;
            if entries.is_empty() {
                let next = consumer.batch().max_messages(1).expires(LISTEN).messages().await;
                take(next.map_err(JetStreamError::nats)?, &mut entries).await?;
            }
        }
        Ok(entries)
    }

    /// A sink is done with an entry.
    pub async fn pushed(&self, Delivery(acker): Delivery) -> Result<(), JetStreamError> {
        acker.ack().await.map_err(JetStreamError::nats)
    }

    /// A sink did not take an entry: it comes again, at once.
    pub async fn not_pushed(&self, Delivery(acker): Delivery) {
        // Where that fails it comes again after a while.
        let _ = acker.ack_with(AckKind::Nak(None)).await;
    }

    async fn push_consumer(&self) -> Result<PullConsumer, JetStreamError> {
        let config = pull::Config { durable_name: Some("sinks".into()), ..pull::Config::default() };
        let made = self.shared.push_stream.get_or_create_consumer("sinks", config).await;
        made.map_err(JetStreamError::nats)
    }
}

async fn take(mut batch: Batch, entries: &mut Vec<PushEntry>) -> Result<(), JetStreamError> {
    // A consumer without a leader answers nothing, not even that there is nothing.
    while let Ok(next) = timeout(LISTEN + ANSWER, batch.next()).await {
        let Some(message) = next else { return Ok(()) };
        let message = message.map_err(JetStreamError::nats)?;
        let command = message.headers.as_ref().and_then(|headers| headers.get(COMMAND));
        let command = command.and_then(|command| command.as_str().parse().ok());
        let to = subject::account(&message.subject);
        let (message, acker) = message.split();
        let (Some(to), Some(command)) = (to, command) else {
            tracing::warn!(subject = %message.subject, "no entry of this server's; taken out");
            acker.ack_with(AckKind::Term).await.map_err(JetStreamError::nats)?;
            continue;
        };
        let (id, command) = (PushId::Delivery(Box::new(Delivery(acker))), Command(command));
        entries.push(PushEntry { id, to, command, body: message.payload });
    }
    Err(JetStreamError::nats("no answer"))
}

/// What an entry is taken out of the outbox with.
pub struct Delivery(Acker);

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Delivery")
    }
}

/// How long a request for entries stands.
const LISTEN: Duration = Duration::from_secs(5);
