//! The two stores that a server can have.

use std::sync::Arc;

use super::nats::Nats;

#[derive(Clone)]
pub enum Store {
    /// In the server's data folder.
    Embedded,
    Nats(Arc<Nats>),
}

impl Store {
    /// `None` if `nats-server` is not installed.
    pub async fn nats() -> Option<Self> {
        Some(Self::Nats(Arc::new(Nats::start().await?)))
    }

    /// What `--store` takes.
    pub fn address(&self) -> String {
        match self {
            Self::Embedded => "embedded".to_owned(),
            Self::Nats(nats) => nats.url(),
        }
    }
}
