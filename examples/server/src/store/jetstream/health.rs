//! What is known of the streams.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::store::health::Problem;

/// What is known of the streams.
#[derive(Debug, Default)]
pub(super) struct Health {
    /// The last failure, if no attempt has succeeded since.
    failed: Mutex<Option<Instant>>,
    /// What the last check has found.
    found: Mutex<Vec<Problem>>,
}

impl Health {
    pub(super) fn failed(&self) {
        *lock(&self.failed) = Some(Instant::now());
    }

    pub(super) fn succeeded(&self) {
        *lock(&self.failed) = None;
    }

    pub(super) fn problems(&self) -> Vec<Problem> {
        let found = lock(&self.found).clone();
        let is_failing = lock(&self.failed).is_some_and(|failed| failed.elapsed() < MEMORY);
        if found.is_empty() && is_failing { vec![Problem::NoAnswer] } else { found }
    }

    /// Logs what is new.
    pub(super) fn note(&self, found: Vec<Problem>) {
        let mut before = lock(&self.found);
        for problem in found.iter().filter(|problem| !before.contains(problem)) {
            tracing::error!(%problem, "the streams are out of reach");
        }
        if found.is_empty() && !before.is_empty() {
            tracing::info!("the streams are within reach again");
        }
        *before = found;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How long a failure counts. Whoever still needs what failed has tried again by then.
const MEMORY: Duration = Duration::from_secs(5);
