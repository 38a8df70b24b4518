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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::embedded::index::filter::Shape;
    use crate::store::embedded::index::tables::RunId;

    /// Runs of ten messages each, with these levels.
    fn runs(levels: &[i64]) -> Vec<Option<Run>> {
        let run = |(id, level): (i64, &i64)| Run {
            id: RunId(id),
            level: *level,
            first: id * 10 + 1,
            until: id * 10 + 10,
            terms: 1,
            filter: Shape { groups: 1, probes: 1 },
        };
        (0..).zip(levels).map(run).map(Some).collect()
    }

    fn planned(runs: &[Option<Run>], first: i64) -> Option<Plan> {
        plan(runs, first, |_| true)
    }

    #[test]
    fn eight_of_a_level_are_merged() {
        assert_eq!(planned(&[], 1), None);
        assert_eq!(planned(&runs(&[0; 7]), 1), None);
        assert_eq!(planned(&runs(&[0; 9]), 1), Some(Plan::Merge(0..8)));
        let levels = [2, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(planned(&runs(&levels), 1), None);
        let levels = [2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(planned(&runs(&levels), 1), Some(Plan::Merge(3..11)));
        assert_eq!(plan(&runs(&levels), 1, |level| level != 0), None);
    }

    #[test]
    fn only_neighbours_are_merged() {
        let mut runs = runs(&[0; 12]);
        runs[4] = None;
        assert_eq!(planned(&runs, 1), None);
        runs.extend(self::runs(&[0; 14]).split_off(12));
        assert_eq!(planned(&runs, 1), Some(Plan::Merge(5..13)));
    }

    #[test]
    fn a_run_without_messages_is_dropped_unless_it_is_the_newest() {
        let runs = runs(&[1, 0]);
        assert_eq!(planned(&runs, 10), Some(Plan::Merge(0..1)), "one is left");
        assert_eq!(planned(&runs, 11), Some(Plan::Drop(0)));
        assert_eq!(planned(&runs[1..], 21), Some(Plan::Merge(0..1)));
        let empty = runs[1].map(|run| Run { first: 21, ..run });
        assert_eq!(planned(&[empty], 100), None);
    }

    #[test]
    fn a_run_is_rewritten_once_its_lower_half_is_gone() {
        let runs = runs(&[1]);
        assert_eq!(planned(&runs, 5), None);
        assert_eq!(planned(&runs, 6), Some(Plan::Merge(0..1)));
    }
}
