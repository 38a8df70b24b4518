//! The handle to the streams.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_nats::Client;
use async_nats::connection::State;
use async_nats::jetstream::{self, kv, stream};
use bytes::Bytes;
use kefu_proto::MsgId;
use tokio::time::{Instant, timeout_at};
use tokio_util::task::TaskTracker;

use crate::store::jetstream::connection::{ConnectError, check_payload, connect};
use crate::store::jetstream::consumer::Consumers;
use crate::store::jetstream::error::JetStreamError;
use crate::store::jetstream::gaps::Gaps;
use crate::store::jetstream::health::Health;
use crate::store::jetstream::publisher::Publisher;
use crate::store::jetstream::streams::{self, Settings};
use crate::store::jetstream::timing::ANSWER_TIMEOUT;
use crate::store::observer::Observer;

/// A handle to the streams; clones are handles to the same ones.
#[derive(Clone)]
pub struct JetStream {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) client: Client,
    pub(super) context: jetstream::Context,
    pub(super) publisher: Publisher,
    pub(super) settings: Settings,
    pub(super) queues: Vec<stream::Stream>,
    pub(super) consumers: Consumers,
    pub(super) kept: kv::Store,
    pub(super) devices: kv::Store,
    pub(super) dialects: kv::Store,
    pub(super) push_stream: stream::Stream,
    pub(super) gaps: Arc<Gaps>,
    pub(super) health: Health,
    pub(super) observer: Arc<dyn Observer>,
    /// Prefix of the names of messages that have no uuid.
    name: String,
    /// Counts the messages that have no uuid.
    unnamed: AtomicU64,
    /// Tasks that a close waits for.
    tasks: TaskTracker,
}

impl JetStream {
    /// Connects, creates the streams that do not exist, and checks those that do.
    ///
    /// # Errors
    ///
    /// [`ConnectError`], in one line that says what to do.
    pub async fn connect(
        url: &str,
        settings: Settings,
        observer: Arc<dyn Observer>,
    ) -> Result<Self, ConnectError> {
        let gaps = Arc::new(Gaps::default());
        let client = connect(url, Arc::clone(&gaps)).await?;
        let context = jetstream::ContextBuilder::new()
            .timeout(ANSWER_TIMEOUT)
            // What nobody waits for any more does not count as in flight.
            .ack_timeout(ANSWER_TIMEOUT)
            .build(client.clone());
        check_payload(&client, &settings);
        streams::refuse_loss(&context, &settings).await?;
        let queues = streams::queues(&context, &settings).await?;
        let push_stream = streams::pushes(&context, &settings).await?;
        let kept = streams::bucket(&context, &settings, streams::KEPT).await?;
        let devices = streams::bucket(&context, &settings, streams::DEVICES).await?;
        let dialects = streams::bucket(&context, &settings, streams::DIALECTS).await?;
        let publisher = Publisher::new(client.clone(), Arc::clone(&gaps)).await?;
        let inner = Inner {
            name: client.new_inbox(),
            client,
            consumers: Consumers::new(context.clone()),
            context,
            publisher,
            settings,
            queues,
            kept,
            devices,
            dialects,
            push_stream,
            gaps,
            health: Health::default(),
            observer,
            unnamed: AtomicU64::new(0),
            tasks: TaskTracker::new(),
        };
        let store = Self { inner: Arc::new(inner) };
        // Without an answer the watch tries again.
        let _ = store.push_consumer().await;
        Ok(store)
    }

    pub fn is_connected(&self) -> bool {
        self.inner.client.connection_state() == State::Connected
    }

    /// The connection to NATS.
    pub fn client(&self) -> &Client {
        &self.inner.client
    }

    /// Sends a message to whoever has subscribed to its subject. It may be lost with the
    /// connection.
    pub async fn tell(&self, subject: String, body: Bytes) -> Result<(), JetStreamError> {
        self.inner.publisher.tell(subject, body).await
    }

    pub fn gaps(&self) -> &Gaps {
        &self.inner.gaps
    }

    /// Starts a task that [`close`](Self::close) waits for.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.inner.tasks.spawn(task);
    }

    /// How many tasks there are.
    pub fn tasks(&self) -> usize {
        self.inner.tasks.len()
    }

    pub(super) fn is_closed(&self) -> bool {
        self.inner.tasks.is_closed()
    }

    /// Waits for the tasks, but no longer than until `deadline`: while NATS is away they may take
    /// long.
    pub async fn close(self, deadline: Instant) {
        let Inner { tasks, client, publisher, .. } = &*self.inner;
        tasks.close();
        let finish = async {
            tasks.wait().await;
            publisher.flush().await;
            // With an error there is no connection to be flushed.
            let _ = client.flush().await;
        };
        if timeout_at(deadline, finish).await.is_err() {
            tracing::warn!(pushes = tasks.len(), "NATS does not answer: pushes are lost");
        }
    }

    /// The msgid of a sequence.
    pub(super) fn msgid(&self, sequence: u64) -> Result<MsgId, JetStreamError> {
        let sequence = i64::try_from(sequence).map_err(JetStreamError::nats)?;
        let msgid = self.inner.settings.after.0.checked_add(sequence);
        msgid.map(MsgId).ok_or_else(|| JetStreamError::nats("there are no more msgids"))
    }

    /// The last sequence whose msgid is not greater than this one.
    pub(super) fn sequence(&self, MsgId(msgid): MsgId) -> u64 {
        u64::try_from(msgid.saturating_sub(self.inner.settings.after.0)).unwrap_or(0)
    }

    pub(super) fn require_connection(&self) -> Result<(), JetStreamError> {
        if self.is_connected() { Ok(()) } else { Err(JetStreamError::nats("no connection")) }
    }

    /// A name that no other message has.
    pub(super) fn unique_name(&self) -> String {
        let number = self.inner.unnamed.fetch_add(1, Ordering::Relaxed);
        format!("{}.{number}", self.inner.name)
    }
}
