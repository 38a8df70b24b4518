//! Looks after the streams, so that trouble shows before a client meets it, and makes again what may
//! be made again.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_nats::jetstream::context::ConsumerInfoErrorKind;
use async_nats::jetstream::stream::{Config, Info};
use futures_util::future::join_all;
use tokio::time::{sleep, timeout};

use crate::store::health::Problem;
use crate::store::jetstream::error::JetStreamError;
use crate::store::jetstream::handle::JetStream;
use crate::store::jetstream::pushes::CONSUMER;
use crate::store::jetstream::streams::{self, PUSHES, SettingsError};
use crate::store::jetstream::timing::ANSWER_TIMEOUT;
use crate::store::observer::WaitingPushes;

impl JetStream {
    /// What keeps the store from doing its work, as far as it knows.
    pub fn problems(&self) -> Vec<Problem> {
        if self.is_connected() { self.inner.health.problems() } else { vec![Problem::Unreachable] }
    }

    /// Checks the streams regularly, until the store is closed.
    pub async fn watch(self) {
        while !self.is_closed() {
            sleep(PAUSE).await;
            let problems = self.check().await;
            self.inner.health.note(problems);
        }
    }

    async fn check(&self) -> Vec<Problem> {
        let wanted = streams::all(&self.inner.settings);
        let mut problems: Vec<Problem> =
            join_all(wanted.iter().map(|wanted| self.check_stream(wanted)))
                .await
                .into_iter()
                .flatten()
                .collect();
        problems.extend(self.check_consumer().await);
        // Without any answer all streams say the same.
        problems.dedup();
        problems
    }

    async fn check_stream(&self, wanted: &Config) -> Option<Problem> {
        let context = &self.inner.context;
        let stream = wanted.name.clone();
        match timeout(ANSWER_TIMEOUT, streams::find(context, wanted)).await {
            Ok(Ok(Some(found))) => self.check_info(found.cached_info()),
            Ok(Ok(None)) if streams::is_numbered(wanted) => Some(Problem::StreamLost { stream }),
            Ok(Ok(None)) => {
                // With an error it is tried again at the next check.
                let _ = timeout(ANSWER_TIMEOUT, streams::find_or_create(context, wanted)).await;
                Some(Problem::StreamMissing { stream })
            }
            Ok(Err(
                SettingsError::Differs { .. }
                | SettingsError::Shards { .. }
                | SettingsError::After { .. },
            )) => Some(Problem::StreamChanged { stream }),
            Ok(Err(_)) | Err(_) => Some(Problem::NoAnswer),
        }
    }

    fn check_info(&self, info: &Info) -> Option<Problem> {
        let stream = info.config.name.clone();
        if !has_leader(info) {
            return Some(Problem::NoLeader { stream });
        }
        if stream != PUSHES {
            return None;
        }
        self.inner.observer.waiting(waiting(info));
        let bound = u64::try_from(info.config.max_messages).ok().filter(|bound| *bound > 0);
        bound.is_some_and(|bound| info.state.messages >= bound).then_some(Problem::PushesFull)
    }

    async fn check_consumer(&self) -> Option<Problem> {
        let stream = PUSHES.to_owned();
        let info = self.inner.push_stream.consumer_info(CONSUMER);
        match timeout(ANSWER_TIMEOUT, info).await {
            Ok(Ok(info)) => {
                let has_leader = info.cluster.is_none_or(|cluster| cluster.leader.is_some());
                (!has_leader).then_some(Problem::NoLeader { stream })
            }
            Ok(Err(error)) => match error.kind() {
                ConsumerInfoErrorKind::NotFound => {
                    // With an error it is tried again at the next check.
                    let _: Result<_, JetStreamError> = self.push_consumer().await;
                    Some(Problem::NoConsumer { stream, consumer: CONSUMER })
                }
                // That is said of the stream already.
                ConsumerInfoErrorKind::StreamNotFound => None,
                _ => Some(Problem::NoAnswer),
            },
            Err(_) => Some(Problem::NoAnswer),
        }
    }
}

/// A node that is cut off from most of its cluster still answers for its streams after a while, but
/// they have no leader. A single NATS names no cluster.
fn has_leader(info: &Info) -> bool {
    info.cluster.as_ref().is_none_or(|cluster| cluster.leader.is_some())
}

fn waiting(pushes: &Info) -> WaitingPushes {
    let count = pushes.state.messages;
    let since = pushes.state.first_timestamp.unix_timestamp();
    let since = UNIX_EPOCH + Duration::from_secs(u64::try_from(since).unwrap_or(0));
    let oldest = SystemTime::now().duration_since(since).unwrap_or_default();
    WaitingPushes { count, oldest: if count == 0 { Duration::ZERO } else { oldest } }
}

/// Between two checks. With the time of an answer it is shorter than the memory of a failure.
const PAUSE: Duration = Duration::from_secs(2);
