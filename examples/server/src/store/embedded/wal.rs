//! The write-ahead log: whether commits wait for the disk, how long its file is, and when it is
//! copied into the database.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use rusqlite::{Connection, MAIN_DB, Result, wal::CheckpointMode};

use crate::store::embedded::options::{Fault, Step, permit};

/// The log, as the connection uses it that writes.
pub(super) struct Log {
    /// Kept open, since by its name another folder's may be found later. `None`: it does not grow
    /// ahead.
    file: Option<File>,
    commits: Commits,
    /// How many bytes are in use.
    used: u64,
    /// The file has at least so many bytes.
    length: u64,
    fault: Option<Arc<dyn Fault>>,
}

/// Whether a commit returns before the log is synced.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Commits {
    /// It returns once the log is on disk.
    Synced,
    /// The next synced commit, or the next checkpoint, syncs what it has added to the log. A crash
    /// loses it, or nothing.
    Unsynced,
}

impl Log {
    /// The log of a database whose next commits are synced.
    pub(super) fn of(db: &Connection, fault: Option<Arc<dyn Fault>>) -> Self {
        let path = format!("{}-wal", db.path().unwrap_or_default());
        let file = File::options().write(true).open(path).ok();
        Self { file, commits: Commits::Synced, used: 0, length: 0, fault }
    }

    /// What the next commits are.
    pub(super) fn set_commits(&mut self, db: &Connection, commits: Commits) -> Result<()> {
        if self.commits != commits {
            set_commits(db, commits)?;
            self.commits = commits;
        }
        Ok(())
    }

    /// Makes the file longer than the next commit needs. To sync a file that has not grown takes
    /// little more than half the time.
    ///
    /// Nobody else may write to the log meanwhile: a transaction that writes must be open.
    pub(super) fn extend_if_due(&mut self) {
        let needed = self.used.saturating_add(ROOM);
        if needed > self.length
            && self.length < LENGTH
            && let Some(file) = &self.file
        {
            // Whatever is wrong with the disk, the commit finds out.
            self.length = extend(file, needed).unwrap_or(LENGTH);
        }
    }

    /// Copies a long log into the database.
    pub(super) fn checkpoint_if_due(&mut self, db: &Connection) {
        let log = db.wal_checkpoint_v2(Some(MAIN_DB), CheckpointMode::NOOP);
        let pages = log.map_or(0, |(in_log, _)| u64::try_from(in_log).unwrap_or(0));
        self.used = pages.saturating_mul(FRAME);
        if self.used >= LENGTH
            && let Err(error) = self.checkpoint(db, CheckpointMode::PASSIVE)
        {
            // Nothing is lost: the log has it all, and is synced.
            tracing::warn!(%error, "the store's log could not be copied into the database");
        }
    }

    /// Copies the log into the database, and empties it.
    pub(super) fn empty(&mut self, db: &Connection) -> Result<()> {
        self.length = 0;
        self.checkpoint(db, CheckpointMode::TRUNCATE)
    }

    fn checkpoint(&self, db: &Connection, mode: CheckpointMode) -> Result<()> {
        permit(self.fault.as_deref(), Step::Checkpoint)?;
        db.wal_checkpoint_v2(Some(MAIN_DB), mode).map(drop)
    }
}

/// What the connection's next commits are.
pub(super) fn set_commits(db: &Connection, commits: Commits) -> Result<()> {
    let synchronous = match commits {
        Commits::Synced => "FULL",
        Commits::Unsynced => "NORMAL",
    };
    db.pragma_update(None, "synchronous", synchronous)
}

/// Appends zeros, at which `SQLite` stops reading, to a file that is shorter than `needed`. Returns
/// its length.
fn extend(file: &File, needed: u64) -> io::Result<u64> {
    let length = file.metadata()?.len();
    let end = if length < needed { length.saturating_add(EXTENSION) } else { length };
    // Each page for itself: what is written at once may be written whole for each commit.
    for at in (length..end).step_by(PAGE_OF_ZEROS.len()) {
        file.write_all_at(&PAGE_OF_ZEROS, at)?;
    }
    Ok(end)
}

/// The length of the log from which it is copied into the database. A greater one means fewer
/// checkpoints, but longer ones, for which saves have to wait.
const LENGTH: u64 = 4000 * FRAME;

/// A page in the log, with its header.
const FRAME: u64 = 4096 + 24;

/// The commits of a few writers that wait for each answer take no more.
const ROOM: u64 = 32 * 1024;

/// How much the log grows at once. The next commit syncs it, which takes it some 3 ms.
const EXTENSION: u64 = 1024 * 1024;

const PAGE_OF_ZEROS: [u8; 4096] = [0; 4096];
