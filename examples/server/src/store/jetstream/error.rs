//! Errors of the store on NATS.

use std::fmt::Display;
use std::time::Duration;

use thiserror::Error;

/// Why `JetStream` has not done what it was asked for.
#[derive(Clone, Debug, Error)]
pub enum JetStreamError {
    #[error("NATS: {0}")]
    Nats(String),
    /// Given up while a repeat was still sure to be recognised. No effects may follow (H8).
    #[error("not done within {} s", .0.as_secs())]
    Timeout(Duration),
}

impl JetStreamError {
    pub(super) fn nats(error: impl Display) -> Self {
        Self::Nats(error.to_string())
    }
}
