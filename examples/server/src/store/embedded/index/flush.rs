//! Making a run of postings that are in memory.

use rusqlite::{Connection, Result};

use crate::store::embedded::index::budget::Budget;
use crate::store::embedded::index::build::{Build, Outline};
use crate::store::embedded::index::tables::RunId;
use crate::store::embedded::index::term::Posting;
use crate::store::embedded::index::visible::Visible;

/// The postings of the messages up to `until`, and how far their run is.
#[derive(Debug)]
pub(super) struct Flush {
    sorted: Vec<Posting>,
    until: i64,
    build: Option<Build>,
    written: usize,
}

impl Flush {
    pub(super) const fn new(sorted: Vec<Posting>, until: i64) -> Self {
        Self { sorted, until, build: None, written: 0 }
    }

    pub(super) const fn until(&self) -> i64 {
        self.until
    }

    /// Writes until the run is complete, or the budget is spent: then it is `None`. `indexed` is
    /// the last message of the run before.
    pub(super) fn advance(
        &mut self,
        db: &Connection,
        budget: &mut Budget,
        indexed: i64,
        next_id: impl FnOnce() -> RunId,
    ) -> Result<Option<Visible>> {
        let build = match &mut self.build {
            Some(build) => build,
            None => self.build.insert(Build::begin(db, self.outline(next_id(), indexed))?),
        };
        if !build.prepare(budget) {
            return Ok(None);
        }
        let rest = self.sorted.get(self.written..).unwrap_or_default();
        let (now, later) = rest.split_at(rest.len().min(budget.left()));
        for posting in now {
            build.push(db, *posting)?;
        }
        budget.spend(now.len());
        self.written = self.written.saturating_add(now.len());
        if later.is_empty() { build.complete(db, budget) } else { Ok(None) }
    }

    fn outline(&self, id: RunId, indexed: i64) -> Outline {
        let terms = self.sorted.chunk_by(|a, b| a.term == b.term).count();
        Outline {
            id,
            level: 0,
            first: indexed.saturating_add(1),
            until: self.until,
            most_terms: u64::try_from(terms).unwrap_or(u64::MAX),
        }
    }

    /// Begins again.
    pub(super) fn restart(&mut self) {
        self.build = None;
        self.written = 0;
    }
}
