//! The tables of the index, and the rows of runs.

use rusqlite::types::Type;
use rusqlite::{Connection, Error, Result, params};
use thiserror::Error;

use crate::store::embedded::index::filter::Shape;

/// A run goes from state 0, being built, to 1, visible, to 2, dead. Then its rows are deleted.
///
/// `block.postings` and `filter.bits` fit a page.
pub(in crate::store::embedded) const TABLES: &str = "
CREATE TABLE run (
    id INTEGER PRIMARY KEY,
    state INTEGER NOT NULL,
    level INTEGER NOT NULL, -- how often its postings were merged
    first INTEGER NOT NULL, -- it has postings of messages from this one
    until INTEGER NOT NULL, -- to this one
    terms INTEGER NOT NULL, -- how many there are
    groups INTEGER NOT NULL, -- the length of its filter
    probes INTEGER NOT NULL -- how many bits of the filter a term sets
) STRICT;
CREATE TABLE block (
    id INTEGER PRIMARY KEY,
    postings BLOB NOT NULL
) STRICT;
CREATE TABLE fence (
    run INTEGER NOT NULL,
    first BLOB NOT NULL, -- the first posting of the block
    block INTEGER NOT NULL,
    PRIMARY KEY (run, first)
) STRICT, WITHOUT ROWID;
CREATE TABLE filter (
    id INTEGER PRIMARY KEY, -- the run's id * 65536 + the number of the part
    bits BLOB NOT NULL
) STRICT;
";

/// The number of a run. It is not given to another while the process lives.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) struct RunId(pub(super) i64);

/// A run, which has the postings of the messages `first..=until`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Run {
    pub(super) id: RunId,
    pub(super) level: i64,
    pub(super) first: i64,
    pub(super) until: i64,
    pub(super) terms: u64,
    pub(super) filter: Shape,
}

impl Run {
    /// Adds the row of a run that is being built.
    pub(super) fn insert(&self, db: &Connection) -> Result<()> {
        let mut insert = db.prepare_cached(
            "INSERT INTO run (id, state, level, first, until, terms, groups, probes)
            VALUES (?1, 0, ?2, ?3, ?4, 0, ?5, ?6)",
        )?;
        let Self { id, level, first, until, filter: Shape { groups, probes }, .. } = *self;
        insert.execute(params![id.0, level, first, until, groups, probes]).map(drop)
    }

    /// Makes a run visible that is complete.
    pub(super) fn publish(&self, db: &Connection) -> Result<()> {
        let mut update = db.prepare_cached("UPDATE run SET state = 1, terms = ?2 WHERE id = ?1")?;
        update.execute(params![self.id.0, i64::try_from(self.terms).unwrap_or(i64::MAX)]).map(drop)
    }
}

/// The visible runs, oldest messages first.
pub(super) fn visible(db: &Connection) -> Result<Vec<Run>> {
    let mut select = db.prepare_cached(
        "SELECT id, level, first, until, terms, groups, probes FROM run
        WHERE state = 1 ORDER BY until",
    )?;
    let runs = select.query_map([], |row| {
        Ok(Run {
            id: RunId(row.get(0)?),
            level: row.get(1)?,
            first: row.get(2)?,
            until: row.get(3)?,
            terms: u64::try_from(row.get::<_, i64>(4)?).unwrap_or(0),
            filter: Shape { groups: row.get(5)?, probes: row.get(6)? },
        })
    })?;
    runs.collect()
}

/// The greatest id that any run has; 0 if there is none.
pub(super) fn last_id(db: &Connection) -> Result<i64> {
    db.query_one("SELECT ifnull(max(id), 0) FROM run", [], |row| row.get(0))
}

/// Deletes what no run can have stored, because there is none.
pub(super) fn clear(db: &Connection) -> Result<()> {
    db.execute_batch("DELETE FROM fence; DELETE FROM block; DELETE FROM filter")
}

/// A run is no longer of use.
pub(super) fn mark_dead(db: &Connection, run: RunId) -> Result<()> {
    db.prepare_cached("UPDATE run SET state = 2 WHERE id = ?1")?.execute([run.0]).map(drop)
}

/// Nobody completes the runs that were being built.
pub(super) fn mark_unfinished_dead(db: &Connection) -> Result<()> {
    db.execute("UPDATE run SET state = 2 WHERE state = 0", []).map(drop)
}

pub(super) fn dead(db: &Connection) -> Result<Vec<RunId>> {
    let mut select = db.prepare_cached("SELECT id FROM run WHERE state = 2 ORDER BY id")?;
    select.query_map([], |row| row.get(0).map(RunId))?.collect()
}

/// Deletes the row of a dead run.
pub(super) fn delete(db: &Connection, run: RunId) -> Result<()> {
    db.prepare_cached("DELETE FROM run WHERE id = ?1")?.execute([run.0]).map(drop)
}

/// What cannot be read back as it was written.
#[derive(Debug, Error)]
pub(super) enum Damage {
    #[error("block {block} of run {run} of the index is damaged", run = run.0)]
    Block { run: RunId, block: i64 },
    #[error("part {part} of the filter of run {run} of the index is damaged", run = run.0)]
    Filter { run: RunId, part: i64 },
}

impl From<Damage> for Error {
    fn from(damage: Damage) -> Self {
        Self::FromSqlConversionFailure(0, Type::Blob, damage.into())
    }
}
