//! How long NATS is waited for.

use std::fmt::Display;
use std::time::Duration;

use tokio::time::timeout;

use crate::store::jetstream::error::JetStreamError;

/// How long an answer of NATS may take.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);
/// Between two attempts.
pub const RETRY_PAUSE: Duration = Duration::from_millis(100);

/// The answer, or an error if it takes too long.
pub(super) async fn timed<T, E: Display>(
    answer: impl Future<Output = Result<T, E>>,
) -> Result<T, JetStreamError> {
    match timeout(ANSWER_TIMEOUT, answer).await {
        Ok(answer) => answer.map_err(JetStreamError::nats),
        Err(_) => Err(JetStreamError::nats("no answer")),
    }
}
