//! The store on NATS `JetStream`, for any number of servers that form one service.
//!
//! Queues lie in streams, sharded by account: a subject per account, and the sequence of a message in its stream is its msgid.
//! A stream acknowledges a copy when it has it, with as many replicas as it was made with; `JetStream` leaves it to the
//! operating system when a copy reaches the disk, so that what survives the loss of power is what other replicas have.
//!
//! # Order and repeats
//!
//! A publish that got no answer may or may not have been stored, and whatever was sent behind it may have overtaken it. So a
//! connection has one message in flight, and tries it again until it is stored: under the same `Nats-Msg-Id`, so that the
//! stream answers with the first copy's sequence if it has one. The same holds for a client's repeat, by its sender, receiver
//! and uuid (S10). Both within the streams' duplicate window, which is therefore the longest outage that a message is tried
//! through, but for the time that an answer takes; after that it gets no ACK (H8).

mod address;
mod attempts;
mod health;
mod keys;
mod peers;
mod publish;
mod pushes;
mod queue;
mod save;
mod streams;
mod subject;

use std::fmt::Display;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_nats::connection::State;
use async_nats::jetstream::consumer::PullConsumer;
use async_nats::jetstream::{self, kv, stream};
use async_nats::{Client, ConnectOptions, Event};
use kefu_proto::MsgId;
use thiserror::Error;
use tokio::sync::{Notify, OnceCell, watch};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::task::TaskTracker;

use attempts::RETRY;
pub use peers::{Peers, Presence};
pub use pushes::Delivery;
pub use queue::Reader;
pub use streams::{Settings, SettingsError};

use self::address::Address;
use crate::embedded::Observer;
use crate::options::without_secrets;

/// A handle to the streams; clones are handles to the same ones.
#[derive(Clone)]
pub struct JetStream {
    shared: Arc<Shared>,
}

struct Shared {
    client: Client,
    context: jetstream::Context,
    settings: Settings,
    queues: Vec<stream::Stream>,
    kept: kv::Store,
    devices: kv::Store,
    pushes: OnceCell<PullConsumer>,
    push_stream: stream::Stream,
    /// Names what this server publishes without a client's own mark.
    name: String,
    published: AtomicU64,
    gaps: Arc<Gaps>,
    observer: Arc<dyn Observer>,
    /// When an attempt at something failed, if none was successful since.
    failed: Mutex<Option<Instant>>,
    tasks: TaskTracker,
}

impl JetStream {
    /// Connects, makes the streams that are not there, and looks at those that are.
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
            .timeout(ANSWER)
            // What is not waited for any more is not in flight any more.
            .ack_timeout(ANSWER)
            .build(client.clone());
        let queues = streams::queues(&context, &settings).await?;
        let push_stream = streams::pushes(&context, &settings).await?;
        let kept = streams::bucket(&context, &settings, "kefu_kept").await?;
        let devices = streams::bucket(&context, &settings, "kefu_devices").await?;
        let store = Self {
            shared: Arc::new(Shared {
                name: client.new_inbox(),
                client,
                context,
                settings,
                queues,
                kept,
                devices,
                pushes: OnceCell::new(),
                push_stream,
                published: AtomicU64::new(0),
                gaps,
                observer,
                failed: Mutex::default(),
                tasks: TaskTracker::new(),
            }),
        };
        store.watch();
        Ok(store)
    }

    /// Whether NATS can be reached, and does what it is asked for.
    pub fn is_healthy(&self) -> bool {
        self.is_connected() && self.failed().is_none_or(|failed| failed.elapsed() > FORGOTTEN)
    }

    fn failed(&self) -> MutexGuard<'_, Option<Instant>> {
        self.shared.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_connected(&self) -> bool {
        self.shared.client.connection_state() == State::Connected
    }

    /// Waits for pushes that are on their way, which they may be for long while NATS is away.
    pub async fn close(self, deadline: Instant) {
        let Shared { tasks, client, .. } = &*self.shared;
        tasks.close();
        let finish = async {
            tasks.wait().await;
            // An error means that there is no connection to be flushed.
            let _ = client.flush().await;
        };
        if timeout_at(deadline, finish).await.is_err() {
            tracing::warn!(pushes = tasks.len(), "NATS does not answer: pushes are lost");
        }
    }

    /// The msgid of a sequence.
    fn msgid(&self, sequence: u64) -> Result<MsgId, JetStreamError> {
        let sequence = i64::try_from(sequence).map_err(JetStreamError::nats)?;
        let msgid = self.shared.settings.after.0.checked_add(sequence);
        msgid.map(MsgId).ok_or_else(|| JetStreamError::nats("there are no more msgids"))
    }

    /// The last sequence whose msgid is not greater than this one.
    fn sequence(&self, MsgId(msgid): MsgId) -> u64 {
        u64::try_from(msgid.saturating_sub(self.shared.settings.after.0)).unwrap_or(0)
    }

    fn ready(&self) -> Result<(), JetStreamError> {
        if self.is_connected() { Ok(()) } else { Err(JetStreamError::nats("no connection")) }
    }

    /// A name that no other message has.
    fn unique(&self) -> String {
        let number = self.shared.published.fetch_add(1, Ordering::Relaxed);
        format!("{}.{number}", self.shared.name)
    }
}

/// Times in which what servers tell each other may have been lost.
#[derive(Default)]
struct Gaps {
    /// The connection was lost: what was told this server, and what it told others.
    disconnected: watch::Sender<()>,
    /// Something was told faster than it could be read.
    overrun: Notify,
}

async fn connect(url: &str, gaps: Arc<Gaps>) -> Result<Client, ConnectError> {
    let unreachable = |source| ConnectError::Unreachable { url: without_secrets(url), source };
    let address = Address::parse(url).map_err(|error| unreachable(error.into()))?;
    let options = ConnectOptions::new()
        .name("kefu-server")
        // What this server tells its own connections it tells them itself.
        .no_echo()
        .request_timeout(Some(ANSWER))
        // A node that is there and does nothing is left for another one after two of these.
        .ping_interval(ANSWER)
        .max_reconnects(None)
        .reconnect_delay_callback(|attempts| if attempts < 2 { Duration::ZERO } else { RETRY })
        .event_callback(move |event| {
            match &event {
                Event::Disconnected => gaps.disconnected.send_replace(()),
                Event::SlowConsumer(_) => gaps.overrun.notify_one(),
                _ => {}
            }
            match event {
                Event::Disconnected => tracing::warn!(%event, "NATS"),
                // One for each attempt to connect again; what this server does itself.
                Event::ClientError(_) | Event::Closed => tracing::debug!(%event, "NATS"),
                _ => tracing::info!(%event, "NATS"),
            }
            std::future::ready(())
        });
    address.log_in(options).connect(address.servers).await.map_err(unreachable)
}

/// How long an answer of NATS is waited for.
const ANSWER: Duration = Duration::from_secs(2);
/// After which a failure tells nothing any more: who still wants what failed has tried again.
const FORGOTTEN: Duration = Duration::from_secs(5);

/// Why a server cannot use NATS.
#[derive(Debug, Error)]
pub enum ConnectError {
    #[error(
        "cannot reach NATS at {url}: {source}; start it with nats-server -js, or choose another with --store"
    )]
    Unreachable { url: String, source: async_nats::ConnectError },
    #[error(transparent)]
    Settings(#[from] SettingsError),
}

/// Why `JetStream` did not do what it was asked for.
#[derive(Clone, Debug, Error)]
pub enum JetStreamError {
    #[error("NATS: {0}")]
    Nats(String),
    /// For as long as a repeat is sure to be known as one. Nothing may follow from a message that was to be stored (H8).
    #[error("not done within {} s", .0.as_secs())]
    Patience(Duration),
}

impl JetStreamError {
    fn nats(error: impl Display) -> Self {
        Self::Nats(error.to_string())
    }
}

/// An answer, or an error where there is none for too long.
async fn timed<T, E: Display>(
    answer: impl Future<Output = Result<T, E>>,
) -> Result<T, JetStreamError> {
    match timeout(ANSWER, answer).await {
        Ok(answer) => answer.map_err(JetStreamError::nats),
        Err(_) => Err(JetStreamError::nats("no answer")),
    }
}
