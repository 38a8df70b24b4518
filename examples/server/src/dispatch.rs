//! Stores messages and forwards their effects in the order of the queues.
//!
//! A live copy is of use only to a client that has the message before it (H14.4). If each
//! connection forwarded its own effects, those of several senders to one receiver would overtake
//! each other. So one task forwards for all connections, in the order in which the store stores. It
//! never waits for a connection, since outboxes do not.
//!
//! On NATS, where a queue has writers on many servers, there is no such order. There each
//! connection forwards its own.

use std::sync::Arc;

use kefu_proto::{Effects, Saves};
use tokio::sync::{Mutex, mpsc, oneshot};

use crate::forward::Forwarder;
use crate::router::ConnectionId;
use crate::store::{PendingSave, Store, StoreError};

/// A store whose effects are forwarded.
pub struct Dispatcher {
    store: Store,
    forwarder: Arc<Forwarder>,
    /// Locked while messages get their place in the store's queue and in this one, so that both have
    /// the same order.
    jobs: Mutex<mpsc::UnboundedSender<Job>>,
}

/// Messages of one connection that are being stored.
struct Job {
    save: PendingSave,
    from: ConnectionId,
    answer: oneshot::Sender<Result<Vec<Effects>, StoreError>>,
}

impl Dispatcher {
    /// Starts the task, which ends with the dispatcher.
    pub fn new(store: Store, forwarder: Arc<Forwarder>) -> Self {
        let (jobs, queue) = mpsc::unbounded_channel();
        tokio::spawn(run(queue, Arc::clone(&forwarder)));
        Self { store, forwarder, jobs: Mutex::new(jobs) }
    }

    /// Takes the messages of one connection, in order, as [`Store::submit`] does. When an answer
    /// resolves, its effects have been forwarded.
    pub async fn submit(
        &self,
        batch: Vec<Saves>,
        from: ConnectionId,
    ) -> Result<Vec<PendingSave>, StoreError> {
        if self.store.is_ordered() {
            let jobs = self.jobs.lock().await;
            let saves = self.store.submit(batch).await?;
            return Ok(saves.into_iter().map(|save| in_turn(&jobs, save, from)).collect());
        }
        let saves = self.store.submit(batch).await?;
        Ok(saves.into_iter().map(|save| self.by_itself(save, from)).collect())
    }

    fn by_itself(&self, save: PendingSave, from: ConnectionId) -> PendingSave {
        let forwarder = Arc::clone(&self.forwarder);
        PendingSave::new(save.messages(), async move { forward(save, &forwarder, from).await })
    }
}

fn in_turn(
    jobs: &mpsc::UnboundedSender<Job>,
    save: PendingSave,
    from: ConnectionId,
) -> PendingSave {
    let messages = save.messages();
    let (answer, answered) = oneshot::channel();
    // With an error the task has ended, and the answer is dropped.
    let _ = jobs.send(Job { save, from, answer });
    PendingSave::new(messages, async { answered.await.unwrap_or(Err(StoreError::closed())) })
}

async fn run(mut queue: mpsc::UnboundedReceiver<Job>, forwarder: Arc<Forwarder>) {
    while let Some(Job { save, from, answer }) = queue.recv().await {
        // The connection may have ended.
        let _ = answer.send(forward(save, &forwarder, from).await);
    }
}

async fn forward(
    save: PendingSave,
    forwarder: &Forwarder,
    from: ConnectionId,
) -> Result<Vec<Effects>, StoreError> {
    let stored = save.await?;
    for effects in &stored {
        // In a box: it is large, and every message that waits for its turn has room for it.
        Box::pin(forwarder.forward(effects, from)).await;
    }
    Ok(stored)
}
