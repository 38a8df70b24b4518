//! The one thread that writes: group commits.

use std::sync::Arc;
use std::time::Instant;

use kefu_proto::{Account, DeviceId, Effects, MsgId, Platform, Saved, Saves};
use rusqlite::{Connection, ErrorCode, MAIN_DB, wal::CheckpointMode};
use tokio::sync::{Notify, OwnedSemaphorePermit, mpsc, oneshot};

use super::message::Messages;
use super::options::{Fault, Group, Options, Step};
use super::outbox::{self, Outbox, Push, PushId};
use super::repeat::Mark;
use super::row::bind_bytes;
use super::schema::Lock;
use super::{OpenError, StoreError};

/// After how many pages in the write-ahead log they are copied into the database. More pages are
/// copied more rarely, but make those wait longer who come meanwhile.
const CHECKPOINT_PAGES: i32 = 4000;

/// Something to do, and the room that it takes in the queue until it is done.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) task: Task,
    pub(super) room: Option<OwnedSemaphorePermit>,
}

type Answer<T> = oneshot::Sender<Result<T, StoreError>>;

#[derive(Debug)]
pub(super) enum Task {
    Save { batch: Vec<Saves>, marks: Vec<Option<Mark>>, answer: Answer<Stored> },
    KeepKey { account: Account, key: MsgId, answer: Answer<()> },
    Device { name: Vec<u8>, platform: Platform, answer: Answer<DeviceId> },
    Push { entry: Push },
    Pushed { entries: Vec<PushId>, answer: Answer<()> },
    Close { answer: oneshot::Sender<()> },
}

/// A batch that is on disk. The caller's thread makes effects of it, not the store's.
#[derive(Debug)]
pub(super) struct Stored {
    batch: Vec<Saves>,
    msgids: Vec<Saved>,
}

impl Stored {
    pub(super) fn into_effects(self) -> Vec<Effects> {
        self.batch.into_iter().zip(self.msgids).map(|(saves, ids)| saves.saved(ids)).collect()
    }
}

/// How much room a message takes: full KiB of content count, so that waiting contents are bounded.
pub(super) fn weight(saves: &Saves) -> u32 {
    let [copy, _] = saves.requests();
    let kib = copy.message.body.content.len() / 1024;
    u32::try_from(kib).unwrap_or(u32::MAX).saturating_add(1)
}

pub(super) struct Writer {
    db: Connection,
    queue: mpsc::UnboundedReceiver<Job>,
    options: Options,
    pushed: Arc<Notify>,
    messages: Messages,
    outbox: Outbox,
    /// A write or sync has failed, and what it left behind has not been cleared up.
    doubt: Option<Arc<rusqlite::Error>>,
    /// The last group failed, and that has been logged.
    failing: bool,
    _lock: Lock,
}

impl Writer {
    pub(super) fn new(
        db: Connection,
        lock: Lock,
        queue: mpsc::UnboundedReceiver<Job>,
        options: Options,
        pushed: Arc<Notify>,
    ) -> Result<Self, OpenError> {
        let (messages, outbox) =
            (Messages::open(&db, options.marks, options.after)?, Outbox::open(&db)?);
        Ok(Self {
            db,
            queue,
            options,
            pushed,
            messages,
            outbox,
            doubt: None,
            failing: false,
            _lock: lock,
        })
    }

    /// Works until the store is closed, or nobody can ask for anything any more.
    pub(super) fn run(mut self) {
        let mut closing = Vec::new();
        while let Some(first) = self.queue.blocking_recv() {
            let group = self.gather(first, &mut closing);
            if !closing.is_empty() {
                // What was sent before this is still handed out; then `blocking_recv` ends the
                // loop.
                self.queue.close();
            }
            self.handle(group);
            self.checkpoint_if_due();
        }
        if let Err(error) = self.checkpoint(CheckpointMode::TRUNCATE) {
            tracing::warn!(%error, "the store's log was not emptied; the next start does it");
        }
        drop(self);
        for answer in closing {
            let _ = answer.send(());
        }
    }

    /// Whatever waits by now, up to the size of a group.
    fn gather(&mut self, first: Job, closing: &mut Vec<oneshot::Sender<()>>) -> Vec<Job> {
        let (mut group, mut weight) = (Vec::new(), 0_usize);
        let mut next = Some(first);
        while let Some(Job { task, room }) = next {
            weight =
                weight.saturating_add(room.as_ref().map_or(0, OwnedSemaphorePermit::num_permits));
            match task {
                Task::Close { answer } => closing.push(answer),
                task => group.push(Job { task, room }),
            }
            let full = weight >= self.options.group.get();
            next = if full { None } else { self.queue.try_recv().ok() };
        }
        group
    }

    /// Stores a group, then answers: never before the commit has said that it is on disk.
    fn handle(&mut self, group: Vec<Job>) {
        if group.is_empty() {
            return;
        }
        let mut report = Group::default();
        let started = Instant::now();
        let result = self.clear_doubt().and_then(|()| self.store(&group, &mut report));
        report.took = started.elapsed();
        report.committed = result.is_ok();
        match result {
            Ok(done) => self.answer(group, done),
            Err(error) => group.into_iter().for_each(|job| job.task.fail(&error)),
        }
        if let Some(observer) = &self.options.observer {
            observer.group(&report);
        }
    }

    fn store(&mut self, group: &[Job], report: &mut Group) -> Result<Vec<Done>, StoreError> {
        let outbox = self.outbox.clone();
        match self.transact(group, report) {
            Ok(done) => {
                self.messages.keep();
                Ok(done)
            }
            Err(error) => {
                self.messages.forget();
                self.outbox = outbox;
                self.roll_back();
                Err(self.note_failure(error))
            }
        }
    }

    fn transact(&mut self, group: &[Job], report: &mut Group) -> rusqlite::Result<Vec<Done>> {
        let Self { db, messages, outbox, options, .. } = self;
        db.execute_batch("BEGIN IMMEDIATE")?;
        let mut inserts = messages.inserts(db)?;
        let mut done = Vec::with_capacity(group.len());
        for Job { task, .. } in group {
            done.push(match task {
                Task::Save { batch, marks, .. } => {
                    let mut ids = Vec::with_capacity(batch.len());
                    for (saves, mark) in batch.iter().zip(marks) {
                        let (saved, repeat) = inserts.store(saves, *mark)?;
                        let count = if repeat { &mut report.repeats } else { &mut report.messages };
                        *count = count.saturating_add(1);
                        ids.push(saved);
                    }
                    Done::Saved(ids)
                }
                other => {
                    report.others = report.others.saturating_add(1);
                    other.perform(db, outbox)?
                }
            });
        }
        drop(inserts);
        let started = Instant::now();
        permit(options.fault.as_deref(), Step::Commit)?;
        db.execute_batch("COMMIT")?;
        report.commit = started.elapsed();
        Ok(done)
    }

    fn answer(&mut self, group: Vec<Job>, done: Vec<Done>) {
        if std::mem::take(&mut self.failing) {
            tracing::info!("the store writes again");
        }
        let mut pushed = false;
        for (Job { task, .. }, done) in group.into_iter().zip(done) {
            pushed |= matches!(task, Task::Push { .. });
            task.succeed(done);
        }
        if pushed {
            self.pushed.notify_one();
        }
    }

    fn roll_back(&mut self) {
        // After some errors SQLite has done it already.
        if !self.db.is_autocommit()
            && let Err(error) = self.db.execute_batch("ROLLBACK")
        {
            self.doubt = Some(Arc::new(error));
        }
    }

    /// One line for the first failure of a row.
    fn note_failure(&mut self, error: rusqlite::Error) -> StoreError {
        let error = Arc::new(error);
        let doubt = error.sqlite_error_code() == Some(ErrorCode::SystemIoFailure);
        if doubt {
            self.doubt = Some(Arc::clone(&error));
        }
        if !self.failing {
            tracing::error!(%error, doubt, "the store cannot write; nothing is acknowledged");
        }
        self.failing = true;
        StoreError::Failed(error)
    }

    /// After a failed sync nothing is known about the pages it was for. A full checkpoint writes
    /// anew what the log has committed, syncs that, and empties the log of all the rest.
    fn clear_doubt(&mut self) -> Result<(), StoreError> {
        let Some(doubt) = self.doubt.take() else { return Ok(()) };
        self.checkpoint(CheckpointMode::TRUNCATE).map(drop).map_err(|_| {
            self.doubt = Some(Arc::clone(&doubt));
            StoreError::InDoubt(doubt)
        })
    }

    fn checkpoint_if_due(&self) {
        if self.doubt.is_some() {
            return;
        }
        let due = self
            .db
            .wal_checkpoint_v2(Some(MAIN_DB), CheckpointMode::NOOP)
            .is_ok_and(|(in_log, _)| in_log >= CHECKPOINT_PAGES);
        if due && let Err(error) = self.checkpoint(CheckpointMode::PASSIVE) {
            // All is still in the log, which is synced.
            tracing::warn!(%error, "the store's log could not be copied into the database");
        }
    }

    fn checkpoint(&self, mode: CheckpointMode) -> rusqlite::Result<()> {
        permit(self.options.fault.as_deref(), Step::Checkpoint)?;
        self.db.wal_checkpoint_v2(Some(MAIN_DB), mode).map(drop)
    }
}

fn permit(fault: Option<&dyn Fault>, step: Step) -> rusqlite::Result<()> {
    fault.map_or(Ok(()), |fault| fault.permit(step))
}

/// What a task has come to, once the group is committed.
#[derive(Debug)]
enum Done {
    Saved(Vec<Saved>),
    Device(DeviceId),
    Other,
}

impl Task {
    fn perform(&self, db: &Connection, outbox: &mut Outbox) -> rusqlite::Result<Done> {
        match self {
            Self::KeepKey { account, key, .. } => keep_key(db, *account, *key)?,
            Self::Device { name, platform, .. } => {
                return device_id(db, name, *platform).map(Done::Device);
            }
            Self::Push { entry } => outbox.add(db, entry)?,
            Self::Pushed { entries, .. } => outbox::remove(db, entries)?,
            Self::Save { .. } | Self::Close { .. } => {}
        }
        Ok(Done::Other)
    }

    /// Whoever does not listen any more has gone: that is all right.
    fn succeed(self, done: Done) {
        match (self, done) {
            (Self::Save { batch, answer, .. }, Done::Saved(msgids)) => {
                let _ = answer.send(Ok(Stored { batch, msgids }));
            }
            (Self::Device { answer, .. }, Done::Device(id)) => {
                let _ = answer.send(Ok(id));
            }
            (Self::KeepKey { answer, .. } | Self::Pushed { answer, .. }, _) => {
                let _ = answer.send(Ok(()));
            }
            // A dropped answer is an error to the caller: a mismatch could never look like
            // success.
            _ => {}
        }
    }

    fn fail(self, error: &StoreError) {
        let error = error.clone();
        match self {
            Self::Save { answer, .. } => drop(answer.send(Err(error))),
            Self::Device { answer, .. } => drop(answer.send(Err(error))),
            Self::KeepKey { answer, .. } | Self::Pushed { answer, .. } => {
                drop(answer.send(Err(error)));
            }
            Self::Push { .. } | Self::Close { .. } => {}
        }
    }
}

fn keep_key(db: &Connection, account: Account, key: MsgId) -> rusqlite::Result<()> {
    let mut upsert = db.prepare_cached(
        "INSERT INTO kept_key (appid, uid, msgid) VALUES (?1, ?2, ?3)
        ON CONFLICT DO UPDATE SET msgid = excluded.msgid WHERE excluded.msgid > msgid",
    )?;
    upsert.execute([account.appid.0, account.uid.0, key.0]).map(drop)
}

fn device_id(db: &Connection, name: &[u8], platform: Platform) -> rusqlite::Result<DeviceId> {
    let mut select =
        db.prepare_cached("SELECT id FROM device WHERE platform = ?1 AND name = ?2")?;
    select.raw_bind_parameter(1, platform.0)?;
    bind_bytes(&mut select, 2, name)?;
    let known = select.raw_query().next()?.map(|row| row.get(0)).transpose()?;
    if let Some(id) = known {
        return Ok(DeviceId(id));
    }
    let mut insert = db.prepare_cached("INSERT INTO device (platform, name) VALUES (?1, ?2)")?;
    insert.raw_bind_parameter(1, platform.0)?;
    bind_bytes(&mut insert, 2, name)?;
    insert.raw_execute()?;
    Ok(DeviceId(db.last_insert_rowid()))
}
