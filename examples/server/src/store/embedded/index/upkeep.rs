//! The writer's side: what there is to do, and doing it in steps.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use rusqlite::{Connection, Result};

use crate::store::embedded::error::is_corrupt;
use crate::store::embedded::index::budget::Budget;
use crate::store::embedded::index::filter::Filter;
use crate::store::embedded::index::flush::Flush;
use crate::store::embedded::index::merge::Merge;
use crate::store::embedded::index::parts;
use crate::store::embedded::index::plan::{Plan, plan};
use crate::store::embedded::index::reader::Reader;
use crate::store::embedded::index::sweep::sweep;
use crate::store::embedded::index::tables::{self, Run, RunId};
use crate::store::embedded::index::term::Posting;
use crate::store::embedded::index::visible::{Filters, Visible};

/// Writes the index. All its changes happen in the transaction that the caller has open, and the
/// caller says what became of it.
///
/// After a rollback it does as after a start: unfinished runs are dead, and their work begins again.
#[derive(Debug)]
pub(in crate::store::embedded) struct Index {
    filters: Filters,
    /// The visible runs as of the open transaction, oldest messages first.
    runs: Vec<Visible>,
    /// Whether they are those of the last commit.
    changed: bool,
    flushes: VecDeque<Flush>,
    /// How many of the flushes are complete as of the open transaction.
    flushed: usize,
    /// One for a level at most, lowest level first.
    merges: Vec<Merge>,
    dead: VecDeque<RunId>,
    /// Runs that cannot be read. They are left alone until the next start.
    damaged: HashSet<RunId>,
    last_id: i64,
    /// Whether a rollback has made what is known of unfinished and dead runs wrong.
    stale: bool,
}

impl Index {
    /// Opens the index in a transaction.
    pub(in crate::store::embedded) fn open(db: &Connection) -> Result<Self> {
        let last_id = tables::last_id(db)?;
        if last_id == 0 {
            // Somebody may have deleted the runs to have the index built anew.
            tables::clear(db)?;
        }
        let unfiltered = |run| Visible { run, filter: None };
        let runs: Vec<Visible> = tables::visible(db)?.into_iter().map(unfiltered).collect();
        let filters = Filters::default();
        filters.replace(&runs);
        let mut index = Self {
            filters,
            runs,
            changed: false,
            flushes: VecDeque::new(),
            flushed: 0,
            merges: Vec::new(),
            dead: VecDeque::new(),
            damaged: HashSet::new(),
            last_id,
            stale: true,
        };
        index.refresh(db)?;
        Ok(index)
    }

    /// Loads the filters, once the transaction of [`open`](Self::open) is committed: behind a page
    /// that cannot be read, `SQLite` lets a transaction write no more.
    pub(in crate::store::embedded) fn load_filters(&mut self, db: &Connection) -> Result<()> {
        for Visible { run, filter } in &mut self.runs {
            *filter = load_filter(db, run)?;
        }
        self.filters.replace(&self.runs);
        Ok(())
    }

    /// The filters of the visible runs, as of the last commit.
    pub(in crate::store::embedded) fn filters(&self) -> Filters {
        self.filters.clone()
    }

    /// A reader of what the last commit left.
    pub(in crate::store::embedded) fn reader<'db>(&self, db: &'db Connection) -> Reader<'db> {
        Reader::with_runs(db, self.filters.committed())
    }

    /// The last indexed message as of the last commit; 0 if there is none.
    pub(in crate::store::embedded) fn indexed(&self) -> i64 {
        self.filters.committed().last().map_or(0, |last| last.run.until)
    }

    /// Whether a flush is not yet committed to its end.
    pub(in crate::store::embedded) fn is_flushing(&self) -> bool {
        !self.flushes.is_empty()
    }

    /// Begins to index the messages behind the last flush up to `until`. Steps do the work.
    pub(in crate::store::embedded) fn flush(&mut self, sorted: Vec<Posting>, until: i64) {
        self.flushes.push_back(Flush::new(sorted, until));
    }

    /// Whether a step would do anything. `first` is the least message that is kept.
    pub(in crate::store::embedded) fn has_work(&self, first: i64) -> bool {
        self.flushes.len() > self.flushed
            || !self.merges.is_empty()
            || !self.dead.is_empty()
            || self.stale
            || self.plan(first).is_some()
    }

    /// Does work worth about `budget` postings. `first` is the least message that is kept.
    ///
    /// After an error the transaction must be rolled back.
    pub(in crate::store::embedded) fn step(
        &mut self,
        db: &Connection,
        budget: usize,
        first: i64,
    ) -> Result<()> {
        if self.stale {
            self.refresh(db)?;
        }
        let mut budget = Budget::new(budget);
        self.write_flushes(db, &mut budget)?;
        self.sweep(db, &mut budget)?;
        while !budget.is_spent() {
            self.prepare_merges(db, first)?;
            if self.merges.is_empty() {
                break;
            }
            self.merge(db, &mut budget)?;
        }
        Ok(())
    }

    /// The transaction is committed.
    pub(in crate::store::embedded) fn commit(&mut self) {
        self.flushes.drain(..self.flushed);
        self.flushed = 0;
        if self.changed {
            self.filters.replace(&self.runs);
            self.changed = false;
        }
    }

    /// The transaction is rolled back.
    pub(in crate::store::embedded) fn roll_back(&mut self) {
        self.runs = self.filters.committed().to_vec();
        self.changed = false;
        self.flushes.iter_mut().for_each(Flush::restart);
        self.flushed = 0;
        self.merges.clear();
        self.stale = true;
    }

    /// Nobody completes the runs that were being built.
    fn refresh(&mut self, db: &Connection) -> Result<()> {
        tables::mark_unfinished_dead(db)?;
        self.dead = tables::dead(db)?.into();
        self.dead.retain(|run| !self.damaged.contains(run));
        self.stale = false;
        Ok(())
    }

    fn write_flushes(&mut self, db: &Connection, budget: &mut Budget) -> Result<()> {
        while let Some(flush) = self.flushes.get_mut(self.flushed) {
            if budget.is_spent() {
                break;
            }
            let indexed = self.runs.last().map_or(0, |last| last.run.until);
            if flush.until() <= indexed {
                // Nothing is new. Runs with the same end would have no order.
                self.flushed = self.flushed.saturating_add(1);
                continue;
            }
            let last_id = &mut self.last_id;
            let Some(visible) = flush.advance(db, budget, indexed, || next_id(last_id))? else {
                break;
            };
            self.runs.push(visible);
            self.changed = true;
            self.flushed = self.flushed.saturating_add(1);
        }
        Ok(())
    }

    /// Sweeping takes a part of each step: put off, it would leave the disk full of dead runs while
    /// there is always something to merge.
    fn sweep(&mut self, db: &Connection, budget: &mut Budget) -> Result<()> {
        let mut quarter = budget.quarter();
        let before = quarter.left();
        while !quarter.is_spent()
            && let Some(&run) = self.dead.front()
        {
            match sweep(db, run, &mut quarter) {
                Ok(true) => drop(self.dead.pop_front()),
                Ok(false) => {}
                Err(error) => {
                    if is_corrupt(&error) {
                        self.damaged.insert(run);
                    }
                    return Err(error);
                }
            }
        }
        budget.spend(before.saturating_sub(quarter.left()));
        Ok(())
    }

    /// Begins what is planned.
    fn prepare_merges(&mut self, db: &Connection, first: i64) -> Result<()> {
        while let Some(plan) = self.plan(first) {
            match plan {
                Plan::Drop(at) => {
                    let Visible { run, .. } = self.runs.remove(at);
                    tables::mark_dead(db, run.id)?;
                    self.dead.push_back(run.id);
                    self.changed = true;
                }
                Plan::Merge(range) => {
                    let sources = self.runs.get(range).unwrap_or_default();
                    let sources: Vec<Run> = sources.iter().map(|visible| visible.run).collect();
                    let id = next_id(&mut self.last_id);
                    self.merges.push(Merge::begin(db, id, &sources, first)?);
                    self.merges.sort_by_key(Merge::level);
                }
            }
        }
        Ok(())
    }

    fn plan(&self, first: i64) -> Option<Plan> {
        let busy: HashSet<RunId> = self.merges.iter().flat_map(Merge::sources).collect();
        let is_free = |run: &Run| !busy.contains(&run.id) && !self.damaged.contains(&run.id);
        let runs: Vec<Option<Run>> =
            self.runs.iter().map(|visible| Some(visible.run).filter(is_free)).collect();
        plan(&runs, first, |level| self.merges.iter().all(|merge| merge.level() != level))
    }

    /// Works on the lowest level: there the runs come fastest.
    fn merge(&mut self, db: &Connection, budget: &mut Budget) -> Result<()> {
        let Some(merge) = self.merges.first_mut() else { return Ok(()) };
        let advanced = merge.advance(db, budget);
        if advanced.is_err() {
            self.damaged.extend(merge.damaged());
        }
        if let Some(visible) = advanced? {
            let sources: Vec<RunId> = self.merges.remove(0).sources().collect();
            let at = self.runs.iter().position(|run| Some(&run.run.id) == sources.first());
            self.runs.retain(|run| !sources.contains(&run.run.id));
            self.runs.insert(at.unwrap_or(0), visible);
            self.dead.extend(sources);
            self.changed = true;
        }
        Ok(())
    }
}

fn next_id(last: &mut i64) -> RunId {
    *last = last.saturating_add(1);
    RunId(*last)
}

/// Without its filter a run is only slower to ask.
fn load_filter(db: &Connection, run: &Run) -> Result<Option<Arc<Filter>>> {
    match parts::load(db, run) {
        Ok(filter) => Ok(Some(Arc::new(filter))),
        Err(error) if is_corrupt(&error) => {
            tracing::warn!(%error, "a filter of the index is left out");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
