//! Reading a queue in pages.

use kefu_proto::{Account, MsgId, StoredMessage};

use crate::store::embedded;
use crate::store::error::StoreError;
use crate::store::jetstream::StreamReader;

/// A position in a queue, from which it is read on.
pub struct QueueReader(Position);

enum Position {
    Embedded { store: embedded::Store, queue: Account, after: MsgId },
    JetStream(Box<StreamReader>),
}

impl QueueReader {
    pub(super) const fn embedded(store: embedded::Store, queue: Account, after: MsgId) -> Self {
        Self(Position::Embedded { store, queue, after })
    }

    pub(super) fn jetstream(reader: StreamReader) -> Self {
        Self(Position::JetStream(Box::new(reader)))
    }

    /// The next messages, oldest first. Fewer than `limit` are the end of the queue.
    pub async fn page(&mut self, limit: usize) -> Result<Vec<StoredMessage>, StoreError> {
        match &mut self.0 {
            Position::Embedded { store, queue, after } => {
                let rows = store.page(*queue, *after, limit).await?;
                *after = rows.last().map_or(*after, |row| row.msgid);
                Ok(rows)
            }
            Position::JetStream(reader) => Ok(reader.page(limit).await?),
        }
    }
}
