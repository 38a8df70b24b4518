//! Reads at a start what is committed and not in the index.
//!
//! After a clean stop that is nothing. After a crash it fits into the tail. All messages have to be
//! read where there is no index: in a folder of an earlier version, or where somebody has emptied
//! its tables.

use std::time::{Duration, Instant};

use rusqlite::{Connection, OptionalExtension, Result, Row};

use crate::store::embedded::error::is_corrupt;
use crate::store::embedded::indexer::Indexer;
use crate::store::embedded::mark::mark;
use crate::store::embedded::options::Options;
use crate::store::embedded::postings::Postings;
use crate::store::embedded::row::{indexed_columns, read_indexed};
use crate::store::embedded::status::Status;
use crate::store::embedded::wal::{Commits, Log};

/// Puts all messages up to `last` into the tail and, where they are too many, into the index.
pub(super) fn catch_up(
    db: &Connection,
    log: &mut Log,
    indexer: &mut Indexer,
    last: i64,
    status: &Status,
    options: &Options,
) -> Result<()> {
    let mut group = Postings::default();
    let chunk = CHUNK.min(i64::try_from(options.tail.get()).unwrap_or(CHUNK));
    let mut unread = Unread { db, status, chunk, at: indexer.indexed(), last, beyond: 0 };
    let mut logged = Instant::now();
    while unread.at < last {
        unread.read(&mut group)?;
        indexer.append(&mut group);
        if !indexer.is_full() {
            continue;
        }
        log.set_commits(db, Commits::Unsynced)?;
        while indexer.has_work() {
            indexer.step(db)?;
            log.checkpoint_if_due(db);
        }
        if logged.elapsed() > BETWEEN_LINES {
            logged = Instant::now();
            tracing::info!(indexed = unread.at, of = last, "building the index of messages");
        }
    }
    Ok(())
}

/// Between two lines of the log.
const BETWEEN_LINES: Duration = Duration::from_secs(5);

/// The messages behind `at`.
struct Unread<'s> {
    db: &'s Connection,
    status: &'s Status,
    /// How many messages are read at once.
    chunk: i64,
    at: i64,
    last: i64,
    /// How many numbers to leave out beyond those that could not be read.
    beyond: i64,
}

impl Unread<'_> {
    /// Reads some messages. What is damaged is left out, as in every sync.
    fn read(&mut self, group: &mut Postings) -> Result<()> {
        let from = self.at;
        match self.read_on(group) {
            Err(error) if is_corrupt(&error) => {
                self.status.found_corrupt(&error);
                if self.at > from {
                    self.beyond = 0;
                }
                self.read_singly(group)
            }
            read => read,
        }
    }

    fn read_on(&mut self, group: &mut Postings) -> Result<()> {
        let mut select = self.db.prepare_cached(concat!(
            "SELECT n, ",
            indexed_columns!(),
            " FROM message WHERE n > ?1 ORDER BY n LIMIT ?2"
        ))?;
        let mut rows = select.query([self.at, self.chunk])?;
        while let Some(row) = rows.next()? {
            self.at = row.get(0)?;
            add(self.at, row, group)?;
        }
        if group.messages() == 0 {
            self.at = self.last;
        }
        Ok(())
    }

    /// Reads each of the next messages for itself. If there is none that can be read, some more are
    /// left out, and each time twice as many: there may be a large gap in the numbers.
    fn read_singly(&mut self, group: &mut Postings) -> Result<()> {
        let mut select = self.db.prepare_cached(concat!(
            "SELECT n, ",
            indexed_columns!(),
            " FROM message WHERE n = ?1"
        ))?;
        let end = self.at.saturating_add(self.chunk);
        for n in self.at.saturating_add(1)..=end {
            match select.query_one([n], |row| add(n, row, group)).optional() {
                Err(error) if !is_corrupt(&error) => return Err(error),
                _ => {}
            }
        }
        self.at = end.saturating_add(self.beyond);
        self.beyond = self.beyond.saturating_mul(2).max(self.chunk);
        Ok(())
    }
}

/// The most messages that are read at once.
const CHUNK: i64 = 1024;

fn add(n: i64, row: &Row<'_>, group: &mut Postings) -> Result<()> {
    if let Some((parties, content)) = read_indexed(row, 1)? {
        let mark = mark(parties.sender, parties.receiver, content);
        parties.postings(n, mark).for_each(|posting| group.add(posting));
    }
    group.end_message(n);
    Ok(())
}
