//! Sends publications and finds their answers.
//!
//! All answers come back on one subscription, each on a subject that ends with the number of its
//! publication. What connections publish at the same time is written to NATS at once.
//!
//! What waits for answers is bounded: 32 MiB, where each publication counts with its body and
//! 1 KiB. Further ones wait for room.

use std::sync::Arc;
use std::time::Duration;

use async_nats::client::{PublishErrorKind, SubscribeError};
use async_nats::connection::State;
use async_nats::{Client, Subscriber};
use bytes::Bytes;
use futures_util::{FutureExt, StreamExt};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout_at};

use crate::store::jetstream::ack::Ack;
use crate::store::jetstream::error::JetStreamError;
use crate::store::jetstream::gaps::Gaps;
use crate::store::jetstream::publication::Publication;
use crate::store::jetstream::timing::{ANSWER_TIMEOUT, RETRY_PAUSE};
use crate::store::jetstream::unanswered::{Answer, Unanswered};

pub(super) struct Publisher {
    client: Client,
    /// The subject of the answers, up to the number.
    inbox: String,
    unanswered: Arc<Unanswered>,
    room: Arc<Semaphore>,
    /// End with this.
    _tasks: JoinSet<()>,
}

impl Publisher {
    pub(super) async fn new(client: Client, gaps: Arc<Gaps>) -> Result<Self, SubscribeError> {
        let inbox = format!("{}.", client.new_inbox());
        let answers = client.subscribe(format!("{inbox}*")).await?;
        let unanswered = Arc::new(Unanswered::default());
        let mut tasks = JoinSet::new();
        tasks.spawn(receive(answers, inbox.len(), Arc::clone(&unanswered)));
        tasks.spawn(give_up(gaps, Arc::clone(&unanswered)));
        let room = Arc::new(Semaphore::new(MOST_BYTES));
        Ok(Self { client, inbox, unanswered, room, _tasks: tasks })
    }

    /// Makes one attempt at publishing.
    pub(super) async fn publish(&self, publication: &Publication) -> Result<Ack, JetStreamError> {
        // Without a connection the client would buffer it, and send it after the last attempt.
        if self.client.connection_state() != State::Connected {
            return Err(JetStreamError::nats("no connection"));
        }
        self.send(publication).await?.wait().await
    }

    async fn send(&self, publication: &Publication) -> Result<Answer, JetStreamError> {
        let deadline = Instant::now() + TIMEOUT;
        let size = publication.body.len().saturating_add(OVERHEAD).min(MOST_BYTES);
        let size = u32::try_from(size).unwrap_or(u32::MAX);
        let room = by(deadline, Arc::clone(&self.room).acquire_many_owned(size)).await?;
        let room = room.map_err(JetStreamError::nats)?;
        let answer = self.unanswered.add(deadline, room);
        let subject = publication.subject.clone();
        let reply = format!("{}{}", self.inbox, answer.number());
        let (headers, body) = (publication.headers(), Bytes::clone(&publication.body));
        let sending = self.client.publish_with_reply_and_headers(subject, reply, headers, body);
        match by(deadline, sending).await? {
            Ok(()) => Ok(answer),
            // The client refuses it: NATS would close the connection.
            Err(error) if error.kind() == PublishErrorKind::MaxPayloadExceeded => {
                Err(JetStreamError::TooLong)
            }
            Err(error) => Err(JetStreamError::nats(error)),
        }
    }
}

/// What is done by a deadline. It needs no timer if it is done at once, as it mostly is.
async fn by<T>(deadline: Instant, done: impl Future<Output = T>) -> Result<T, JetStreamError> {
    let mut done = std::pin::pin!(done);
    if let Some(done) = done.as_mut().now_or_never() {
        return Ok(done);
    }
    timeout_at(deadline, done).await.map_err(|_| JetStreamError::nats("NATS takes nothing"))
}

async fn receive(mut answers: Subscriber, prefix: usize, unanswered: Arc<Unanswered>) {
    while let Some(answer) = answers.next().await {
        if let Some(number) = answer.subject.get(prefix..).and_then(|number| number.parse().ok()) {
            unanswered.answer(number, Ack::read(&answer));
        }
    }
}

async fn give_up(gaps: Arc<Gaps>, unanswered: Arc<Unanswered>) {
    let mut disconnected = gaps.disconnected.subscribe();
    let mut expiry = interval(EXPIRY);
    expiry.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            Ok(()) = disconnected.changed() => unanswered.disconnect(),
            now = expiry.tick() => unanswered.expire(now),
        }
    }
}

/// How long one attempt may take: with the delay of its expiry and the pause that follows no longer
/// than two answers.
const TIMEOUT: Duration =
    ANSWER_TIMEOUT.saturating_mul(2).saturating_sub(EXPIRY).saturating_sub(RETRY_PAUSE);
/// Between two looks for attempts that have taken too long.
const EXPIRY: Duration = Duration::from_millis(250);
/// The most bytes of publications that wait for their answer.
const MOST_BYTES: usize = 32 * 1024 * 1024;
/// What a publication counts besides its body. This bounds their number, too.
const OVERHEAD: usize = 1024;
