//! What the clients of a run share.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::task::JoinError;

use crate::plan::Plan;
use crate::service::Service;
use crate::trouble::Counts;

/// What all clients of a run share.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) plan: Plan,
    pub(crate) service: Service,
    pub(crate) counters: Counters,
    pub(crate) trouble: Counts,
}

/// Counters for the progress display. The report does not use them.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    acked: AtomicU64,
    notifies: AtomicU64,
    reconnects: AtomicU64,
    rows: AtomicU64,
}

impl Counters {
    pub(crate) fn acked(&self, messages: u64) {
        self.acked.fetch_add(messages, Ordering::Relaxed);
    }

    pub(crate) fn notified(&self, notifies: u64) {
        self.notifies.fetch_add(notifies, Ordering::Relaxed);
    }

    pub(crate) fn reconnected(&self) {
        self.reconnects.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn read(&self, rows: u64) {
        self.rows.fetch_add(rows, Ordering::Relaxed);
    }

    pub(crate) fn now(&self) -> Counted {
        let now = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counted {
            acked: now(&self.acked),
            notifies: now(&self.notifies),
            reconnects: now(&self.reconnects),
            rows: now(&self.rows),
        }
    }
}

/// The counters at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counted {
    pub(crate) acked: u64,
    pub(crate) notifies: u64,
    pub(crate) reconnects: u64,
    pub(crate) rows: u64,
}

/// Tasks are never cancelled: one that did not return has panicked, and the panic resumes here.
pub(crate) fn joined<T>(task: Result<T, JoinError>) -> T {
    match task {
        Ok(result) => result,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
