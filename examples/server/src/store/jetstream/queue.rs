//! Queues, read in pages.

use async_nats::jetstream::message::StreamMessage;
use async_nats::jetstream::stream::{LastRawMessageErrorKind, Stream};
use kefu_proto::{Account, Command, DeviceId, MsgId, StoredMessage};

use super::subject::{self, COMMAND, DEVICE};
use super::{JetStream, JetStreamError};

impl JetStream {
    /// Reads a queue after a msgid.
    pub fn reader(&self, queue: Account, after: MsgId) -> Reader {
        let next = self.sequence(after).saturating_add(1);
        Reader { store: self.clone(), queue, next }
    }

    /// The newest message of a queue, if there is one.
    pub async fn newest(&self, queue: Account) -> Result<Option<MsgId>, JetStreamError> {
        let newest = || self.newest_sequence(queue);
        let newest = self.persistently("looking for the newest", newest).await?;
        newest.map(|newest| self.msgid(newest)).transpose()
    }

    async fn newest_sequence(&self, queue: Account) -> Result<Option<u64>, JetStreamError> {
        let subject = subject::queue(queue, self.shared.settings.shards);
        match self.stream(queue).get_last_raw_message_by_subject(&subject).await {
            Ok(message) => Ok(Some(message.sequence)),
            Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(None),
            Err(error) => Err(JetStreamError::nats(error)),
        }
    }

    fn stream(&self, queue: Account) -> &Stream {
        &self.shared.queues[subject::shard(queue, self.shared.settings.shards)]
    }
}

/// Where the reading of a queue is.
///
/// A queue is read from the leader of its stream, message by message: the leader has what it has acknowledged. A consumer would
/// be on any replica, which can be behind, and a client that was notified of a message would not find it there. Short queues
/// are read faster so, too; of long ones a consumer reads three times as many messages a second.
pub struct Reader {
    store: JetStream,
    queue: Account,
    /// What has been read is before this.
    next: u64,
}

impl Reader {
    /// The next messages, oldest first. Fewer than `limit` are the end of the queue.
    pub async fn page(&mut self, limit: usize) -> Result<Vec<StoredMessage>, JetStreamError> {
        let store = self.store.clone();
        let mut attempts = store.attempts("reading a queue");
        let mut rows = Vec::new();
        while let Err(error) = attempts.run(self.read(limit, &mut rows)).await {
            attempts.failed(error).await?;
        }
        attempts.done();
        Ok(rows)
    }

    /// Reads on until `rows` are a page. After an error it can be called again: what it has read stays.
    async fn read(
        &mut self,
        limit: usize,
        rows: &mut Vec<StoredMessage>,
    ) -> Result<(), JetStreamError> {
        let subject = subject::queue(self.queue, self.store.shared.settings.shards);
        // The newest first: to look behind it would be to look through all that others have got since.
        let Some(newest) = self.store.newest_sequence(self.queue).await? else { return Ok(()) };
        while self.next <= newest && rows.len() < limit {
            let stream = self.store.stream(self.queue);
            // What was there a moment ago can be too old to be kept by now; another attempt asks for the newest again.
            let message = stream.get_first_raw_message_by_subject(&subject, self.next).await;
            let message = message.map_err(JetStreamError::nats)?;
            let next = message.sequence.saturating_add(1);
            rows.extend(self.stored(message)?);
            self.next = next;
        }
        Ok(())
    }

    /// What no server has written is left out: nobody's queue ends there.
    fn stored(&self, message: StreamMessage) -> Result<Option<StoredMessage>, JetStreamError> {
        let StreamMessage { sequence, headers, payload: body, .. } = message;
        let number = |name| headers.get(name)?.as_str().parse::<i64>().ok();
        let command = number(COMMAND).and_then(|command| u8::try_from(command).ok());
        let (Some(command), Some(device)) = (command, number(DEVICE)) else {
            tracing::warn!(queue = %self.queue, sequence, "no message of this server's; left out");
            return Ok(None);
        };
        let (msgid, device_id) = (self.store.msgid(sequence)?, DeviceId(device));
        Ok(Some(StoredMessage { msgid, device_id, command: Command(command), body }))
    }
}
