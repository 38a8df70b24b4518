//! The queue in front of the store's thread. It is bounded: callers wait while it is full.

use std::sync::Arc;

use kefu_proto::Saves;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use crate::store::embedded::error::StoreError;
use crate::store::embedded::task::{Answer, Task};

/// A task, and its share of the queue's capacity until it is done.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) task: Task,
    pub(super) permit: Option<OwnedSemaphorePermit>,
}

/// The sending half of the queue.
#[derive(Clone, Debug)]
pub(super) struct JobQueue {
    jobs: mpsc::UnboundedSender<Job>,
    free: Arc<Semaphore>,
    capacity: u32,
}

impl JobQueue {
    pub(super) fn new(capacity: usize) -> (Self, mpsc::UnboundedReceiver<Job>) {
        let (jobs, receiver) = mpsc::unbounded_channel();
        let permits = capacity.min(Semaphore::MAX_PERMITS);
        let free = Arc::new(Semaphore::new(permits));
        (Self { jobs, free, capacity: u32::try_from(permits).unwrap_or(u32::MAX) }, receiver)
    }

    /// Waits for capacity, then queues the task. The semaphore is fair, so a large batch does not
    /// starve.
    pub(super) async fn push(&self, weight: u32, task: Task) -> Result<(), StoreError> {
        let permit = Arc::clone(&self.free)
            .acquire_many_owned(weight.min(self.capacity))
            .await
            .map_err(|_| StoreError::Closed)?;
        self.jobs.send(Job { task, permit: Some(permit) }).map_err(|_| StoreError::Closed)
    }

    /// Queues a task and waits for its answer.
    pub(super) async fn ask<T>(
        &self,
        task: impl FnOnce(Answer<T>) -> Task,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.push(1, task(answer)).await?;
        answered.await.map_err(|_| StoreError::Closed)?
    }

    pub(super) fn is_open(&self) -> bool {
        !self.jobs.is_closed()
    }

    /// Tells the store's thread that time has passed, unless the queue is full.
    pub(super) fn tick(&self) {
        if let Ok(permit) = Arc::clone(&self.free).try_acquire_owned() {
            // With an error the thread has ended.
            let _ = self.jobs.send(Job { task: Task::Tick, permit: Some(permit) });
        }
    }

    /// Accepts no more tasks.
    pub(super) fn close(&self) {
        self.free.close();
    }

    /// Waits until the store's thread has done what is queued and has closed the database.
    pub(super) async fn finish(&self) {
        let (answer, closed) = oneshot::channel();
        let task = Task::Close { answer };
        // With an error the thread has ended already.
        if self.jobs.send(Job { task, permit: None }).is_ok() {
            let _ = closed.await;
        }
    }
}

/// How much of the capacity a message takes. Full KiB of content count, so that the memory of
/// queued contents is bounded.
pub(super) fn weight(saves: &Saves) -> u32 {
    let kib = saves.message().content().len() / 1024;
    u32::try_from(kib).unwrap_or(u32::MAX).saturating_add(1)
}
