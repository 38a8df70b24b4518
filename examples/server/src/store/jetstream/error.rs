//! Errors of the store on NATS.

use std::fmt::Display;
use std::time::Duration;

use thiserror::Error;

use crate::store::observer::{PushBound, SaveFailure};

/// Why `JetStream` has not done what it was asked for.
#[derive(Clone, Debug, Error)]
pub enum JetStreamError {
    #[error("NATS: {0}")]
    Nats(String),
    /// Given up while a repeat was still sure to be recognised. No effects may follow (H8).
    #[error("not done within {} s", .0.as_secs())]
    Timeout(Duration),
    /// It will never be taken, however often it is sent.
    #[error("the message is longer than NATS takes")]
    TooLong,
    /// As many pushes wait as may wait.
    #[error("too many pushes wait")]
    Full(PushBound),
}

impl JetStreamError {
    /// Whether another attempt is of no use.
    pub(super) const fn is_final(&self) -> bool {
        matches!(self, Self::TooLong | Self::Full(_))
    }

    pub(super) const fn save_failure(&self) -> SaveFailure {
        match self {
            Self::TooLong => SaveFailure::TooLong,
            Self::Timeout(_) => SaveFailure::Timeout,
            Self::Nats(_) | Self::Full(_) => SaveFailure::Failed,
        }
    }

    pub(super) fn nats(error: impl Display) -> Self {
        Self::Nats(error.to_string())
    }
}
