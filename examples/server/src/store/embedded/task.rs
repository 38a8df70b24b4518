//! What the store's thread is asked to write.

use kefu_proto::{Account, Copies, DeviceId, Effects, MsgId, Platform, Saves};
use rusqlite::{Connection, Result};
use tokio::sync::oneshot;

use crate::dialect::Shown;
use crate::store::embedded::error::StoreError;
use crate::store::embedded::mark::Mark;
use crate::store::embedded::message::Inserts;
use crate::store::embedded::outbox::{Outbox, PushId};
use crate::store::embedded::{dialects, keys, tables};
use crate::store::observer::Group;
use crate::store::push::Push;

/// A write, and where to send its answer.
#[derive(Debug)]
pub(super) enum Task {
    Save {
        batch: Vec<Saves>,
        marks: Vec<Option<Mark>>,
        answer: Answer<Stored>,
    },
    KeepKey {
        account: Account,
        key: MsgId,
        answer: Answer<()>,
    },
    KeepShown {
        account: Account,
        platform: Platform,
        shown: Shown,
        answer: Answer<()>,
    },
    Device {
        name: Vec<u8>,
        platform: Platform,
        answer: Answer<DeviceId>,
    },
    Push {
        entry: Push,
    },
    Pushed {
        entries: Vec<PushId>,
        answer: Answer<()>,
    },
    /// A write that changes nothing, to see whether the disk takes it.
    Probe {
        answer: Answer<()>,
    },
    /// Time to do what has waited for a quiet moment.
    Tick,
    Close {
        answer: oneshot::Sender<()>,
    },
}

pub(super) type Answer<T> = oneshot::Sender<std::result::Result<T, StoreError>>;

/// A batch that is on disk. Its effects are made on the caller's thread, not on the store's.
#[derive(Debug)]
pub(super) struct Stored {
    batch: Vec<Saves>,
    copies: Vec<Copies>,
}

impl Stored {
    pub(super) fn into_effects(self) -> Vec<Effects> {
        let stored = self.batch.into_iter().zip(self.copies);
        stored.map(|(saves, copies)| saves.confirm(copies)).collect()
    }
}

/// The result of a task, to be sent once the group is committed.
#[derive(Debug)]
pub(super) enum Done {
    Saved(Vec<Copies>),
    Device(DeviceId),
    Other,
}

impl Task {
    /// How many messages it stores.
    pub(super) fn messages(&self) -> usize {
        if let Self::Save { batch, .. } = self { batch.len() } else { 0 }
    }

    /// Executes the task in the open transaction.
    pub(super) fn perform(
        &self,
        db: &Connection,
        inserts: &mut Inserts<'_>,
        outbox: &mut Outbox,
        report: &mut Group,
    ) -> Result<Done> {
        if let Self::Save { batch, marks, .. } = self {
            return save(batch, marks, inserts, report).map(Done::Saved);
        }
        report.others = report.others.saturating_add(1);
        match self {
            Self::KeepKey { account, key, .. } => keys::keep_key(db, *account, *key)?,
            Self::KeepShown { account, platform, shown, .. } => {
                dialects::keep(db, *account, *platform, *shown)?;
            }
            Self::Device { name, platform, .. } => {
                return keys::device_id(db, name, *platform).map(Done::Device);
            }
            Self::Push { entry } => outbox.add(db, entry)?,
            Self::Pushed { entries, .. } => outbox.remove(db, entries)?,
            Self::Probe { .. } => tables::probe(db)?,
            Self::Save { .. } | Self::Tick | Self::Close { .. } => {}
        }
        Ok(Done::Other)
    }

    /// Answers a task whose group is committed. The caller may have gone.
    pub(super) fn succeed(self, done: Done) {
        match (self, done) {
            (Self::Save { batch, answer, .. }, Done::Saved(copies)) => {
                let _ = answer.send(Ok(Stored { batch, copies }));
            }
            (Self::Device { answer, .. }, Done::Device(id)) => {
                let _ = answer.send(Ok(id));
            }
            (
                Self::KeepKey { answer, .. }
                | Self::KeepShown { answer, .. }
                | Self::Pushed { answer, .. }
                | Self::Probe { answer },
                _,
            ) => {
                let _ = answer.send(Ok(()));
            }
            // To the caller a dropped answer is an error, so a mismatch never looks like success.
            _ => {}
        }
    }

    /// Answers a task whose group failed. The caller may have gone.
    pub(super) fn fail(self, error: &StoreError) {
        let error = error.clone();
        match self {
            Self::Save { answer, .. } => drop(answer.send(Err(error))),
            Self::Device { answer, .. } => drop(answer.send(Err(error))),
            Self::KeepKey { answer, .. }
            | Self::KeepShown { answer, .. }
            | Self::Pushed { answer, .. }
            | Self::Probe { answer } => {
                drop(answer.send(Err(error)));
            }
            Self::Push { .. } | Self::Tick | Self::Close { .. } => {}
        }
    }
}

fn save(
    batch: &[Saves],
    marks: &[Option<Mark>],
    inserts: &mut Inserts<'_>,
    report: &mut Group,
) -> Result<Vec<Copies>> {
    let mut all = Vec::with_capacity(batch.len());
    for (saves, mark) in batch.iter().zip(marks) {
        let (copies, is_repeat) = inserts.store(saves, *mark)?;
        let count = if is_repeat { &mut report.repeats } else { &mut report.messages };
        *count = count.saturating_add(1);
        all.push(copies);
    }
    Ok(all)
}
