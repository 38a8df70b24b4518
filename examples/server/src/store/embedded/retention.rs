//! Removes messages that are older than they are kept.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, OptionalExtension, Result};

use crate::store::embedded::error::is_corrupt;

/// The last message that has been removed. It has one row, or none.
pub(super) const TABLES: &str = "
CREATE TABLE removed (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    last INTEGER NOT NULL -- the messages up to this n have been removed
) STRICT;
";

#[derive(Debug)]
pub(super) struct Retention {
    /// How long messages are kept; `None`: forever.
    keep: Option<Duration>,
    state: State,
    committed: State,
}

#[derive(Clone, Copy, Debug)]
struct State {
    /// The messages up to this one have been removed.
    removed: i64,
    /// The time of the first message that is left, in seconds; `None` if there is none.
    oldest: Option<i64>,
}

impl Retention {
    pub(super) fn open(db: &Connection, keep: Option<Duration>) -> Result<Self> {
        // Only those who remove messages need the first one: its page may be damaged.
        let oldest = if keep.is_some() { oldest(db)? } else { None };
        let state = State { removed: last_removed(db)?, oldest };
        Ok(Self { keep, state, committed: state })
    }

    /// The messages up to this one have been removed; 0: none ever was.
    pub(super) const fn removed(&self) -> i64 {
        self.committed.removed
    }

    /// The first message that is kept, as of the open transaction.
    pub(super) const fn first(&self) -> i64 {
        self.state.removed.saturating_add(1)
    }

    /// Messages have been stored, which are of now.
    pub(super) fn appended(&mut self) {
        if self.state.oldest.is_none() {
            self.state.oldest = Some(seconds(SystemTime::now()));
            self.committed = self.state;
        }
    }

    /// Whether there are messages to remove.
    pub(super) fn is_due(&self) -> bool {
        let oldest = self.committed.oldest;
        self.bound().zip(oldest).is_some_and(|(bound, oldest)| oldest < bound)
    }

    /// Removes some messages, from the first one on, in the open transaction.
    pub(super) fn remove(&mut self, db: &Connection) -> Result<()> {
        let Some(bound) = self.bound() else { return Ok(()) };
        let mut first =
            db.prepare_cached("SELECT n, timestamp FROM message ORDER BY n LIMIT ?1")?;
        let mut rows = first.query([MOST.saturating_add(1)])?;
        let (mut last, mut count) = (None, 0);
        let mut oldest = None;
        while let Some(row) = rows.next()? {
            let (n, at): (i64, i64) = (row.get(0)?, row.get(1)?);
            if at >= bound || count == MOST {
                oldest = Some(at);
                break;
            }
            last = Some(n);
            count = count.saturating_add(1);
        }
        if let Some(last) = last {
            db.prepare_cached("DELETE FROM message WHERE n <= ?1")?.execute([last])?;
            db.prepare_cached("REPLACE INTO removed (id, last) VALUES (1, ?1)")?.execute([last])?;
            self.state.removed = last;
        }
        self.state.oldest = oldest;
        Ok(())
    }

    /// The transaction is committed.
    pub(super) fn commit(&mut self) {
        self.committed = self.state;
    }

    /// The transaction is rolled back.
    pub(super) fn roll_back(&mut self) {
        self.state = self.committed;
    }

    /// Removes nothing more.
    pub(super) fn give_up(&mut self) {
        self.keep = None;
    }

    /// Messages before this time are removed.
    fn bound(&self) -> Option<i64> {
        let now = SystemTime::now();
        // With a period longer than the clock's there is nothing to remove.
        self.keep.map(|keep| now.checked_sub(keep).map_or(0, seconds))
    }
}

/// The messages up to this one have been removed; 0: none ever was.
pub(super) fn last_removed(db: &Connection) -> Result<i64> {
    let mut select = db.prepare_cached("SELECT last FROM removed")?;
    Ok(select.query_one([], |row| row.get(0)).optional()?.unwrap_or(0))
}

/// The time of the first message, in seconds. If it cannot be read, it is as old as can be: whoever
/// removes it finds out why.
fn oldest(db: &Connection) -> Result<Option<i64>> {
    let first = "SELECT timestamp FROM message ORDER BY n LIMIT 1";
    match db.query_one(first, [], |row| row.get(0)).optional() {
        Err(error) if is_corrupt(&error) => Ok(Some(0)),
        first => first,
    }
}

/// How many messages one step removes at most.
const MOST: i64 = 512;

fn seconds(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
