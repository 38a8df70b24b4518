//! Looks after the store, so that health returns by itself, whether anybody saves or not.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};

use crate::store::embedded::handle::Store;
use crate::store::embedded::outbox;
use crate::store::embedded::task::Task;

impl Store {
    /// Checks the store every second, until it is closed.
    pub async fn watch(self) {
        while self.is_open() {
            self.check().await;
            sleep(PAUSE).await;
        }
    }

    /// Looks for the folder and for room on the disk, tries to write if that has failed, and reports what waits in the
    /// push outbox.
    pub async fn check(&self) {
        let status = Arc::clone(&self.status);
        // With an error the runtime stops.
        let _ = spawn_blocking(move || status.look_around()).await;
        if self.status.is_failing() {
            // The answer does not matter: the store's thread notes whether it could write.
            let probe = self.jobs.ask(|answer| Task::Probe { answer });
            let _ = timeout(PROBE_TIMEOUT, probe).await;
        }
        self.jobs.tick();
        let is_empty = self.status.waiting() == 0;
        if is_empty && !self.status.is_unreadable() {
            self.status.report_waiting(Duration::ZERO);
        } else if let Ok(oldest) = self.readers.read(outbox::age).await {
            self.status.report_waiting(oldest);
        }
    }
}

/// Between two checks.
const PAUSE: Duration = Duration::from_secs(1);
/// How long a write is waited for. A disk that takes longer hangs.
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);
