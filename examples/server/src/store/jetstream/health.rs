//! Looking after the streams, so that trouble shows where no client has met it yet.

use std::sync::{Arc, Weak};
use std::time::Duration;

use async_nats::jetstream::stream::{Info, Stream};
use futures_util::future::try_join_all;
use tokio::time::{Instant, sleep};

use super::{JetStream, JetStreamError, Shared, timed};

impl JetStream {
    /// Looks every now and then, until no handle is left.
    pub(super) fn watch(&self) {
        tokio::spawn(watch(Arc::downgrade(&self.shared)));
    }

    /// That every stream is there, and can be written to.
    async fn look(&self) -> Result<(), JetStreamError> {
        let Shared { queues, kept, devices, push_stream, .. } = &*self.shared;
        let streams = queues.iter().chain([&kept.stream, &devices.stream, push_stream]);
        let infos = timed(try_join_all(streams.map(Stream::get_info))).await?;
        match infos.iter().find(|info| !has_leader(info)) {
            Some(info) => Err(JetStreamError::nats(format!("nobody leads {}", info.config.name))),
            None => Ok(()),
        }
    }
}

/// A node that is left alone by most of its cluster answers for its streams all the same after a while. A single NATS names no
/// cluster.
fn has_leader(info: &Info) -> bool {
    info.cluster.as_ref().is_none_or(|cluster| cluster.leader.is_some())
}

async fn watch(shared: Weak<Shared>) {
    let mut is_there = true;
    loop {
        sleep(PAUSE).await;
        let Some(shared) = shared.upgrade() else { return };
        let store = JetStream { shared };
        let seen = store.look().await;
        if let Err(error) = &seen {
            *store.failed() = Some(Instant::now());
            if is_there {
                tracing::warn!(%error, "the streams are out of reach");
            }
        } else if !is_there {
            tracing::info!("the streams are within reach again");
        }
        is_there = seen.is_ok();
    }
}

/// With the time of an answer, less than a failure is remembered for.
const PAUSE: Duration = Duration::from_secs(2);
