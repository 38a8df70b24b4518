//! Reading queues.
//!
//! A queue is read from the leader of its stream, message by message, since only the leader is sure
//! to have all that was acknowledged. A consumer may be on a replica that lags behind, where a
//! client would not find the message that it was notified of. Short queues are read faster this
//! way, too; of long ones a consumer reads three times as many messages a second.

use async_nats::jetstream::message::StreamMessage;
use async_nats::jetstream::stream::{LastRawMessageErrorKind, Stream};
use kefu_proto::{Account, Command, DeviceId, MsgId, StoredMessage};

use crate::store::jetstream::error::JetStreamError;
use crate::store::jetstream::handle::JetStream;
use crate::store::jetstream::subject::{self, COMMAND, DEVICE};
use crate::store::page::{Page, PageBounds};

impl JetStream {
    /// The messages of a queue with greater msgids than `after`, oldest first.
    pub async fn page(
        &self,
        queue: Account,
        after: MsgId,
        bounds: PageBounds,
    ) -> Result<Page, JetStreamError> {
        let mut attempts = self.attempts("reading a queue");
        let next = self.sequence(after).saturating_add(1);
        let mut page = Reading { next, bytes: 0, page: Page { rows: Vec::new(), is_last: false } };
        while let Err(error) = attempts.run(self.read(queue, bounds, &mut page)).await {
            attempts.failed(error).await?;
        }
        attempts.done();
        Ok(page.page)
    }

    /// Reads until the page is full. After an error it can be called again: no row is lost.
    async fn read(
        &self,
        queue: Account,
        bounds: PageBounds,
        reading: &mut Reading,
    ) -> Result<(), JetStreamError> {
        let subject = subject::queue(queue, self.inner.settings.shards);
        // A search beyond the newest would go through all later messages of other queues.
        let newest = self.newest_sequence(queue).await?;
        while newest.is_some_and(|newest| reading.next <= newest) && !reading.is_full(bounds) {
            let stream = self.stream(queue);
            // The retention limits may have removed it meanwhile: the next attempt asks for the
            // newest again.
            let message = stream.get_first_raw_message_by_subject(&subject, reading.next).await;
            let message = message.map_err(JetStreamError::nats)?;
            let next = message.sequence.saturating_add(1);
            if let Some(row) = self.stored(queue, message)? {
                reading.bytes = reading.bytes.saturating_add(row.body.len());
                reading.page.rows.push(row);
            }
            reading.next = next;
        }
        reading.page.is_last = newest.is_none_or(|newest| reading.next > newest);
        Ok(())
    }

    /// `None` for a message that no server has written: it must not end the queue.
    fn stored(
        &self,
        queue: Account,
        message: StreamMessage,
    ) -> Result<Option<StoredMessage>, JetStreamError> {
        let StreamMessage { sequence, headers, payload: body, .. } = message;
        let number = |name| headers.get(name)?.as_str().parse::<i64>().ok();
        let command = number(COMMAND).and_then(|command| u8::try_from(command).ok());
        let (Some(command), Some(device)) = (command, number(DEVICE)) else {
            tracing::warn!(%queue, sequence, "not a message of this server; left out");
            return Ok(None);
        };
        let (msgid, device_id) = (self.msgid(sequence)?, DeviceId(device));
        Ok(Some(StoredMessage { msgid, device_id, command: Command(command), body }))
    }

    /// The newest message of a queue, if there is one.
    pub async fn newest(&self, queue: Account) -> Result<Option<MsgId>, JetStreamError> {
        let newest = || self.newest_sequence(queue);
        let newest = self.persistently("reading the newest msgid", newest).await?;
        newest.map(|newest| self.msgid(newest)).transpose()
    }

    async fn newest_sequence(&self, queue: Account) -> Result<Option<u64>, JetStreamError> {
        let subject = subject::queue(queue, self.inner.settings.shards);
        match self.stream(queue).get_last_raw_message_by_subject(&subject).await {
            Ok(message) => Ok(Some(message.sequence)),
            Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(None),
            Err(error) => Err(JetStreamError::nats(error)),
        }
    }

    fn stream(&self, queue: Account) -> &Stream {
        &self.inner.queues[subject::shard(queue, self.inner.settings.shards)]
    }
}

/// What has been read so far, and the sequence from which to read on.
struct Reading {
    next: u64,
    bytes: usize,
    page: Page,
}

impl Reading {
    fn is_full(&self, bounds: PageBounds) -> bool {
        self.page.rows.len() >= bounds.rows || self.bytes >= bounds.bytes
    }
}
