//! The store as the rest of the server sees it: embedded, or on NATS.

use std::pin::Pin;
use std::task::{Context, Poll};

use kefu_proto::{Account, DeviceId, Effects, MsgId, Platform, Saves};
use tokio::time::Instant;

use crate::dialect::Shown;
use crate::store::embedded;
use crate::store::error::StoreError;
use crate::store::health::Problem;
use crate::store::jetstream::{self, JetStream};
use crate::store::outbox::PushBatch;
use crate::store::page::{Page, PageBounds};
use crate::store::push::Push;

/// A handle to the store; clones are handles to the same one.
#[derive(Clone)]
pub enum Store {
    /// In a data folder, for a single server.
    Embedded(embedded::Store),
    /// On NATS, for any number of servers.
    JetStream(JetStream),
}

impl Store {
    /// Takes the messages of one connection, in order. They are stored when the answers resolve,
    /// which must be awaited in order, too.
    pub async fn submit(&self, batch: Vec<Saves>) -> Result<Vec<PendingSave>, StoreError> {
        match self {
            Self::Embedded(store) => {
                let messages = batch.len();
                let saving = store.submit(batch).await?;
                Ok(vec![PendingSave::new(messages, async { Ok(saving.await?) })])
            }
            Self::JetStream(store) => {
                let save = |saves| {
                    let store = store.clone();
                    // In a box that is made when it is polled: many wait for their turn.
                    PendingSave::new(1, async move { Ok(vec![Box::pin(store.save(saves)).await?]) })
                };
                Ok(batch.into_iter().map(save).collect())
            }
        }
    }

    /// Whether messages are stored in the order in which they are submitted, whichever connection
    /// they are of.
    pub const fn is_ordered(&self) -> bool {
        match self {
            Self::Embedded(_) => true,
            Self::JetStream(_) => false,
        }
    }

    /// Reads the messages of a queue with greater msgids than `after`.
    pub fn reader(&self, queue: Account, after: MsgId) -> QueueReader {
        match self {
            Self::Embedded(store) => QueueReader::Embedded { store: store.clone(), queue, after },
            Self::JetStream(store) => QueueReader::JetStream(store.reader(queue, after)),
        }
    }

    /// The newest msgid of a queue; 0 if it is empty.
    pub async fn newest(&self, queue: Account) -> Result<MsgId, StoreError> {
        Ok(match self {
            Self::Embedded(store) => store.newest(queue).await?,
            Self::JetStream(store) => store.newest(queue).await?.unwrap_or(MsgId(0)),
        })
    }

    /// The sync key that is kept for an account; 0 if there is none (S2.1).
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

    /// What an account's client on a platform has shown, if that is known (D1.8).
    pub async fn shown(
        &self,
        account: Account,
        platform: Platform,
    ) -> Result<Option<Shown>, StoreError> {
        Ok(match self {
            Self::Embedded(store) => store.shown(account, platform).await?,
            Self::JetStream(store) => store.shown(account, platform).await?,
        })
    }

    /// Keeps it instead of what was known.
    pub async fn keep_shown(
        &self,
        account: Account,
        platform: Platform,
        shown: Shown,
    ) -> Result<(), StoreError> {
        match self {
            Self::Embedded(store) => store.keep_shown(account, platform, shown).await?,
            Self::JetStream(store) => store.keep_shown(account, platform, shown).await?,
        }
        Ok(())
    }

    /// The number of a device that has one.
    pub async fn known_device(
        &self,
        name: &[u8],
        platform: Platform,
    ) -> Result<Option<DeviceId>, StoreError> {
        Ok(match self {
            Self::Embedded(store) => store.known_device(name.to_vec(), platform).await?,
            Self::JetStream(store) => store.known_device(name, platform).await?,
        })
    }

    /// The number of a device: one for each pair of name and platform, forever (S1.2).
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
            // In a box: it is large, and every connection has room for it.
            Self::JetStream(store) => Box::pin(store.push(&entry)).await?,
        }
        Ok(())
    }

    /// At most `limit` entries of the push outbox. Waits until there are some.
    pub async fn pushes(&self, limit: usize) -> Result<PushBatch, StoreError> {
        match self {
            Self::Embedded(store) => PushBatch::embedded(store, limit).await,
            Self::JetStream(store) => PushBatch::jetstream(store, limit).await,
        }
    }

    /// What keeps the store from doing its work, as far as it knows.
    pub fn problems(&self) -> Vec<Problem> {
        match self {
            Self::Embedded(store) => store.problems(),
            Self::JetStream(store) => store.problems(),
        }
    }

    /// Looks after the store, until it is closed: without this, health does not return by itself.
    pub async fn watch(self) {
        match self {
            Self::Embedded(store) => store.watch().await,
            Self::JetStream(store) => store.watch().await,
        }
    }

    /// Finishes what is in flight and closes. What depends on other machines is given up at
    /// `deadline`.
    pub async fn close(self, deadline: Instant) {
        match self {
            Self::Embedded(store) => store.close().await,
            Self::JetStream(store) => store.close(deadline).await,
        }
    }
}

/// Reads a queue, page by page.
pub enum QueueReader {
    Embedded { store: embedded::Store, queue: Account, after: MsgId },
    JetStream(jetstream::QueueReader),
}

impl QueueReader {
    /// The next messages of the queue, oldest first.
    pub async fn page(&mut self, bounds: PageBounds) -> Result<Page, StoreError> {
        match self {
            Self::Embedded { store, queue, after } => {
                let page = store.page(*queue, *after, bounds).await?;
                *after = page.rows.last().map_or(*after, |row| row.msgid);
                Ok(page)
            }
            Self::JetStream(reader) => Ok(reader.page(bounds).await?),
        }
    }
}

/// Messages that are being stored: resolves to their effects.
///
/// It may be polled only after all earlier ones of the connection have resolved. The embedded store
/// works meanwhile. `JetStream` starts when it is polled, which keeps a sender's order however
/// often a message has to be sent again.
pub struct PendingSave {
    messages: usize,
    effects: Pin<Box<dyn Future<Output = Result<Vec<Effects>, StoreError>> + Send>>,
}

impl PendingSave {
    pub(crate) fn new(
        messages: usize,
        effects: impl Future<Output = Result<Vec<Effects>, StoreError>> + Send + 'static,
    ) -> Self {
        Self { messages, effects: Box::pin(effects) }
    }

    /// How many messages are being stored.
    pub const fn messages(&self) -> usize {
        self.messages
    }
}

impl Future for PendingSave {
    type Output = Result<Vec<Effects>, StoreError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.effects.as_mut().poll(cx)
    }
}
