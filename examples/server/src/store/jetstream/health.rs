//! Whether the streams do what they are asked for.

use std::sync::{Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use async_nats::jetstream::stream::{Info, Stream};
use futures_util::future::try_join_all;
use tokio::time::{Instant, sleep};

use crate::store::jetstream::error::JetStreamError;
use crate::store::jetstream::timing::timed;

/// The last failure, if no attempt has succeeded since.
#[derive(Debug, Default)]
pub(super) struct Health(Mutex<Option<Instant>>);

impl Health {
    pub(super) fn failed(&self) {
        *self.lock() = Some(Instant::now());
    }

    pub(super) fn succeeded(&self) {
        *self.lock() = None;
    }

    pub(super) fn is_good(&self) -> bool {
        self.lock().is_none_or(|failed| failed.elapsed() > MEMORY)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Checks the streams regularly, so that trouble shows before a client meets it. Ends with the
/// store.
pub(super) async fn watch(health: Weak<Health>, streams: Vec<Stream>) {
    let mut was_good = true;
    loop {
        sleep(PAUSE).await;
        let Some(health) = health.upgrade() else { return };
        let seen = check(&streams).await;
        if let Err(error) = &seen {
            health.failed();
            if was_good {
                tracing::warn!(%error, "the streams are out of reach");
            }
        } else if !was_good {
            tracing::info!("the streams are within reach again");
        }
        was_good = seen.is_ok();
    }
}

/// Whether every stream exists and can be written to.
async fn check(streams: &[Stream]) -> Result<(), JetStreamError> {
    let infos = timed(try_join_all(streams.iter().map(Stream::get_info))).await?;
    match infos.iter().find(|info| !has_leader(info)) {
        Some(info) => Err(JetStreamError::nats(format!("{} has no leader", info.config.name))),
        None => Ok(()),
    }
}

/// A node that is cut off from most of its cluster still answers for its streams after a while, but
/// they have no leader. A single NATS names no cluster.
fn has_leader(info: &Info) -> bool {
    info.cluster.as_ref().is_none_or(|cluster| cluster.leader.is_some())
}

/// Between two checks. With the time of an answer it is shorter than [`MEMORY`].
const PAUSE: Duration = Duration::from_secs(2);
/// How long a failure counts. Whoever still needs what failed has tried again by then.
const MEMORY: Duration = Duration::from_secs(5);
