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
