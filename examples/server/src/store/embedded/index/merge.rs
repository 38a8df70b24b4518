//! Making one run of several.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;

use kefu_proto::MsgId;
use rusqlite::{Connection, Result};

use crate::store::embedded::error::is_corrupt;
use crate::store::embedded::index::budget::Budget;
use crate::store::embedded::index::build::{Build, Outline, first_msgid};
use crate::store::embedded::index::cursor::Cursor;
use crate::store::embedded::index::tables::{self, Run, RunId};
use crate::store::embedded::index::term::Posting;
use crate::store::embedded::index::visible::Visible;

/// A run that is being made of others, which are visible until it is complete.
#[derive(Debug)]
pub(super) struct Merge {
    /// The level of the sources.
    level: i64,
    sources: Vec<Cursor>,
    /// How many sources have been opened.
    opened: usize,
    /// The next posting of each open source that has one.
    heads: BinaryHeap<Reverse<Head>>,
    build: Build,
    /// Postings with lesser msgids are left out.
    least: MsgId,
    damaged: Option<RunId>,
}

#[derive(Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Head {
    posting: Posting,
    source: usize,
}

impl Merge {
    /// Begins to merge adjacent runs. `first` is the least message that is kept.
    pub(super) fn begin(db: &Connection, id: RunId, sources: &[Run], first: i64) -> Result<Self> {
        let level = sources.first().map_or(0, |run| run.level);
        let since = sources.first().map_or(0, |run| run.first);
        let until = sources.last().map_or(0, |run| run.until);
        let first = since.max(first).min(until.saturating_add(1));
        let outline = Outline {
            id,
            // A run that is rewritten alone stays where it is.
            level: if sources.len() > 1 { level.saturating_add(1) } else { level },
            first,
            until,
            most_terms: sources.iter().fold(0, |sum, run| run.terms.saturating_add(sum)),
        };
        Ok(Self {
            level,
            sources: sources.iter().map(|run| Cursor::new(run.id)).collect(),
            opened: 0,
            heads: BinaryHeap::new(),
            build: Build::begin(db, outline)?,
            least: first_msgid(first),
            damaged: None,
        })
    }

    pub(super) const fn level(&self) -> i64 {
        self.level
    }

    /// The runs that this one replaces.
    pub(super) fn sources(&self) -> impl Iterator<Item = RunId> {
        self.sources.iter().map(Cursor::run)
    }

    /// A source that could not be read.
    pub(super) const fn damaged(&self) -> Option<RunId> {
        self.damaged
    }

    /// Works until the run is complete, or the budget is spent: then it is `None`.
    pub(super) fn advance(
        &mut self,
        db: &Connection,
        budget: &mut Budget,
    ) -> Result<Option<Visible>> {
        while self.opened < self.sources.len() {
            if let Some(posting) = self.next(db, self.opened)? {
                self.heads.push(Reverse(Head { posting, source: self.opened }));
            }
            self.opened = self.opened.saturating_add(1);
        }
        while let Some(Reverse(Head { posting, source })) = self.heads.peek() {
            if budget.is_spent() {
                return Ok(None);
            }
            budget.spend(1);
            let (posting, source) = (*posting, *source);
            if posting.msgid >= self.least {
                self.build.push(db, posting)?;
            }
            self.replace_head(db, source)?;
        }
        let Some(visible) = self.build.complete(db, budget)? else { return Ok(None) };
        for source in self.sources() {
            tables::mark_dead(db, source)?;
        }
        Ok(Some(visible))
    }

    /// Replaces the least head by what follows in its source.
    fn replace_head(&mut self, db: &Connection, source: usize) -> Result<()> {
        let next = self.next(db, source)?;
        let Some(mut head) = self.heads.peek_mut() else { return Ok(()) };
        match next {
            Some(posting) => *head = Reverse(Head { posting, source }),
            None => drop(PeekMut::pop(head)),
        }
        Ok(())
    }

    fn next(&mut self, db: &Connection, source: usize) -> Result<Option<Posting>> {
        let Some(cursor) = self.sources.get_mut(source) else { return Ok(None) };
        let next = cursor.next(db);
        if next.as_ref().is_err_and(is_corrupt) {
            self.damaged = Some(cursor.run());
        }
        next
    }
}
