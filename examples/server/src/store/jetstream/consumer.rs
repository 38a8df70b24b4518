//! A consumer that reads a part of a queue from the leader of its stream.
//!
//! A consumer reads what the node that it is on has stored. A node that lags behind has less than
//! was acknowledged, and one that has hung may even lack messages in between for good (`NATS`
//! before 2.11). Neither shows in what the consumer delivers. So it is used only
//!
//! - on the node that leads the stream: each one is placed at random, and created again elsewhere
//!   until it is on the leader;
//! - up to the last sequence which that node had when it said that it leads. It had all of them
//!   then, just as when it is asked for single messages; what it misses later is beyond;
//! - as long as its deliveries have consecutive numbers: they may get lost on their way, and a
//!   consumer that was made again after a restart counts from the beginning.

use std::ops::RangeInclusive;
use std::time::Duration;

use async_nats::jetstream::consumer::pull::{self, Batch};
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, PullConsumer};
use async_nats::jetstream::stream::{ClusterInfo, Stream};
use async_nats::jetstream::{Context, Message};
use futures_util::StreamExt;
use tokio::runtime::Handle;
use tokio::time::timeout;

use crate::store::jetstream::error::JetStreamError;
use crate::store::jetstream::queue::QueueMessage;
use crate::store::jetstream::timing::{ANSWER_TIMEOUT, timed};

/// A consumer on the leader. It is deleted when this is dropped.
pub(super) struct LeaderConsumer {
    consumer: PullConsumer,
    context: Context,
    /// The last sequence that it is to be believed.
    until: u64,
    /// How many messages it has delivered.
    delivered: u64,
    batch: Option<Pulled>,
}

/// What was asked for at once.
struct Pulled {
    batch: Batch,
    is_empty: bool,
}

impl LeaderConsumer {
    /// Creates one that reads the sequences of a subject that are in a range.
    pub(super) async fn create(
        context: &Context,
        stream: &Stream,
        subject: String,
        range: RangeInclusive<u64>,
    ) -> Result<Self, JetStreamError> {
        let info = timed(stream.get_info()).await?;
        let (leader, until) = (leader(info.cluster.as_ref()), info.state.last_sequence);
        for _ in 0..ATTEMPTS {
            let config = config(subject.clone(), *range.start());
            let consumer = timed(stream.create_consumer(config)).await?;
            let created = Self {
                consumer,
                context: context.clone(),
                until: until.min(*range.end()),
                delivered: 0,
                batch: None,
            };
            if created.leader() == leader {
                return Ok(created);
            }
        }
        Err(JetStreamError::nats("no consumer got to the leader"))
    }

    /// The next message, or `None` at the end of the range. An error if it has nothing left before
    /// that; then it is of no use any more.
    pub(super) async fn next(&mut self) -> Result<Option<QueueMessage>, JetStreamError> {
        loop {
            let pulled = match &mut self.batch {
                Some(pulled) => pulled,
                none => none.insert(pull(&self.consumer).await?),
            };
            match timeout(ANSWER_TIMEOUT, pulled.batch.next()).await {
                Ok(Some(Ok(message))) => {
                    pulled.is_empty = false;
                    return self.take(message);
                }
                // The number of messages or bytes is reached, or there are no more.
                Ok(_) if !pulled.is_empty => self.batch = None,
                Ok(_) => return Err(JetStreamError::nats("the consumer has no more")),
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

    fn leader(&self) -> Option<&str> {
        leader(self.consumer.cached_info().cluster.as_ref())
    }
}

impl Drop for LeaderConsumer {
    fn drop(&mut self) {
        let info = self.consumer.cached_info();
        let (consumer, stream) = (info.name.clone(), info.stream_name.clone());
        let context = self.context.clone();
        // Outside of a runtime, or with an error, NATS deletes it after a while.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move {
                let _ = context.delete_consumer_from_stream(consumer, stream).await;
            });
        }
    }
}

/// Asks for all that is there, within bounds.
async fn pull(consumer: &PullConsumer) -> Result<Pulled, JetStreamError> {
    let batch = consumer.fetch().max_messages(BATCH_MESSAGES).max_bytes(BATCH_BYTES).messages();
    Ok(Pulled { batch: timed(batch).await?, is_empty: true })
}

fn config(filter_subject: String, start_sequence: u64) -> pull::Config {
    pull::Config {
        filter_subject,
        deliver_policy: DeliverPolicy::ByStartSequence { start_sequence },
        ack_policy: AckPolicy::None,
        num_replicas: 1,
        memory_storage: true,
        inactive_threshold: INACTIVE,
        ..pull::Config::default()
    }
}

/// The node that leads; `None` for a single NATS, which names none.
fn leader(cluster: Option<&ClusterInfo>) -> Option<&str> {
    cluster?.leader.as_deref()
}

/// How often one is created. Of three nodes, one is the leader.
const ATTEMPTS: usize = 4;
/// What is pulled at once, and held for a sync whose client reads slowly. NATS counts headers and
/// subjects, too.
const BATCH_MESSAGES: usize = 512;
const BATCH_BYTES: usize = 256 * 1024;
/// After this long without a pull NATS deletes it.
const INACTIVE: Duration = Duration::from_secs(30);
