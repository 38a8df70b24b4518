//! Errors of either store.

use thiserror::Error;

use crate::store::{embedded, jetstream};

/// Why the store has not done what it was asked for.
#[derive(Debug, Error)]
pub enum StoreError {
    #[error(transparent)]
    Embedded(#[from] embedded::StoreError),
    #[error(transparent)]
    JetStream(#[from] jetstream::JetStreamError),
}

impl StoreError {
    /// For a store that answers no more.
    pub const fn closed() -> Self {
        Self::Embedded(embedded::StoreError::Closed)
    }
}
