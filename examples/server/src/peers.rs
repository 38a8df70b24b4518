//! From server to server: a subject per account with a connection here, on core NATS.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_nats::client::RequestErrorKind;
use async_nats::{Message as Told, Subscriber};
use bytes::{Bytes, BytesMut};
use futures_util::{FutureExt, StreamExt};
use kefu_proto::{
    Account, Body, Encode, Flags, FrameDecoder, FrameLimit, Incoming, Message, MsgId, Seq, Version,
};
use tokio::sync::watch;
use tokio::time::sleep;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{JetStream, JetStreamError, RETRY, subject};
use crate::metrics::Metrics;
use crate::router::Router;
use crate::store::Push;

/// The other servers.
pub struct Peers {
    store: JetStream,
    router: Arc<Router>,
    metrics: Arc<Metrics>,
    listening: Mutex<HashMap<Account, Listening>>,
}

/// An account that this server listens for.
struct Listening {
    connections: usize,
    ready: watch::Receiver<bool>,
    _stop: DropGuard,
}

impl Peers {
    pub fn new(store: JetStream, router: Arc<Router>, metrics: Arc<Metrics>) -> Arc<Self> {
        let peers = Arc::new(Self { store, router, metrics, listening: Mutex::default() });
        tokio::spawn(Arc::clone(&peers).make_up_for_gaps());
        peers
    }

    /// Makes an account's connections here reachable for other servers, until the [`Presence`] is dropped. When this is done
    /// they are.
    pub async fn join(self: &Arc<Self>, account: Account) -> Presence {
        let mut ready = match self.lock().entry(account) {
            Entry::Occupied(mut listening) => {
                listening.get_mut().connections += 1;
                listening.get().ready.clone()
            }
            Entry::Vacant(place) => {
                let (tell, ready) = watch::channel(false);
                let stop = CancellationToken::new();
                let listen = Arc::clone(self).listen(account, tell);
                let stopped = stop.clone();
                tokio::spawn(async move { stopped.run_until_cancelled(listen).await });
                let listening =
                    Listening { connections: 1, ready: ready.clone(), _stop: stop.drop_guard() };
                place.insert(listening);
                ready
            }
        };
        let presence = Presence { peers: Arc::clone(self), account };
        // An error means that there is no connection to NATS: then everything is made up for when there is one.
        let _ = ready.wait_for(|&ready| ready).await;
        presence
    }

    /// Gives a message to the connections of an account on other servers.
    pub async fn send(&self, to: Account, message: &Message) {
        let mut frame = BytesMut::new();
        if !self.store.is_connected() || message.encode_within(FrameLimit::MAX, &mut frame).is_err()
        {
            return;
        }
        // What is lost with the connection is made up for as for those who are connected here.
        let _ = self.store.shared.client.publish(subject::peers(to), frame.freeze()).await;
    }

    /// H7.3: a user who is connected nowhere is told by the push service. Whether there is a server that has a connection of
    /// theirs NATS knows: a question that nobody listens to comes back at once.
    pub fn push(self: &Arc<Self>, entry: Push) {
        let peers = Arc::clone(self);
        self.store.shared.tasks.spawn(async move {
            let asked =
                peers.store.shared.client.request(subject::peers(entry.to), Bytes::new()).await;
            match asked {
                Ok(_) => {}
                // If nobody can tell, one push too many is better than none.
                Err(error) => {
                    if error.kind() != RequestErrorKind::NoResponders {
                        tracing::debug!(%error, "nobody knows who is there");
                    }
                    peers.metrics.pushes.inc();
                    if let Err(error) = peers.store.push(&entry).await {
                        tracing::warn!(%error, "a push is lost");
                    }
                }
            }
        });
    }

    async fn listen(self: Arc<Self>, account: Account, ready: watch::Sender<bool>) {
        let client = &self.store.shared.client;
        let Ok(mut told) = client.subscribe(subject::peers(account)).await else { return };
        // The answer to this comes after NATS knows of the subscription.
        let _ = client.request(NOBODY, Bytes::new()).await;
        ready.send_replace(true);
        self.hear(account, &mut told).await;
    }

    async fn hear(&self, account: Account, told: &mut Subscriber) {
        while let Some(Told { payload, reply, .. }) = told.next().await {
            if let Some(reply) = reply {
                let _ = self.store.shared.client.publish(reply, Bytes::new()).await;
            } else if let Some(message) = message(payload) {
                self.router.send(account, None, &message, &self.metrics);
            }
        }
    }

    /// What was told while NATS was away, or faster than it could be read, is lost: clients are told how far their queues go.
    async fn make_up_for_gaps(self: Arc<Self>) {
        let (client, gaps) = (&self.store.shared.client, &self.store.shared.gaps);
        let mut disconnected = gaps.disconnected.subscribe();
        let Ok(mut others) = client.subscribe(GAP).await else { return };
        loop {
            tokio::select! {
                Ok(()) = disconnected.changed() => {
                    self.until_connected().await;
                    // In a cluster the others' connections may have stayed, and what this server told them last is lost.
                    let _ = client.publish(GAP, Bytes::new()).await;
                }
                () = gaps.overrun.notified() => sleep(SETTLE).await,
                Some(_) = others.next() => {
                    sleep(SETTLE).await;
                    // Of several servers that lost the same node, one stands for all.
                    while let Some(Some(_)) = others.next().now_or_never() {}
                }
            }
            let accounts: Vec<Account> = self.lock().keys().copied().collect();
            for account in accounts {
                if let Err(error) = self.notify_of_newest(account).await {
                    tracing::warn!(%error, to = %account, "not notified");
                }
            }
        }
    }

    /// Until others can reach this server again.
    async fn until_connected(&self) {
        while !self.store.is_connected() {
            sleep(RETRY).await;
        }
        sleep(SETTLE).await;
    }

    async fn notify_of_newest(&self, account: Account) -> Result<(), JetStreamError> {
        if let Some(newest) = self.store.newest(account).await? {
            self.router.send(account, None, &sync_notify(newest), &self.metrics);
        }
        Ok(())
    }

    fn leave(&self, account: Account) {
        let mut listening = self.lock();
        if let Entry::Occupied(mut entry) = listening.entry(account) {
            entry.get_mut().connections -= 1;
            if entry.get().connections == 0 {
                entry.remove();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Account, Listening>> {
        self.listening.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection that other servers can reach; not any more when it is dropped.
pub struct Presence {
    peers: Arc<Peers>,
    account: Account,
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.peers.leave(self.account);
    }
}

fn message(frame: Bytes) -> Option<Message> {
    let frame = FrameDecoder::new(FrameLimit::MAX).decode(&mut BytesMut::from(frame)).ok()??;
    match frame.parse().ok()? {
        Incoming::Message(message) => Some(message),
        Incoming::Unlisted(_) => None,
    }
}

fn sync_notify(newest: MsgId) -> Message {
    let (seq, version, flags) = (Seq(0), Version(0), Flags::NONE);
    Message { seq, version, flags, body: Body::SyncNotify(newest) }
}

/// A subject that nobody listens to.
const NOBODY: &str = "kefu.nobody";
/// On which a server says that it had no connection.
const GAP: &str = "kefu.gap";
/// After a reconnect, until the subscriptions are there again.
const SETTLE: Duration = Duration::from_millis(200);
