//! The filters of the visible runs, shared with readers.

use std::sync::{Arc, PoisonError, RwLock};

use crate::store::embedded::index::filter::Filter;
use crate::store::embedded::index::tables::{Run, RunId};

/// A visible run.
#[derive(Clone, Debug)]
pub(super) struct Visible {
    pub(super) run: Run,
    /// `None` if it is unknown: then the run has to be asked.
    pub(super) filter: Option<Arc<Filter>>,
}

/// The filters of the visible runs, as of the last commit. Clones share them.
#[derive(Clone, Debug, Default)]
pub(in crate::store::embedded) struct Filters(Arc<RwLock<Arc<[Visible]>>>);

impl Filters {
    pub(super) fn replace(&self, runs: &[Visible]) {
        let runs = runs.into();
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = runs;
    }

    /// The runs as of the last commit.
    pub(super) fn committed(&self) -> Arc<[Visible]> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// These runs with the filters that are known.
    pub(super) fn of(&self, runs: Vec<Run>) -> Vec<Visible> {
        let known = self.committed();
        let filter = |id: RunId| known.iter().find(|known| known.run.id == id)?.filter.clone();
        runs.into_iter().map(|run| Visible { run, filter: filter(run.id) }).collect()
    }
}
