//! The embedded store: queues, kept sync keys, devices and the push outbox in one `SQLite`
//! database.
//!
//! One thread writes. It takes everything that waits, stores it in one transaction, and answers
//! when the disk has it: a group commit. Reads have connections of their own and never wait for
//! it.
//!
//! # An idempotent store
//!
//! A message whose content is a JSON object with a top-level string `uuid` is stored once for its
//! sender and receiver: a repeat is answered with the msgids of the first copies. The receiver is
//! part of the key, although clients give each message a uuid of its own: one that did not would
//! otherwise lose what it says to a second receiver. Without a `uuid` nothing is a repeat.
//!
//! # Failures
//!
//! A group is stored whole or not at all, and all who wait for it are told. After a full disk the
//! next group is simply tried. After any other failed write or sync the kernel may have dropped
//! pages that it still shows as written, so nothing is stored until a checkpoint has written what
//! the log has committed anew, and emptied the log; each start does that, too. Until then every
//! save is an error. A group that failed can come to light after a crash, as if only its answer
//! had been lost; an answered group is never lost.

mod error;
mod message;
mod options;
mod outbox;
mod reader;
mod repeat;
mod row;
mod schema;
mod writer;

use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::thread::JoinHandle;

use kefu_proto::{Account, DeviceId, Effects, MsgId, Platform, Saves, StoredMessage};
use tokio::sync::{Notify, Semaphore, mpsc, oneshot};

pub use error::{OpenError, StoreError};
pub use options::{Fault, Group, Observer, Options, Step};
pub use outbox::{Push, PushEntry, PushId};
use reader::Readers;
use writer::{Job, Task, Writer};

/// A handle to the store; clones are handles to the same one.
///
/// When the last is dropped, what was queued is still stored, in the background;
/// [`close`](Self::close) waits for it.
#[derive(Clone, Debug)]
pub struct Store {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    jobs: mpsc::UnboundedSender<Job>,
    room: Arc<Semaphore>,
    room_in_all: u32,
    readers: Readers,
    pushed: Arc<Notify>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Store {
    /// Opens the data folder `dir`, and makes it where there is none.
    ///
    /// # Errors
    ///
    /// [`OpenError`], whose text is one line for the operator.
    pub fn open(dir: &Path, options: Options) -> Result<Self, OpenError> {
        let (lock, connection) = schema::open_folder(dir, &options)?;
        let readers = Readers::open(dir, options.readers)?;
        let (jobs, queue) = mpsc::unbounded_channel();
        let waiting = options.waiting.get().min(Semaphore::MAX_PERMITS);
        let room = Arc::new(Semaphore::new(waiting));
        let room_in_all = u32::try_from(waiting).unwrap_or(u32::MAX);
        let pushed = Arc::new(Notify::new());
        let writer = Writer::new(connection, lock, queue, options, Arc::clone(&pushed))?;
        let thread = std::thread::Builder::new()
            .name("store".into())
            .spawn(move || writer.run())
            .map_err(|source| OpenError::Io { path: dir.to_owned(), source })?;
        let thread = Mutex::new(Some(thread));
        let shared = Shared { jobs, room, room_in_all, readers, pushed, thread };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Stores both copies of every message, in order, and answers when they are on disk.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: nothing of the batch counts as stored, and no effect may happen (H8).
    pub async fn save(&self, batch: Vec<Saves>) -> Result<Vec<Effects>, StoreError> {
        self.submit(batch).await?.await
    }

    /// The first half of [`save`](Self::save): waits for room in the queue and takes a place
    /// there.
    ///
    /// Batches get their msgids in the order in which this has returned, so that a connection may
    /// submit the next batch before the last one is on disk.
    ///
    /// # Errors
    ///
    /// [`StoreError::Closed`].
    pub async fn submit(&self, batch: Vec<Saves>) -> Result<Saving, StoreError> {
        let weight = batch.iter().map(writer::weight).fold(0, u32::saturating_add);
        let marks = batch.iter().map(repeat::mark_of).collect();
        let (answer, saving) = oneshot::channel();
        self.queue(weight, Task::Save { batch, marks, answer }).await?;
        Ok(Saving { answer: saving })
    }

    /// At most `limit` messages of a queue with greater msgids than `after`, oldest first. An
    /// empty page is the end of the queue.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the queue could not be read.
    pub async fn page(
        &self,
        queue: Account,
        after: MsgId,
        limit: usize,
    ) -> Result<Vec<StoredMessage>, StoreError> {
        self.shared.readers.read(move |db| reader::page(db, queue, after, limit)).await
    }

    /// The sync key that is kept for an account; 0 where none is (S2).
    ///
    /// # Errors
    ///
    /// [`StoreError`] when it could not be read.
    pub async fn kept_key(&self, account: Account) -> Result<MsgId, StoreError> {
        self.shared.readers.read(move |db| reader::kept_key(db, account)).await
    }

    /// Keeps a sync key, unless a larger one is kept already (S3).
    ///
    /// # Errors
    ///
    /// [`StoreError`]: it may not have been kept.
    pub async fn keep_key(&self, account: Account, key: MsgId) -> Result<(), StoreError> {
        self.ask(|answer| Task::KeepKey { account, key, answer }).await
    }

    /// The number of a device: one for each pair of name and platform, from 1, forever (S1).
    ///
    /// # Errors
    ///
    /// [`StoreError`]: the device has no number yet.
    pub async fn device_id(
        &self,
        name: Vec<u8>,
        platform: Platform,
    ) -> Result<DeviceId, StoreError> {
        self.ask(|answer| Task::Device { name, platform, answer }).await
    }

    /// Puts an entry into the push outbox with the next group, without waiting for that: the
    /// message itself is stored already, a crash costs at most its push.
    ///
    /// # Errors
    ///
    /// [`StoreError::Closed`].
    pub async fn push(&self, entry: Push) -> Result<(), StoreError> {
        self.queue(1, Task::Push { entry }).await
    }

    /// The `limit` oldest entries of the push outbox. They stay there until
    /// [`pushed`](Self::pushed).
    ///
    /// # Errors
    ///
    /// [`StoreError`] when they could not be read.
    pub async fn pushes(&self, limit: usize) -> Result<Vec<PushEntry>, StoreError> {
        self.shared.readers.read(move |db| outbox::oldest(db, limit)).await
    }

    /// The sink is done with these entries: they leave the outbox.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: they may still be there, and be handed out again.
    pub async fn pushed(&self, entries: Vec<PushId>) -> Result<(), StoreError> {
        self.ask(|answer| Task::Pushed { entries, answer }).await
    }

    /// Waits until entries have come into the push outbox since the last call. For one sink; read
    /// the outbox once before the first call.
    pub async fn push_arrived(&self) {
        self.shared.pushed.notified().await;
    }

    /// Whether the store's thread is there: it ends when the store is closed, and if it panics.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !self.shared.jobs.is_closed()
    }

    /// Stores what is queued, empties the write-ahead log and ends the store's thread. Whatever is
    /// asked of it afterwards, through any clone, is [`StoreError::Closed`].
    pub async fn close(self) {
        self.shared.room.close();
        self.shared.readers.close().await;
        let (answer, closed) = oneshot::channel();
        let task = Task::Close { answer };
        // An error means that the thread has ended already.
        if self.shared.jobs.send(Job { task, room: None }).is_ok() {
            let _ = closed.await;
        }
        let thread = self.shared.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // It has said that it is done, so this does not block.
            if thread.join().is_err() {
                tracing::error!("the store's thread panicked");
            }
        }
    }

    async fn ask<T>(
        &self,
        task: impl FnOnce(oneshot::Sender<Result<T, StoreError>>) -> Task,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.queue(1, task(answer)).await?;
        answered.await.map_err(|_| StoreError::Closed)?
    }

    /// The semaphore is fair: whoever asked first is served first, so a large batch cannot starve.
    async fn queue(&self, weight: u32, task: Task) -> Result<(), StoreError> {
        let Shared { jobs, room, room_in_all, .. } = &*self.shared;
        let room = Arc::clone(room)
            .acquire_many_owned(weight.min(*room_in_all))
            .await
            .map_err(|_| StoreError::Closed)?;
        jobs.send(Job { task, room: Some(room) }).map_err(|_| StoreError::Closed)
    }
}

/// A batch that has its place in the queue: resolves when it is on disk, or has failed. Dropping
/// this does not take the batch back.
#[derive(Debug)]
#[must_use = "a batch is stored only when this says so"]
pub struct Saving {
    answer: oneshot::Receiver<Result<writer::Stored, StoreError>>,
}

impl Future for Saving {
    type Output = Result<Vec<Effects>, StoreError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = ready!(Pin::new(&mut self.answer).poll(cx));
        Poll::Ready(match answer {
            Ok(stored) => stored.map(writer::Stored::into_effects),
            Err(_) => Err(StoreError::Closed),
        })
    }
}
