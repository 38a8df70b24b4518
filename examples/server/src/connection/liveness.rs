//! When a client was last heard (S4.2).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

/// The signs of life of a connection. What carries the byte stream shares them, because its own
/// pings count as well.
#[derive(Clone)]
pub struct Liveness {
    last_heard: Arc<Mutex<Instant>>,
}

impl Liveness {
    pub fn new(accepted: Instant) -> Self {
        Self { last_heard: Arc::new(Mutex::new(accepted)) }
    }

    /// Notes that something came from the client.
    pub fn heard(&self) {
        *self.lock() = Instant::now();
    }

    pub(super) fn last_heard(&self) -> Instant {
        *self.lock()
    }

    fn lock(&self) -> MutexGuard<'_, Instant> {
        self.last_heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
