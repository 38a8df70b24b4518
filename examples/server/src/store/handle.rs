//! Where messages are kept: embedded in this process, or on `JetStream` for any number of them.

use std::pin::Pin;

use bytes::Bytes;
use kefu_proto::{Account, Command, DeviceId, Effects, MsgId, Platform, Saves, StoredMessage};
use thiserror::Error;
use tokio::time::Instant;

use crate::embedded;
pub use crate::embedded::Push;
use crate::jetstream::{self, JetStream};

/// A handle to the store; clones are handles to the same one.
#[derive(Clone)]
pub enum Store {
    /// One process, one data folder.
    Embedded(embedded::Store),
    /// Any number of processes.
    JetStream(JetStream),
}

/// Messages that are being stored, in the order of a connection: resolves to the effects of those that are, once they are.
///
/// It is polled only after all before it are done. The embedded store works meanwhile; `JetStream` begins then, which keeps the
/// order of a sender whatever is lost and tried again.
pub type Saving = Pin<Box<dyn Future<Output = Result<Vec<Effects>, StoreError>> + Send>>;

impl Store {
    /// Takes the messages of a connection, in order. Each [`Saving`] comes with the number of its messages.
    pub async fn submit(&self, batch: Vec<Saves>) -> Result<Vec<(usize, Saving)>, StoreError> {
        match self {
            Self::Embedded(store) => {
                let messages = batch.len();
                let saving = store.submit(batch).await?;
                Ok(vec![(messages, Box::pin(async { Ok(saving.await?) }))])
            }
            Self::JetStream(store) => {
                let save = |saves| {
                    let store = store.clone();
                    let saving: Saving =
                        Box::pin(async move { Ok(vec![store.save(saves).await?]) });
                    (1, saving)
                };
                Ok(batch.into_iter().map(save).collect())
            }
        }
    }

    /// Reads a queue: what has greater msgids than `after`.
    pub fn reader(&self, queue: Account, after: MsgId) -> Reader {
        match self {
            Self::Embedded(store) => Reader::Embedded { store: store.clone(), queue, after },
            Self::JetStream(store) => Reader::JetStream(Box::new(store.reader(queue, after))),
        }
    }

    /// The sync key that is kept for an account; 0 where none is (S2.1).
    pub async fn kept_key(&self, account: Account) -> Result<MsgId, StoreError> {
        Ok(match self {
            Self::Embedded(store) => store.kept_key(account).await?,
            Self::JetStream(store) => store.kept_key(account).await?,
        })
    }

    /// Keeps a sync key, unless a larger one is kept already (S3.1).
    pub async fn keep_key(&self, account: Account, key: MsgId) -> Result<(), StoreError> {
        match self {
            Self::Embedded(store) => store.keep_key(account, key).await?,
            Self::JetStream(store) => store.keep_key(account, key).await?,
        }
        Ok(())
    }

    /// The number of a device: one for each pair of name and platform, for ever (S1.2).
    pub async fn device_id(&self, name: &[u8], platform: Platform) -> Result<DeviceId, StoreError> {
        Ok(match self {
            Self::Embedded(store) => store.device_id(name.to_vec(), platform).await?,
            Self::JetStream(store) => store.device_id(name, platform).await?,
        })
    }

    /// Puts an entry into the push outbox.
    pub async fn push(&self, entry: Push) -> Result<(), StoreError> {
        match self {
            Self::Embedded(store) => store.push(entry).await?,
            Self::JetStream(store) => store.push(&entry).await?,
        }
        Ok(())
    }

    /// The next entries of the push outbox, `limit` at most; waits for them. They come again until [`pushed`](Self::pushed).
    pub async fn pushes(&self, limit: usize) -> Result<Vec<PushEntry>, StoreError> {
        match self {
            Self::Embedded(store) => loop {
                let entries = store.pushes(limit).await?;
                if !entries.is_empty() {
                    return Ok(entries.into_iter().map(PushEntry::from).collect());
                }
                store.push_arrived().await;
            },
            Self::JetStream(store) => Ok(store.pushes(limit).await?),
        }
    }

    /// The sink is done with these entries: they leave the outbox.
    pub async fn pushed(&self, entries: Vec<PushId>) -> Result<(), StoreError> {
        match self {
            Self::Embedded(store) => {
                let row = |entry| match entry {
                    PushId::Row(row) => Some(row),
                    PushId::Delivery(_) => None,
                };
                store.pushed(entries.into_iter().filter_map(row).collect()).await?;
            }
            Self::JetStream(store) => {
                for entry in entries {
                    if let PushId::Delivery(delivery) = entry {
                        store.pushed(*delivery).await?;
                    }
                }
            }
        }
        Ok(())
    }

    /// The sink did not take these entries: they come again.
    pub async fn give_back(&self, entries: Vec<PushId>) {
        // In the data folder they have stayed where they were.
        if let Self::JetStream(store) = self {
            for entry in entries {
                if let PushId::Delivery(delivery) = entry {
                    store.not_pushed(*delivery).await;
                }
            }
        }
    }

    /// Whether the store is there.
    pub fn is_there(&self) -> bool {
        match self {
            Self::Embedded(store) => store.is_open(),
            Self::JetStream(store) => store.is_healthy(),
        }
    }

    /// Finishes what is in hand and closes. What other machines have to do with is finished by `deadline` or not at all.
    pub async fn close(self, deadline: Instant) {
        match self {
            Self::Embedded(store) => store.close().await,
            Self::JetStream(store) => store.close(deadline).await,
        }
    }
}

/// Where the reading of a queue is.
pub enum Reader {
    Embedded { store: embedded::Store, queue: Account, after: MsgId },
    JetStream(Box<jetstream::Reader>),
}

impl Reader {
    /// The next messages, oldest first. Fewer than `limit` are the end of the queue.
    pub async fn page(&mut self, limit: usize) -> Result<Vec<StoredMessage>, StoreError> {
        match self {
            Self::Embedded { store, queue, after } => {
                let rows = store.page(*queue, *after, limit).await?;
                *after = rows.last().map_or(*after, |row| row.msgid);
                Ok(rows)
            }
            Self::JetStream(reader) => Ok(reader.page(limit).await?),
        }
    }
}

/// What to take an entry out of the push outbox with.
#[derive(Debug)]
pub enum PushId {
    /// The embedded store's.
    Row(embedded::PushId),
    /// `JetStream`'s.
    Delivery(Box<jetstream::Delivery>),
}

/// An entry of the push outbox.
#[derive(Debug)]
pub struct PushEntry {
    /// What to acknowledge it with.
    pub id: PushId,
    /// Whom to push it to.
    pub to: Account,
    /// What the body is.
    pub command: Command,
    /// The body of the message (W4).
    pub body: Bytes,
}

impl From<embedded::PushEntry> for PushEntry {
    fn from(embedded::PushEntry { id, to, command, body }: embedded::PushEntry) -> Self {
        Self { id: PushId::Row(id), to, command, body }
    }
}

/// Why the store did not do what it was asked for.
#[derive(Debug, Error)]
pub enum StoreError {
    #[error(transparent)]
    Embedded(#[from] embedded::StoreError),
    #[error(transparent)]
    JetStream(#[from] jetstream::JetStreamError),
}
