//! The thread that writes, in group commits.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use crate::store::embedded::catch_up::catch_up;
use crate::store::embedded::error::{OpenError, StoreError, is_corrupt, is_local};
use crate::store::embedded::indexer::Indexer;
use crate::store::embedded::jobs::Job;
use crate::store::embedded::lookup::Lookup;
use crate::store::embedded::message::Messages;
use crate::store::embedded::options::{Options, Step, permit};
use crate::store::embedded::outbox::Outbox;
use crate::store::embedded::schema::Lock;
use crate::store::embedded::status::Status;
use crate::store::embedded::task::{Done, Task};
use crate::store::embedded::wal::{Commits, Log};
use crate::store::observer::Group;

pub(super) struct Writer {
    db: Connection,
    queue: mpsc::UnboundedReceiver<Job>,
    options: Options,
    status: Arc<Status>,
    messages: Messages,
    indexer: Indexer,
    outbox: Outbox,
    log: Log,
    /// A tick has come since the index was worked on.
    ticked: bool,
    /// The write or sync that failed, until a full checkpoint has succeeded.
    poisoned: Option<Arc<rusqlite::Error>>,
    _lock: Lock,
}

impl Writer {
    pub(super) fn new(
        (lock, db): (Lock, Connection),
        queue: mpsc::UnboundedReceiver<Job>,
        options: Options,
        status: Arc<Status>,
    ) -> Result<Self, OpenError> {
        let last = db.query_one("SELECT ifnull(max(n), 0) FROM message", [], |row| row.get(0))?;
        let mut indexer = Indexer::open(&db, &options, Arc::clone(&status))?;
        let mut log = Log::of(&db, options.fault.clone());
        catch_up(&db, &mut log, &mut indexer, last, &status, &options)?;
        let messages = Messages::new(last.max(indexer.last()), &options);
        let outbox = Outbox::open(&db, options.pushes, &status)?;
        status.set_waiting(outbox.len());
        Ok(Self {
            db,
            queue,
            options,
            status,
            messages,
            indexer,
            outbox,
            log,
            ticked: false,
            poisoned: None,
            _lock: lock,
        })
    }

    pub(super) fn lookup(&self) -> Lookup {
        self.indexer.lookup()
    }

    /// Works until the store is closed, or all handles are dropped.
    pub(super) fn run(mut self) {
        let mut closing = Vec::new();
        while let Some(first) = self.queue.blocking_recv() {
            let group = self.gather(first, &mut closing);
            if !closing.is_empty() {
                // `blocking_recv` still returns what was sent before, and then `None`.
                self.queue.close();
            }
            self.status.set_busy(true);
            let group = self.admit(group);
            let messages = group.iter().map(|job| job.task.messages()).sum();
            self.handle(group);
            self.index(messages);
            self.report_unindexed();
            self.checkpoint_if_due();
            self.status.set_busy(false);
        }
        if let Err(error) = self.finish() {
            tracing::warn!(%error, "the store's log was not emptied; the next start does it");
        }
        drop(self);
        for answer in closing {
            let _ = answer.send(());
        }
    }

    /// The next start finds an index that is up to date, and an empty log.
    fn finish(&mut self) -> rusqlite::Result<()> {
        while self.poisoned.is_none() && self.indexer.waiting() > 0 {
            self.indexer.freeze();
            if self.step().is_err() {
                // The next start reads the rest again.
                break;
            }
            self.checkpoint_if_due();
        }
        self.log.empty(&self.db)
    }

    /// Takes what is queued, up to the size of a group.
    fn gather(&mut self, first: Job, closing: &mut Vec<oneshot::Sender<()>>) -> Vec<Job> {
        let (mut group, mut weight) = (Vec::new(), 0_usize);
        let mut next = Some(first);
        while let Some(Job { task, permit }) = next {
            weight =
                weight.saturating_add(permit.as_ref().map_or(0, OwnedSemaphorePermit::num_permits));
            match task {
                Task::Close { answer } => closing.push(answer),
                Task::Tick => self.ticked = true,
                task => group.push(Job { task, permit }),
            }
            let full = weight >= self.options.group.get();
            next = if full { None } else { self.queue.try_recv().ok() };
        }
        group
    }

    /// Messages fail in a folder that is gone, and before they take the last room of the disk, or
    /// more memory than the tail may have.
    fn admit(&mut self, group: Vec<Job>) -> Vec<Job> {
        let Err(error) = self.make_room() else { return group };
        let is_save = |job: &Job| matches!(job.task, Task::Save { .. });
        let (saves, others): (Vec<Job>, Vec<Job>) = group.into_iter().partition(is_save);
        if !saves.is_empty() {
            self.fail(saves, Group::default(), &error);
        }
        others
    }

    fn make_room(&mut self) -> Result<(), StoreError> {
        if self.status.is_gone() {
            return Err(StoreError::Gone);
        }
        if self.status.has_no_space() {
            return Err(StoreError::NoSpace);
        }
        // It is full only while steps fail.
        while self.indexer.is_full() {
            self.recover()?;
            self.step()?;
        }
        Ok(())
    }

    /// Stores a group, then answers. There is no answer before the commit.
    ///
    /// If one row may be to blame, the group is stored in two halves, and so on, so that only those
    /// fail who need that row.
    fn handle(&mut self, group: Vec<Job>) {
        let mut parts = if group.is_empty() { Vec::new() } else { vec![group] };
        while let Some(mut part) = parts.pop() {
            let mut report = Group::default();
            let started = Instant::now();
            let result = self.recover().and_then(|()| self.store(&part, &mut report));
            report.took = started.elapsed();
            match result {
                Ok(done) => self.answer(part, done, &report),
                Err(StoreError::Failed(error)) if part.len() > 1 && is_local(&error) => {
                    let rest = part.split_off(part.len() / 2);
                    parts.extend([rest, part]);
                }
                Err(error) => self.fail(part, report, &error),
            }
        }
    }

    fn store(&mut self, group: &[Job], report: &mut Group) -> Result<Vec<Done>, StoreError> {
        match self.transact(group, report) {
            Ok(done) => {
                self.indexer.append(self.messages.commit());
                Ok(done)
            }
            Err(error) => {
                self.messages.roll_back();
                self.outbox.roll_back();
                self.roll_back();
                Err(self.note_failure(error))
            }
        }
    }

    fn transact(&mut self, group: &[Job], report: &mut Group) -> rusqlite::Result<Vec<Done>> {
        let Self { db, messages, indexer, log, outbox, options, .. } = self;
        log.set_commits(db, Commits::Synced)?;
        db.execute_batch("BEGIN IMMEDIATE")?;
        let mut inserts = messages.inserts(db, indexer)?;
        let mut done = Vec::with_capacity(group.len());
        for Job { task, .. } in group {
            done.push(task.perform(db, &mut inserts, outbox, report)?);
        }
        drop(inserts);
        log.extend_if_due();
        let started = Instant::now();
        permit(options.fault.as_deref(), Step::Commit)?;
        db.execute_batch("COMMIT")?;
        report.commit = started.elapsed();
        Ok(done)
    }

    fn answer(&mut self, group: Vec<Job>, done: Vec<Done>, report: &Group) {
        self.status.write_succeeded();
        let pushes = self.outbox.commit();
        self.status.set_waiting(self.outbox.len());
        if let Some(observer) = &self.options.observer {
            observer.group(report);
            observer.pushes(pushes);
        }
        for (Job { task, .. }, done) in group.into_iter().zip(done) {
            task.succeed(done);
        }
        if pushes.queued > 0 {
            self.status.pushes.notify_one();
        }
    }

    fn report_unindexed(&self) {
        if let Some(observer) = &self.options.observer {
            observer.unindexed(self.indexer.waiting());
        }
    }

    /// Answers a group of which nothing is stored.
    fn fail(&self, group: Vec<Job>, report: Group, error: &StoreError) {
        let messages = group.iter().map(|job| job.task.messages()).sum();
        if let Some(observer) = &self.options.observer {
            let failure = Some(error.save_failure());
            observer.group(&Group { messages, repeats: 0, failure, ..report });
        }
        for Job { task, .. } in group {
            task.fail(error);
        }
    }

    /// Moves on with the index, so far that it keeps up with the messages, and further while there
    /// is nothing else to do.
    fn index(&mut self, messages: usize) {
        let mut steps = self.indexer.steps_after(messages);
        let idle_until = std::mem::take(&mut self.ticked).then(|| Instant::now() + IDLE_WORK);
        while self.poisoned.is_none() && self.indexer.has_work() {
            let is_idle =
                self.queue.is_empty() && idle_until.is_some_and(|end| Instant::now() < end);
            if (steps == 0 && !self.indexer.is_full() && !is_idle) || self.step().is_err() {
                return;
            }
            steps = steps.saturating_sub(1);
            self.checkpoint_if_due();
        }
    }

    /// A step of the index. It waits for no sync, and needs none: the next group's covers it.
    fn step(&mut self) -> Result<(), StoreError> {
        let step = self.log.set_commits(&self.db, Commits::Unsynced);
        let step = step.and_then(|()| self.indexer.step(&self.db));
        step.map_err(|error| {
            self.indexer.roll_back();
            self.roll_back();
            self.note_failure(error)
        })
    }

    fn roll_back(&mut self) {
        // After some errors SQLite has rolled back already.
        if !self.db.is_autocommit()
            && let Err(error) = self.db.execute_batch("ROLLBACK")
        {
            self.poisoned = Some(Arc::new(error));
        }
    }

    fn note_failure(&mut self, error: rusqlite::Error) -> StoreError {
        let error = Arc::new(error);
        if is_corrupt(&error) {
            self.status.found_corrupt(&error);
        } else if is_local(&error) {
            tracing::warn!(%error, "the store cannot write a row");
        } else {
            let poisoned = error.sqlite_error_code() == Some(ErrorCode::SystemIoFailure);
            if poisoned {
                self.poisoned = Some(Arc::clone(&error));
            }
            self.status.write_failed(&error, poisoned);
        }
        StoreError::Failed(error)
    }

    /// After a failed sync the state of its pages is unknown. A full checkpoint rewrites what the
    /// log has committed, syncs it, and empties the log of the rest.
    fn recover(&mut self) -> Result<(), StoreError> {
        let Some(cause) = self.poisoned.take() else { return Ok(()) };
        self.log.empty(&self.db).map(drop).map_err(|_| {
            self.poisoned = Some(Arc::clone(&cause));
            StoreError::Poisoned(cause)
        })
    }

    fn checkpoint_if_due(&mut self) {
        if self.poisoned.is_none() {
            self.log.checkpoint_if_due(&self.db);
        }
    }
}

/// How long a tick's work on the index takes at most. It ends earlier if there is a request.
const IDLE_WORK: Duration = Duration::from_millis(500);
