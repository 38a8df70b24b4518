//! The push outbox: a stream whose entries are removed when they are acknowledged. Any number of
//! servers, or a separate process, drain it together through one durable consumer.

use std::time::Duration;

use async_nats::jetstream::consumer::PullConsumer;
use async_nats::jetstream::consumer::pull::{self, Batch};
use async_nats::jetstream::message::{AckKind, Acker};
use bytes::BytesMut;
use futures_util::StreamExt;
use kefu_proto::{Command, Encode};
use tokio::time::timeout;

use crate::store::jetstream::error::JetStreamError;
use crate::store::jetstream::handle::JetStream;
use crate::store::jetstream::publication::Publication;
use crate::store::jetstream::subject::{self, COMMAND};
use crate::store::jetstream::timing::{ANSWER_TIMEOUT, timed};
use crate::store::observer::{PushBound, Pushes};
use crate::store::push::{Push, PushEntry};

impl JetStream {
    /// Puts an entry into the outbox, unless too many wait there.
    pub async fn push(&self, entry: &Push) -> Result<(), JetStreamError> {
        let (mut fate, outcome) = (Pushes::default(), self.queue(entry).await);
        match &outcome {
            Ok(()) => fate.queued = 1,
            Err(JetStreamError::Full(PushBound::Account)) => fate.beyond_account = 1,
            Err(JetStreamError::Full(PushBound::All)) => fate.beyond_all = 1,
            Err(_) => return outcome,
        }
        self.inner.observer.pushes(fate);
        Ok(())
    }

    async fn queue(&self, entry: &Push) -> Result<(), JetStreamError> {
        let mut body = BytesMut::new();
        entry.message.encode_body(&mut body).map_err(JetStreamError::nats)?;
        let publication = Publication {
            subject: subject::push(entry.to),
            name: self.unique_name(),
            command: entry.message.command(),
            device: None,
            body: body.freeze(),
        };
        self.publish(&publication).await.map(drop)
    }

    /// At most `limit` entries. Waits until there are some.
    pub async fn pushes(&self, limit: usize) -> Result<Vec<(PushEntry, Receipt)>, JetStreamError> {
        let mut entries = Vec::new();
        while entries.is_empty() {
            // Looked up each time: whoever deletes it must not end the pushes.
            let consumer = self.push_consumer().await?;
            // All that are there; if there are none, the first to come.
            let ready = consumer.fetch().max_messages(limit).messages().await;
            take(ready.map_err(JetStreamError::nats)?, &mut entries).await?;
            if entries.is_empty() {
                let next = consumer.batch().max_messages(1).expires(LISTEN).messages().await;
                take(next.map_err(JetStreamError::nats)?, &mut entries).await?;
            }
        }
        Ok(entries)
    }

    /// The consumer, which is created if it is missing.
    pub(super) async fn push_consumer(&self) -> Result<PullConsumer, JetStreamError> {
        let config =
            pull::Config { durable_name: Some(CONSUMER.into()), ..pull::Config::default() };
        // Its future is large.
        timed(Box::pin(self.inner.push_stream.get_or_create_consumer(CONSUMER, config))).await
    }
}

async fn take(
    mut batch: Batch,
    entries: &mut Vec<(PushEntry, Receipt)>,
) -> Result<(), JetStreamError> {
    // A consumer without a leader does not answer at all, not even that there is nothing.
    while let Ok(next) = timeout(LISTEN + ANSWER_TIMEOUT, batch.next()).await {
        let Some(message) = next else { return Ok(()) };
        let message = message.map_err(JetStreamError::nats)?;
        let command = message.headers.as_ref().and_then(|headers| headers.get(COMMAND));
        let command = command.and_then(|command| command.as_str().parse().ok());
        let to = subject::account(&message.subject);
        let (message, acker) = message.split();
        let (Some(to), Some(command)) = (to, command) else {
            tracing::warn!(subject = %message.subject, "not an entry of this server; removed");
            acker.ack_with(AckKind::Term).await.map_err(JetStreamError::nats)?;
            continue;
        };
        let entry = PushEntry { to, command: Command(command), body: message.payload };
        entries.push((entry, Receipt(acker)));
    }
    Err(JetStreamError::nats("no answer"))
}

/// Acknowledges one entry.
pub struct Receipt(Acker);

impl Receipt {
    /// Removes the entry: the sink has taken it.
    pub async fn done(self) -> Result<(), JetStreamError> {
        self.0.ack().await.map_err(JetStreamError::nats)
    }

    /// Returns the entry, which is then delivered again at once.
    pub async fn give_back(self) {
        // If this fails it is delivered again after a while.
        let _ = self.0.ack_with(AckKind::Nak(None)).await;
    }
}

/// The name of the durable consumer.
pub(super) const CONSUMER: &str = "sinks";

/// How long a request for entries is open.
const LISTEN: Duration = Duration::from_secs(5);
