//! Trying again.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::{ANSWER, JetStream, JetStreamError};

impl JetStream {
    /// Tries until it is done, or until a repeat would not be known as one any more.
    pub(super) async fn persistently<T, F>(
        &self,
        what: &'static str,
        mut attempt: impl FnMut() -> F,
    ) -> Result<T, JetStreamError>
    where
        F: Future<Output = Result<T, JetStreamError>>,
    {
        let mut attempts = self.attempts(what);
        loop {
            match attempts.run(attempt()).await {
                Ok(done) => {
                    attempts.done();
                    return Ok(done);
                }
                Err(error) => attempts.failed(error).await?,
            }
        }
    }

    pub(super) fn attempts(&self, what: &'static str) -> Attempts<'_> {
        let disconnected = self.shared.gaps.disconnected.subscribe();
        Attempts { store: self, what, since: Instant::now(), disconnected }
    }
}

/// Attempts at one thing.
pub(super) struct Attempts<'s> {
    store: &'s JetStream,
    what: &'static str,
    since: Instant,
    disconnected: watch::Receiver<()>,
}

impl Attempts<'_> {
    /// One of them. What is asked when the connection is lost is not answered any more.
    pub(super) async fn run<T>(
        &mut self,
        attempt: impl Future<Output = Result<T, JetStreamError>>,
    ) -> Result<T, JetStreamError> {
        tokio::select! {
            done = attempt => done,
            Ok(()) = self.disconnected.changed() => Err(JetStreamError::nats("disconnected")),
        }
    }

    pub(super) fn done(&self) {
        *self.store.failed() = None;
    }

    /// Waits for the next attempt; an error if there is none.
    pub(super) async fn failed(&mut self, error: JetStreamError) -> Result<(), JetStreamError> {
        *self.store.failed() = Some(Instant::now());
        // The last attempt may reach the stream only just before its answer is given up.
        let patience = self.store.shared.settings.duplicate_window;
        let patience = patience.saturating_sub(2 * ANSWER).max(ANSWER);
        if self.since.elapsed() > patience {
            tracing::warn!(%error, "gave up {}", self.what);
            return Err(JetStreamError::Patience(patience));
        }
        tracing::debug!(%error, "{} again", self.what);
        sleep(RETRY).await;
        Ok(())
    }
}

/// Between two attempts at something that NATS did not do.
pub(super) const RETRY: Duration = Duration::from_millis(100);
