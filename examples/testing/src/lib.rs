//! What tests of servers of this protocol share: clients, processes, and waiting with a deadline.
//!
//! What goes wrong here panics, so that it fails the test.

pub mod client;
pub mod flood;
pub mod http;
pub mod process;
pub mod program;
pub mod sender;
pub mod websocket;

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

/// Longer than anything takes on a busy machine, where a cluster may need several elections.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// Waits for what must happen.
pub async fn within<F: Future>(what: &str, future: F) -> F::Output {
    let outcome = timeout(DEADLINE, future).await;
    outcome.unwrap_or_else(|_| panic!("timed out: waited {} s for {what}", DEADLINE.as_secs()))
}

/// Polls until a condition holds.
pub async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !is_so().await {
        assert!(
            Instant::now() < deadline,
            "timed out: waited {} s until {what}",
            DEADLINE.as_secs()
        );
        sleep(Duration::from_millis(5)).await;
    }
}
