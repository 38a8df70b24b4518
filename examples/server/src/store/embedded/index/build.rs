//! Writing a run, block after block.

use std::sync::Arc;

use kefu_proto::MsgId;
use rusqlite::{Connection, Error, Result};

use crate::store::embedded::index::block::Encoder;
use crate::store::embedded::index::blocks;
use crate::store::embedded::index::budget::Budget;
use crate::store::embedded::index::filter::Filter;
use crate::store::embedded::index::parts;
use crate::store::embedded::index::tables::{Run, RunId};
use crate::store::embedded::index::term::{Posting, Term};
use crate::store::embedded::index::visible::Visible;

/// A run that is being built. Nobody sees it before its last step.
#[derive(Debug)]
pub(super) struct Build {
    run: Run,
    block: Encoder,
    filter: Filter,
    last: Option<Term>,
    /// How many parts of the filter are saved.
    saved: usize,
}

/// What is known of a run before it is built.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outline {
    pub(super) id: RunId,
    pub(super) level: i64,
    pub(super) first: i64,
    pub(super) until: i64,
    pub(super) most_terms: u64,
}

impl Build {
    pub(super) fn begin(db: &Connection, outline: Outline) -> Result<Self> {
        let Outline { id, level, first, until, most_terms } = outline;
        let filter = Filter::new(most_terms);
        let run = Run { id, level, first, until, terms: 0, filter: filter.shape() };
        run.insert(db)?;
        let block = Encoder::new(id.0, first_msgid(first));
        Ok(Self { run, block, filter, last: None, saved: 0 })
    }

    /// Prepares the filter; false if the budget ends before it is ready for postings.
    pub(super) fn prepare(&mut self, budget: &mut Budget) -> bool {
        while !self.filter.is_whole() && !budget.is_spent() {
            self.filter.grow();
            budget.spend(EMPTY_PART);
        }
        self.filter.is_whole()
    }

    /// Adds the next posting, once the filter is prepared.
    pub(super) fn push(&mut self, db: &Connection, posting: Posting) -> Result<()> {
        if self.last != Some(posting.term) {
            self.last = Some(posting.term);
            self.run.terms = self.run.terms.saturating_add(1);
            self.filter.insert(posting.term.hash());
        }
        if self.block.is_full() {
            self.write_block(db)?;
        }
        self.block.push(posting).map_err(|_| Error::ToSqlConversionFailure("unsorted".into()))
    }

    /// Saves what is left, and makes the run visible; `None` if the budget ends before.
    pub(super) fn complete(
        &mut self,
        db: &Connection,
        budget: &mut Budget,
    ) -> Result<Option<Visible>> {
        self.write_block(db)?;
        while self.saved < self.filter.parts() {
            if budget.is_spent() {
                return Ok(None);
            }
            parts::insert(db, self.run.id, &self.filter, self.saved)?;
            self.saved = self.saved.saturating_add(1);
            budget.spend(PART);
        }
        self.run.publish(db)?;
        let filter = std::mem::replace(&mut self.filter, Filter::new(0));
        Ok(Some(Visible { run: self.run, filter: Some(Arc::new(filter)) }))
    }

    fn write_block(&mut self, db: &Connection) -> Result<()> {
        if let Some(first) = self.block.first() {
            blocks::insert(db, self.run.id, &first.key(), self.block.packed())?;
            self.block.clear();
        }
        Ok(())
    }
}

/// The least msgid of a copy of message `n`, which is its receiver's.
pub(super) const fn first_msgid(n: i64) -> MsgId {
    MsgId(n.saturating_mul(2).saturating_sub(1))
}

/// What saving a part of a filter costs, in postings.
const PART: usize = 128;

/// What an empty part costs: its pages are touched for the first time.
const EMPTY_PART: usize = 32;
