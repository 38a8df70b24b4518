//! Batches of the push outbox, each with the means to acknowledge it.

use crate::store::embedded::{self, OutboxRow};
use crate::store::error::StoreError;
use crate::store::jetstream::{JetStream, Receipt};
use crate::store::push::PushEntry;

/// Entries of the push outbox, oldest first. They are returned again until they are
/// [`done`](Self::done).
pub struct PushBatch {
    entries: Vec<PushEntry>,
    receipts: Receipts,
}

/// How the store that the entries came from removes them.
enum Receipts {
    Embedded { store: embedded::Store, ids: Vec<embedded::PushId> },
    JetStream(Vec<Receipt>),
}

impl PushBatch {
    /// At most `limit` entries of an embedded store. Waits until there are some.
    pub(super) async fn embedded(
        store: &embedded::Store,
        limit: usize,
    ) -> Result<Self, StoreError> {
        loop {
            let rows = store.pushes(limit).await?;
            if !rows.is_empty() {
                let split =
                    |OutboxRow { id, to, command, body }| (PushEntry { to, command, body }, id);
                let (entries, ids) = rows.into_iter().map(split).unzip();
                let receipts = Receipts::Embedded { store: store.clone(), ids };
                return Ok(Self { entries, receipts });
            }
            store.push_arrived().await;
        }
    }

    /// At most `limit` entries on NATS. Waits until there are some.
    pub(super) async fn jetstream(store: &JetStream, limit: usize) -> Result<Self, StoreError> {
        let (entries, receipts) = store.pushes(limit).await?.into_iter().unzip();
        Ok(Self { entries, receipts: Receipts::JetStream(receipts) })
    }

    pub fn entries(&self) -> &[PushEntry] {
        &self.entries
    }

    /// Removes the entries from the outbox: the sink has taken them.
    pub async fn done(self) -> Result<(), StoreError> {
        match self.receipts {
            Receipts::Embedded { store, ids } => store.pushed(ids).await?,
            Receipts::JetStream(receipts) => {
                for receipt in receipts {
                    receipt.done().await?;
                }
            }
        }
        Ok(())
    }

    /// Puts the entries back: the sink has not taken them.
    pub async fn give_back(self) {
        match self.receipts {
            // They have never left the outbox.
            Receipts::Embedded { .. } => {}
            Receipts::JetStream(receipts) => {
                for receipt in receipts {
                    receipt.give_back().await;
                }
            }
        }
    }
}
