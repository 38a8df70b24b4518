//! The write-ahead log: whether commits wait for the disk, and when the log is copied into the
//! database.

use rusqlite::{Connection, MAIN_DB, Result, wal::CheckpointMode};

use crate::store::embedded::options::{Fault, Step, permit};

/// Whether a commit returns before the log is synced.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Commits {
    /// It returns once the log is on disk.
    Synced,
    /// The next synced commit, or the next checkpoint, syncs what it has added to the log. A crash
    /// loses it, or nothing.
    Unsynced,
}

/// What the connection's next commits are.
pub(super) fn set_commits(db: &Connection, commits: Commits) -> Result<()> {
    let synchronous = match commits {
        Commits::Synced => "FULL",
        Commits::Unsynced => "NORMAL",
    };
    db.pragma_update(None, "synchronous", synchronous)
}

/// Copies a long log into the database.
pub(super) fn checkpoint_if_due(db: &Connection, fault: Option<&dyn Fault>) {
    let due = db
        .wal_checkpoint_v2(Some(MAIN_DB), CheckpointMode::NOOP)
        .is_ok_and(|(in_log, _)| in_log >= CHECKPOINT_PAGES);
    if due && let Err(error) = checkpoint(db, fault, CheckpointMode::PASSIVE) {
        // Nothing is lost: the log has it all, and is synced.
        tracing::warn!(%error, "the store's log could not be copied into the database");
    }
}

pub(super) fn checkpoint(
    db: &Connection,
    fault: Option<&dyn Fault>,
    mode: CheckpointMode,
) -> Result<()> {
    permit(fault, Step::Checkpoint)?;
    db.wal_checkpoint_v2(Some(MAIN_DB), mode).map(drop)
}

/// The length of the write-ahead log, in pages, from which it is copied into the database. A
/// greater one means fewer checkpoints, but longer ones, for which saves have to wait.
const CHECKPOINT_PAGES: i32 = 4000;
