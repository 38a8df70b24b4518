//! Consumers that read a part of a queue from the leader of its stream.
//!
//! A consumer reads what the node that it is on has stored. A node that lags behind has less than
//! was acknowledged, and one that has hung may even lack messages in between for good (before NATS
//! 2.11). Neither shows in what the consumer delivers. So one is used only
//!
//! - on the node that leads the stream: each is placed at random, and created again until it is
//!   there;
//! - up to the last sequence that this node had when it said that it leads. It had all of them
//!   then, just as when it is asked for single messages; what it may miss later is beyond;
//! - as long as its deliveries have consecutive numbers: they can be lost on their way, and a
//!   consumer that was made again after a restart counts from the beginning.

use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::consumer::pull::{self, Batch};
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, PullConsumer};
use async_nats::jetstream::stream::{ClusterInfo, Stream};
use async_nats::jetstream::{Context, Message};
use bytes::Bytes;
use futures_util::StreamExt;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

use crate::store::jetstream::error::JetStreamError;
use crate::store::jetstream::timing::{ANSWER_TIMEOUT, timed};

/// The consumers of this server.
pub(super) struct Consumers {
    context: Context,
    free: Arc<Semaphore>,
    /// When NATS last failed to create one.
    failed: Mutex<Option<Instant>>,
}

impl Consumers {
    pub(super) fn new(context: Context) -> Self {
        Self { context, free: Arc::new(Semaphore::new(CONSUMERS)), failed: Mutex::default() }
    }

    /// A consumer that reads the sequences of a subject that are in a range.
    pub(super) async fn create(
        &self,
        stream: &Stream,
        subject: &str,
        range: RangeInclusive<u64>,
    ) -> Result<LeaderConsumer, JetStreamError> {
        let permit = Arc::clone(&self.free).try_acquire_owned().map_err(JetStreamError::nats)?;
        if self.failed().is_some_and(|failed| failed.elapsed() < PAUSE) {
            return Err(JetStreamError::nats("none was created a moment ago"));
        }
        let info = timed(stream.get_info()).await?;
        let until = info.state.last_sequence.min(*range.end());
        let leader = leader(info.cluster.as_ref());
        let leader = leader.ok_or_else(|| JetStreamError::nats("the stream has no leader"))?;
        for _ in 0..ATTEMPTS {
            let consumer = self.create_anywhere(stream, config(subject, *range.start())).await?;
            if consumer.node() == Some(leader) {
                return Ok(LeaderConsumer::new(consumer, until, permit));
            }
        }
        Err(JetStreamError::nats("none was created on the leader"))
    }

    async fn create_anywhere(
        &self,
        stream: &Stream,
        config: pull::Config,
    ) -> Result<Deleted, JetStreamError> {
        match timed(stream.create_consumer(config)).await {
            Ok(consumer) => Ok(Deleted { consumer, context: self.context.clone() }),
            Err(error) => {
                *self.failed() = Some(Instant::now());
                Err(error)
            }
        }
    }

    fn failed(&self) -> MutexGuard<'_, Option<Instant>> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A consumer on the leader.
pub(super) struct LeaderConsumer {
    consumer: Deleted,
    /// The last sequence for which it is believed.
    until: u64,
    /// How many messages it has delivered.
    delivered: u64,
    pulled: Option<Pulled>,
    _permit: OwnedSemaphorePermit,
}

/// What was asked for at once.
struct Pulled {
    batch: Batch,
    is_empty: bool,
}

impl LeaderConsumer {
    const fn new(consumer: Deleted, until: u64, permit: OwnedSemaphorePermit) -> Self {
        Self { consumer, until, delivered: 0, pulled: None, _permit: permit }
    }

    /// The next message, or `None` at the end of the range. After an error it is of no use.
    pub(super) async fn next(&mut self) -> Result<Option<QueueMessage>, JetStreamError> {
        loop {
            let pulled = match &mut self.pulled {
                Some(pulled) => pulled,
                none => none.insert(self.consumer.pull().await?),
            };
            match timeout(ANSWER_TIMEOUT, pulled.batch.next()).await {
                Ok(Some(Ok(message))) => {
                    pulled.is_empty = false;
                    return self.take(message);
                }
                // It is complete, or NATS has no more.
                Ok(_) if !pulled.is_empty => self.pulled = None,
                Ok(_) => return Err(JetStreamError::nats("the consumer ended short")),
                Err(_) => return Err(JetStreamError::nats("no answer")),
            }
        }
    }

    fn take(&mut self, message: Message) -> Result<Option<QueueMessage>, JetStreamError> {
        let info = message.info().map_err(JetStreamError::nats)?;
        let (sequence, number) = (info.stream_sequence, info.consumer_sequence);
        self.delivered = self.delivered.saturating_add(1);
        if number != self.delivered {
            return Err(JetStreamError::nats("a delivery was lost"));
        }
        if sequence > self.until {
            return Ok(None);
        }
        let message = message.message;
        let headers = message.headers.unwrap_or_default();
        Ok(Some(QueueMessage { sequence, headers, body: message.payload }))
    }
}

/// A message as the stream has it.
pub(super) struct QueueMessage {
    pub(super) sequence: u64,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// A consumer that is deleted when this is dropped.
struct Deleted {
    consumer: PullConsumer,
    context: Context,
}

impl Deleted {
    /// The node that it is on.
    fn node(&self) -> Option<&str> {
        leader(self.consumer.cached_info().cluster.as_ref())
    }

    /// Asks for all that is there, within bounds.
    async fn pull(&self) -> Result<Pulled, JetStreamError> {
        let all = self.consumer.fetch().max_messages(BATCH_MESSAGES).max_bytes(BATCH_BYTES);
        Ok(Pulled { batch: timed(all.messages()).await?, is_empty: true })
    }
}

impl Drop for Deleted {
    fn drop(&mut self) {
        let info = self.consumer.cached_info();
        let (name, stream) = (info.name.clone(), info.stream_name.clone());
        let context = self.context.clone();
        // Outside of a runtime, or after an error, NATS deletes it by itself.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move {
                let _ = context.delete_consumer_from_stream(name, stream).await;
            });
        }
    }
}

fn config(subject: &str, start_sequence: u64) -> pull::Config {
    pull::Config {
        filter_subject: subject.to_owned(),
        deliver_policy: DeliverPolicy::ByStartSequence { start_sequence },
        ack_policy: AckPolicy::None,
        num_replicas: 1,
        memory_storage: true,
        inactive_threshold: INACTIVE,
        ..pull::Config::default()
    }
}

/// The node that leads, if one does. A single NATS, which has no cluster, is named by a stream or
/// not, depending on its version, and never by a consumer.
fn leader(cluster: Option<&ClusterInfo>) -> Option<&str> {
    match cluster {
        Some(ClusterInfo { name: Some(_), leader, .. }) => leader.as_deref(),
        _ => Some(""),
    }
}

/// How many syncs of this server use one at a time. The others read message by message.
const CONSUMERS: usize = 64;
/// How often one is created until it is on the leader. With three nodes, that takes three on
/// average.
const ATTEMPTS: usize = 4;
/// How long none is created when a node does not answer. Whether a node hangs is not known for a
/// while, and each creation may end up there.
const PAUSE: Duration = Duration::from_secs(30);
/// What is pulled at once. For NATS the bytes include subjects and headers.
const BATCH_MESSAGES: usize = 512;
const BATCH_BYTES: usize = 256 * 1024;
/// After this long without a pull NATS deletes one.
const INACTIVE: Duration = Duration::from_secs(30);
