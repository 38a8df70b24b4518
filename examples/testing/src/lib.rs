//! What the tests of whole servers share: servers, clients, and waiting that ends.

#![allow(dead_code, reason = "every test program uses a part of this")]

pub mod client;
pub mod http;
pub mod load;
pub mod nats;
pub mod process;
pub mod program;
pub mod redis;
pub mod sender;
pub mod server;
pub mod websocket;

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

/// Longer than anything here takes on a busy machine, where a cluster may need several elections.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Waits for what must come.
pub async fn within<F: Future>(what: &str, future: F) -> F::Output {
    let outcome = timeout(PATIENCE, future).await;
    outcome.unwrap_or_else(|_| panic!("waited {} s in vain for {what}", PATIENCE.as_secs()))
}

/// Asks until it is so, for what nobody announces.
pub async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so().await {
        assert!(Instant::now() < deadline, "waited {} s in vain until {what}", PATIENCE.as_secs());
        sleep(Duration::from_millis(5)).await;
    }
}
