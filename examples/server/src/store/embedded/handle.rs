//! The handle to the embedded store.

use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::thread::JoinHandle;

use kefu_proto::{Account, DeviceId, Effects, MsgId, Platform, Saves};
use tokio::sync::oneshot;

use crate::dialect::Shown;
use crate::store::embedded::disk::DATABASE;
use crate::store::embedded::error::{OpenError, StoreError, is_corrupt};
use crate::store::embedded::jobs::{JobQueue, weight};
use crate::store::embedded::lookup::Lookup;
use crate::store::embedded::options::Options;
use crate::store::embedded::outbox::{self, OutboxRow, PushId};
use crate::store::embedded::read::{self, ReadPool};
use crate::store::embedded::status::Status;
use crate::store::embedded::task::{Stored, Task};
use crate::store::embedded::writer::Writer;
use crate::store::embedded::{dialects, keys, mark, schema};
use crate::store::health::Problem;
use crate::store::page::{Page, PageBounds};
use crate::store::push::Push;

/// A handle to the store; clones are handles to the same one.
///
/// When the last is dropped, what was queued is still stored, in the background;
/// [`close`](Self::close) waits for it.
#[derive(Clone, Debug)]
pub struct Store {
    pub(super) jobs: JobQueue,
    pub(super) readers: ReadPool,
    lookup: Lookup,
    pub(super) status: Arc<Status>,
    thread: Arc<Mutex<Option<JoinHandle<()>>>>,
}

impl Store {
    /// Opens the data folder `dir`, and creates it if it does not exist.
    ///
    /// # Errors
    ///
    /// [`OpenError`], whose text is one line for the operator.
    pub fn open(dir: &Path, options: Options) -> Result<Self, OpenError> {
        Self::open_folder(dir, options).map_err(|error| match error {
            OpenError::Database(source) if is_corrupt(&source) => {
                OpenError::Corrupt { path: dir.join(DATABASE), source }
            }
            error => error,
        })
    }

    fn open_folder(dir: &Path, options: Options) -> Result<Self, OpenError> {
        let database = schema::open_folder(dir, &options)?;
        let lock = database.0.file()?;
        let status = Arc::new(Status::new(dir.to_owned(), lock, options.clone()));
        status.look_around();
        let (jobs, queue) = JobQueue::new(options.waiting.get());
        let readers = options.readers;
        let writer = Writer::new(database, queue, options, Arc::clone(&status))?;
        let lookup = writer.lookup();
        let readers = ReadPool::open(dir, readers, Arc::clone(&status))?;
        let thread = std::thread::Builder::new()
            .name("store".into())
            .spawn(move || writer.run())
            .map_err(|source| OpenError::Io { path: dir.to_owned(), source })?;
        let thread = Arc::new(Mutex::new(Some(thread)));
        Ok(Self { jobs, readers, lookup, status, thread })
    }

    /// Stores both copies of every message, in order, and answers once they are on disk.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: the batch does not count as stored, and none of its effects may happen (H8).
    pub async fn save(&self, batch: Vec<Saves>) -> Result<Vec<Effects>, StoreError> {
        self.submit(batch).await?.await
    }

    /// The first half of [`save`](Self::save): waits until the queue has room and takes a place in
    /// it.
    ///
    /// Batches get their msgids in the order in which this has returned, so that a connection may
    /// submit the next batch before the last one is on disk.
    ///
    /// # Errors
    ///
    /// [`StoreError::Closed`].
    pub async fn submit(&self, batch: Vec<Saves>) -> Result<Saving, StoreError> {
        let weight = batch.iter().map(weight).fold(0, u32::saturating_add);
        let marks = batch.iter().map(mark::mark_of).collect();
        let (answer, saving) = oneshot::channel();
        self.jobs.push(weight, Task::Save { batch, marks, answer }).await?;
        Ok(Saving { answer: saving })
    }

    /// The messages of a queue with greater msgids than `after`, oldest first.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the queue could not be read.
    pub async fn page(
        &self,
        queue: Account,
        after: MsgId,
        bounds: PageBounds,
    ) -> Result<Page, StoreError> {
        let lookup = self.lookup.clone();
        self.readers.read(move |db| read::page(db, &lookup, queue, after, bounds)).await
    }

    /// The newest msgid of a queue; 0 if it is empty.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the queue could not be read.
    pub async fn newest(&self, queue: Account) -> Result<MsgId, StoreError> {
        let lookup = self.lookup.clone();
        let newest = self.readers.read(move |db| lookup.newest(db, queue)).await?;
        Ok(newest.unwrap_or(MsgId(0)))
    }

    /// The sync key that is kept for an account; 0 if there is none (S2).
    ///
    /// # Errors
    ///
    /// [`StoreError`] if it could not be read.
    pub async fn kept_key(&self, account: Account) -> Result<MsgId, StoreError> {
        self.readers.read(move |db| keys::kept_key(db, account)).await
    }

    /// Keeps a sync key, unless a larger one is kept already (S3).
    ///
    /// # Errors
    ///
    /// [`StoreError`]: it may not have been kept.
    pub async fn keep_key(&self, account: Account, key: MsgId) -> Result<(), StoreError> {
        self.jobs.ask(|answer| Task::KeepKey { account, key, answer }).await
    }

    /// What an account's client on a platform has shown, if that is known (D1.8).
    ///
    /// # Errors
    ///
    /// [`StoreError`] if it could not be read.
    pub async fn shown(
        &self,
        account: Account,
        platform: Platform,
    ) -> Result<Option<Shown>, StoreError> {
        self.readers.read(move |db| dialects::shown(db, account, platform)).await
    }

    /// Keeps it instead of what was known.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: it may not have been kept.
    pub async fn keep_shown(
        &self,
        account: Account,
        platform: Platform,
        shown: Shown,
    ) -> Result<(), StoreError> {
        self.jobs.ask(|answer| Task::KeepShown { account, platform, shown, answer }).await
    }

    /// The number of a device that has one.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if it could not be read.
    pub async fn known_device(
        &self,
        name: Vec<u8>,
        platform: Platform,
    ) -> Result<Option<DeviceId>, StoreError> {
        self.readers.read(move |db| keys::known_device(db, &name, platform)).await
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
        self.jobs.ask(|answer| Task::Device { name, platform, answer }).await
    }

    /// Queues an entry for the push outbox. It does not wait for the commit: the message itself is
    /// stored already, so a crash costs at most its push.
    ///
    /// # Errors
    ///
    /// [`StoreError::Closed`].
    pub async fn push(&self, entry: Push) -> Result<(), StoreError> {
        self.jobs.push(1, Task::Push { entry }).await
    }

    /// The `limit` oldest entries of the push outbox. They stay there until
    /// [`pushed`](Self::pushed).
    ///
    /// # Errors
    ///
    /// [`StoreError`] if they could not be read.
    pub async fn pushes(&self, limit: usize) -> Result<Vec<OutboxRow>, StoreError> {
        self.readers.read(move |db| outbox::oldest(db, limit)).await
    }

    /// Removes entries from the push outbox, which the sink has taken.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: they may still be there, and be returned again.
    pub async fn pushed(&self, entries: Vec<PushId>) -> Result<(), StoreError> {
        self.jobs.ask(|answer| Task::Pushed { entries, answer }).await
    }

    /// Waits until entries have come into the push outbox since the last call. For a single
    /// sink, which must read the outbox once before the first call.
    pub async fn push_arrived(&self) {
        self.status.pushes.notified().await;
    }

    /// Whether the store's thread is running: it ends when the store is closed, and if it panics.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.jobs.is_open()
    }

    /// What keeps the store from doing its work, as far as it knows.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        if self.is_open() { self.status.problems() } else { vec![Problem::Stopped] }
    }

    /// Stores what is queued, empties the write-ahead log and ends the store's thread. Every later
    /// call, through any clone, fails with [`StoreError::Closed`].
    pub async fn close(self) {
        self.jobs.close();
        self.readers.close().await;
        self.jobs.finish().await;
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        // The thread has answered that it is done, so this does not block.
        if let Some(thread) = thread
            && thread.join().is_err()
        {
            tracing::error!("the store's thread panicked");
        }
    }
}

/// A queued batch: resolves when it is on disk, or has failed. Dropping this does not take the
/// batch back.
#[derive(Debug)]
#[must_use = "a batch is stored only when this says so"]
pub struct Saving {
    answer: oneshot::Receiver<Result<Stored, StoreError>>,
}

impl Future for Saving {
    type Output = Result<Vec<Effects>, StoreError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = ready!(Pin::new(&mut self.answer).poll(cx));
        Poll::Ready(match answer {
            Ok(stored) => stored.map(Stored::into_effects),
            Err(_) => Err(StoreError::Closed),
        })
    }
}
