//! Reading queues.
//!
//! A queue is read from the leader of its stream, since only the leader is sure to have all that
//! was acknowledged: message by message at first, and through a [consumer](LeaderConsumer) once the
//! queue has turned out to be long. Where the queue ends is always the leader's word, and whatever
//! the consumer does not bring is read message by message.

use async_nats::jetstream::stream::{LastRawMessageErrorKind, Stream};
use kefu_proto::{Account, Command, DeviceId, MsgId, StoredMessage};

use crate::store::jetstream::consumer::{LeaderConsumer, QueueMessage};
use crate::store::jetstream::error::JetStreamError;
use crate::store::jetstream::handle::JetStream;
use crate::store::jetstream::subject::{self, COMMAND, DEVICE};
use crate::store::page::{Page, PageBounds};

/// Reads a queue from a msgid on.
pub struct QueueReader {
    store: JetStream,
    queue: Account,
    /// The sequence from which to read on.
    next: u64,
    consumer: Option<Box<LeaderConsumer>>,
    /// How many messages are read one by one before a consumer is worth its cost.
    singles: usize,
    /// The same after the next failure of a consumer.
    singles_after_failure: usize,
}

impl JetStream {
    /// Reads the messages of a queue with greater msgids than `after`.
    pub fn reader(&self, queue: Account, after: MsgId) -> QueueReader {
        QueueReader {
            store: self.clone(),
            queue,
            next: self.sequence(after).saturating_add(1),
            consumer: None,
            singles: self.few(),
            singles_after_failure: 2 * self.few(),
        }
    }

    /// The newest message of a queue, if there is one.
    pub async fn newest(&self, queue: Account) -> Result<Option<MsgId>, JetStreamError> {
        let newest = || self.newest_sequence(queue);
        let newest = self.persistently("reading the newest msgid", newest).await?;
        newest.map(|newest| self.msgid(newest)).transpose()
    }

    async fn newest_sequence(&self, queue: Account) -> Result<Option<u64>, JetStreamError> {
        let (stream, subject) = self.stream(queue);
        match stream.get_last_raw_message_by_subject(&subject).await {
            Ok(message) => Ok(Some(message.sequence)),
            Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(None),
            Err(error) => Err(JetStreamError::nats(error)),
        }
    }

    /// How many messages are read one by one first.
    fn few(&self) -> usize {
        FEW.saturating_mul(self.inner.settings.replicas)
    }

    /// Where a queue is kept.
    fn stream(&self, queue: Account) -> (&Stream, String) {
        let shards = self.inner.settings.shards;
        (&self.inner.queues[subject::shard(queue, shards)], subject::queue(queue, shards))
    }
}

impl QueueReader {
    /// The next messages of the queue, oldest first.
    pub async fn page(&mut self, bounds: PageBounds) -> Result<Page, JetStreamError> {
        let store = self.store.clone();
        let mut attempts = store.attempts("reading a queue");
        let mut page = Filling::default();
        while let Err(error) = attempts.run(self.fill(&mut page, bounds)).await {
            // What was on its way to it may be lost.
            self.consumer = None;
            attempts.failed(error).await?;
        }
        attempts.done();
        Ok(page.page)
    }

    /// Reads until the page is full. After an error it can be called again: no row is lost.
    async fn fill(
        &mut self,
        filling: &mut Filling,
        bounds: PageBounds,
    ) -> Result<(), JetStreamError> {
        // A search beyond the newest would go through all later messages of other queues.
        let newest = self.store.newest_sequence(self.queue).await?.unwrap_or(0);
        while self.next <= newest && !filling.is_full(bounds) {
            let message = match self.consumed(newest).await {
                Some(message) => message,
                None => self.single().await?,
            };
            self.next = message.sequence.saturating_add(1);
            if let Some(row) = self.stored(message)? {
                filling.bytes = filling.bytes.saturating_add(row.body.len());
                filling.page.rows.push(row);
            }
        }
        filling.page.is_last = self.next > newest;
        Ok(())
    }

    /// The next message from the consumer, unless that is not worth it, or fails.
    async fn consumed(&mut self, newest: u64) -> Option<QueueMessage> {
        if self.consumer.is_none() && self.singles > 0 {
            return None;
        }
        match self.consume(newest).await {
            Ok(Some(message)) => return Some(message),
            Ok(None) => self.singles = self.store.few(),
            Err(error) => {
                tracing::debug!(queue = %self.queue, %error, "reading on message by message");
                self.singles = self.singles_after_failure;
                self.singles_after_failure = self.singles_after_failure.saturating_mul(2);
            }
        }
        self.consumer = None;
        None
    }

    async fn consume(&mut self, newest: u64) -> Result<Option<QueueMessage>, JetStreamError> {
        let consumer = match &mut self.consumer {
            Some(consumer) => consumer,
            none => {
                let (stream, subject) = self.store.stream(self.queue);
                let range = self.next..=newest;
                let consumer = self.store.inner.consumers.create(stream, &subject, range);
                none.insert(Box::new(Box::pin(consumer).await?))
            }
        };
        consumer.next().await
    }

    /// The next message from the leader.
    async fn single(&mut self) -> Result<QueueMessage, JetStreamError> {
        let (stream, subject) = self.store.stream(self.queue);
        // The retention limits may have removed it meanwhile: the next attempt asks for the
        // newest again.
        let message = stream.get_first_raw_message_by_subject(&subject, self.next).await;
        let message = message.map_err(JetStreamError::nats)?;
        self.singles = self.singles.saturating_sub(1);
        let (sequence, headers, body) = (message.sequence, message.headers, message.payload);
        Ok(QueueMessage { sequence, headers, body })
    }

    /// `None` for a message that no server has written: it must not end the queue.
    fn stored(&self, message: QueueMessage) -> Result<Option<StoredMessage>, JetStreamError> {
        let QueueMessage { sequence, headers, body } = message;
        let number = |name| headers.get(name)?.as_str().parse::<i64>().ok();
        let command = number(COMMAND).and_then(|command| u8::try_from(command).ok());
        let (Some(command), Some(device)) = (command, number(DEVICE)) else {
            tracing::warn!(queue = %self.queue, sequence, "not a message of this server; left out");
            return Ok(None);
        };
        let (msgid, device_id) = (self.store.msgid(sequence)?, DeviceId(device));
        Ok(Some(StoredMessage { msgid, device_id, command: Command(command), body }))
    }
}

/// A page, as far as it has been read.
struct Filling {
    bytes: usize,
    page: Page,
}

impl Default for Filling {
    fn default() -> Self {
        Self { bytes: 0, page: Page { rows: Vec::new(), is_last: false } }
    }
}

impl Filling {
    fn is_full(&self, bounds: PageBounds) -> bool {
        self.page.rows.len() >= bounds.rows || self.bytes >= bounds.bytes
    }
}

/// Times the replicas: a consumer costs as much as reading a few messages, and several times as
/// much in a cluster.
const FEW: usize = 16;
