//! Offline pushes: from the outbox to a sink.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use crate::metrics::Metrics;
use crate::redis::{ConnectError, PushLists, Redis, RedisError};
use crate::service::Service;
use crate::store::{PushBatch, PushEntry};

/// Moves entries from the outbox to the sink, oldest first, until the server stops.
pub async fn drain(service: Arc<Service>, sink: Sink) {
    let draining = async {
        loop {
            match service.store.pushes(BATCH).await {
                Ok(batch) => hand_over(&sink, batch).await,
                Err(_) => sleep(PAUSE).await,
            }
        }
    };
    service.stopping.run_until_cancelled(draining).await;
}

async fn hand_over(sink: &Sink, batch: PushBatch) {
    if sink.take(batch.entries()).await.is_err() {
        batch.give_back().await;
        sleep(PAUSE).await;
        sink.until_ready().await;
    } else if batch.done().await.is_err() {
        // The entries come again: two pushes are better than none.
        sleep(PAUSE).await;
    }
}

/// Where pushes go.
pub enum Sink {
    /// The log, one line per push.
    Log,
    /// The queues of a push service.
    Redis(PushLists),
}

impl Sink {
    /// Connects to the Redis of a push service.
    pub async fn redis(url: &str, metrics: &Metrics) -> Result<Self, ConnectError> {
        let failures = metrics.push_failures.clone();
        let redis = Redis::connect("--push", url, TIMEOUT, failures).await?;
        Ok(Self::Redis(PushLists::new(redis)))
    }

    async fn take(&self, entries: &[PushEntry]) -> Result<(), RedisError> {
        match self {
            Self::Log => entries.iter().for_each(log),
            Self::Redis(lists) => lists.push(entries).await?,
        }
        Ok(())
    }

    async fn until_ready(&self) {
        match self {
            Self::Log => {}
            Self::Redis(lists) => lists.until_reachable().await,
        }
    }
}

fn log(entry: &PushEntry) {
    tracing::info!(to = %entry.to, command = %entry.command, "push");
}

const BATCH: usize = 256;
/// How long to wait after a failure.
const PAUSE: Duration = Duration::from_millis(500);
/// How long a batch may take. A sink that takes it without answering in time gets it twice.
const TIMEOUT: Duration = Duration::from_secs(10);
