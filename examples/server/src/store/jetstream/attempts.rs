//! Repeated attempts.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use crate::store::jetstream::error::JetStreamError;
use crate::store::jetstream::handle::JetStream;
use crate::store::jetstream::timing::{ANSWER_TIMEOUT, RETRY_PAUSE};

impl JetStream {
    /// Tries until it succeeds, but no longer than a repeat is sure to be recognised.
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
        self.attempts_since(what, Instant::now())
    }

    /// Attempts of which the first has begun already.
    pub(super) fn attempts_since(&self, what: &'static str, since: Instant) -> Attempts<'_> {
        // The last attempt may reach the stream only just before its answer is given up.
        let window = self.inner.settings.duplicate_window;
        let timeout = window.saturating_sub(2 * ANSWER_TIMEOUT).max(ANSWER_TIMEOUT);
        let disconnected = self.inner.gaps.disconnected.subscribe();
        Attempts { store: self, what, since, timeout, disconnected }
    }
}

/// Attempts at one operation.
pub(super) struct Attempts<'s> {
    store: &'s JetStream,
    what: &'static str,
    since: Instant,
    timeout: Duration,
    disconnected: watch::Receiver<()>,
}

impl Attempts<'_> {
    /// Makes one attempt. It fails when the connection is lost, since no answer comes then.
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
        self.store.inner.health.succeeded();
    }

    /// Waits for the next attempt.
    ///
    /// # Errors
    ///
    /// [`JetStreamError::Timeout`] if there is no time for another one, and the error itself if
    /// another one is of no use.
    pub(super) async fn failed(&mut self, error: JetStreamError) -> Result<(), JetStreamError> {
        if error.is_final() {
            return Err(error);
        }
        self.store.inner.health.failed();
        if self.since.elapsed() > self.timeout {
            tracing::warn!(%error, "gave up {}", self.what);
            return Err(JetStreamError::Timeout(self.timeout));
        }
        tracing::debug!(%error, "{} again", self.what);
        sleep(RETRY_PAUSE).await;
        Ok(())
    }
}
