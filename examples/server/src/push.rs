//! The push outbox, drained by a sink.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use crate::metrics::Metrics;
use crate::neighbours::{ConnectError, PushQueue, PushSink, Redis, RedisError};
use crate::server::Shared;
use crate::store::PushEntry;

/// Hands every entry to the sink, oldest first, and takes it out of the outbox once the sink has it; until the server stops.
pub async fn drain(shared: Arc<Shared>, sink: Sink) {
    let draining = async {
        loop {
            match shared.store.pushes(BATCH).await {
                Ok(entries) => hand_over(&shared, &sink, entries).await,
                Err(_) => sleep(PAUSE).await,
            }
        }
    };
    shared.stopping.run_until_cancelled(draining).await;
}

async fn hand_over(shared: &Shared, sink: &Sink, entries: Vec<PushEntry>) {
    let taken = sink.take(&entries).await;
    let ids = entries.into_iter().map(|entry| entry.id).collect();
    if taken.is_err() {
        shared.store.give_back(ids).await;
        sleep(PAUSE).await;
        sink.until_ready().await;
    } else if shared.store.pushed(ids).await.is_err() {
        // They come again: a push service is told twice rather than never.
        sleep(PAUSE).await;
    }
}

/// Where pushes go.
pub enum Sink {
    /// A line each in the log.
    Log,
    /// The list of a push service.
    Redis(PushQueue),
}

impl Sink {
    /// The sink that an operator has chosen.
    pub async fn open(options: &PushSink, metrics: &Metrics) -> Result<Self, ConnectError> {
        match options {
            PushSink::Log => Ok(Self::Log),
            PushSink::Redis(url) => {
                let failures = metrics.push_failures.clone();
                let redis = Redis::connect("--push", url, PATIENCE, failures).await?;
                Ok(Self::Redis(PushQueue::new(redis)))
            }
        }
    }

    async fn take(&self, entries: &[PushEntry]) -> Result<(), RedisError> {
        match self {
            Self::Log => entries.iter().for_each(log),
            Self::Redis(queue) => queue.push(entries).await?,
        }
        Ok(())
    }

    async fn until_ready(&self) {
        match self {
            Self::Log => {}
            Self::Redis(queue) => queue.until_reachable().await,
        }
    }
}

fn log(entry: &PushEntry) {
    tracing::info!(to = %entry.to, command = %entry.command, "push");
}

const BATCH: usize = 256;
/// Before a store or a sink that failed is asked again.
const PAUSE: Duration = Duration::from_millis(500);
/// How long a batch may take. A sink that has it, but could not say so in time, gets it twice.
const PATIENCE: Duration = Duration::from_secs(10);
