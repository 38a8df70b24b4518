//! Which runs to merge.
//!
//! Levels are tiers: eight adjacent runs of a level become one of the next. So a posting is written
//! once for each level, and there are at most seven runs of a level that wait.

use std::ops::Range;

use crate::store::embedded::index::tables::Run;

/// What to do with some of the visible runs.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Plan {
    /// All its messages are deleted.
    Drop(usize),
    /// To make one run of these. A single run is rewritten because half of it is of no use.
    Merge(Range<usize>),
}

/// How many runs are merged at once.
pub(super) const FAN_IN: usize = 8;

/// What to do next. `runs` are the visible ones, oldest messages first, `None` where a run must be
/// left alone; `first` is the least message that is kept.
pub(super) fn plan(
    runs: &[Option<Run>],
    first: i64,
    is_idle: impl Fn(i64) -> bool,
) -> Option<Plan> {
    let idle = |run: &Run| is_idle(run.level);
    let older = runs.len().saturating_sub(1);
    // The newest run stays: it says how far the index is.
    let gone = runs.iter().take(older).position(|run| run.is_some_and(|run| run.until < first));
    if let Some(gone) = gone {
        return Some(Plan::Drop(gone));
    }
    let full = runs.windows(FAN_IN).position(|runs| are_of_a_level(runs, idle));
    if let Some(at) = full {
        return Some(Plan::Merge(at..at.saturating_add(FAN_IN)));
    }
    let half_gone = |run: Run| {
        let half = run.until.saturating_sub(run.first) / 2;
        run.first <= run.until && first > run.first.saturating_add(half)
    };
    let at = runs.iter().position(|run| run.is_some_and(|run| idle(&run) && half_gone(run)))?;
    Some(Plan::Merge(at..at.saturating_add(1)))
}

fn are_of_a_level(runs: &[Option<Run>], idle: impl Fn(&Run) -> bool) -> bool {
    let level = runs.first().copied().flatten().filter(idle).map(|run| run.level);
    level.is_some() && runs.iter().all(|run| run.map(|run| run.level) == level)
}
