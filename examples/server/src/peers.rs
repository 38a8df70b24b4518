//! The other servers of a service: a subject for each connected account, on core NATS.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_nats::client::RequestErrorKind;
use async_nats::{Message, Subscriber};
use bytes::{Bytes, BytesMut};
use futures_util::{FutureExt, StreamExt};
use kefu_proto::{Account, Encode, FrameLimit, Outbound, OwnedOutbound};
use tokio::sync::watch;
use tokio::time::sleep;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::metrics::Metrics;
use crate::router::Router;
use crate::store::jetstream::{JetStream, JetStreamError, RETRY_PAUSE};
use crate::store::{Observer, Push, Pushes};

/// The other servers.
pub struct Peers {
    store: JetStream,
    router: Arc<Router>,
    metrics: Arc<Metrics>,
    listening: Mutex<HashMap<Account, Listening>>,
}

/// An account whose subject this server has subscribed to.
struct Listening {
    connections: usize,
    /// Whether NATS knows the subscription.
    ready: watch::Receiver<bool>,
    _stop: DropGuard,
}

impl Peers {
    pub fn new(store: JetStream, router: Arc<Router>, metrics: Arc<Metrics>) -> Arc<Self> {
        let peers = Arc::new(Self { store, router, metrics, listening: Mutex::default() });
        tokio::spawn(Arc::clone(&peers).repair_gaps());
        peers
    }

    /// Makes the account's connections reachable for other servers, until the [`Presence`] is
    /// dropped. They are reachable when this returns.
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
        // With an error there is no connection to NATS. Gaps are repaired once there is one.
        let _ = ready.wait_for(|&ready| ready).await;
        presence
    }

    /// Sends a message to the account's connections on other servers.
    pub async fn send(&self, to: Account, message: &OwnedOutbound) {
        let Some(payload) = encode(message).filter(|_| self.store.is_connected()) else { return };
        // A message that is lost with the connection is a gap, which is repaired later.
        let _ = self.store.tell(subject(to), payload).await;
    }

    /// Puts a message into the push outbox if its receiver is connected to no server (H7.3).
    ///
    /// NATS decides that: a request to a subject without subscribers fails at once.
    pub fn push(self: &Arc<Self>, entry: Push) {
        if self.store.tasks() >= MOST_UNDECIDED {
            self.metrics.pushes(Pushes { beyond_all: 1, ..Pushes::default() });
            return;
        }
        let peers = Arc::clone(self);
        self.store.spawn(async move {
            let asked = peers.store.client().request(subject(entry.to), Bytes::new()).await;
            match asked {
                Ok(_) => {}
                // If it is unknown, one push too many is better than none.
                Err(error) => {
                    if error.kind() != RequestErrorKind::NoResponders {
                        tracing::debug!(%error, "unknown whether the receiver is connected");
                    }
                    if let Err(error) = peers.store.push(&entry).await {
                        tracing::warn!(%error, "a push is lost");
                    }
                }
            }
        });
    }

    async fn listen(self: Arc<Self>, account: Account, ready: watch::Sender<bool>) {
        let client = self.store.client();
        let Ok(mut messages) = client.subscribe(subject(account)).await else { return };
        // NATS answers this after it has processed the subscription.
        let _ = client.request(NOBODY, Bytes::new()).await;
        ready.send_replace(true);
        self.deliver(account, &mut messages).await;
    }

    async fn deliver(&self, account: Account, messages: &mut Subscriber) {
        while let Some(Message { payload, reply, .. }) = messages.next().await {
            if let Some(reply) = reply {
                let _ = self.store.client().publish(reply, Bytes::new()).await;
            } else if let Some(message) = decode(payload) {
                self.router.send(account, None, &message, &self.metrics);
            }
        }
    }

    /// Messages are lost while NATS is away, or if they come too fast. After that, clients are
    /// notified of the newest message of their queue, and sync.
    async fn repair_gaps(self: Arc<Self>) {
        let (client, gaps) = (self.store.client(), self.store.gaps());
        let mut disconnected = gaps.disconnected.subscribe();
        let Ok(mut others) = client.subscribe(GAP).await else { return };
        loop {
            tokio::select! {
                Ok(()) = disconnected.changed() => {
                    self.until_connected().await;
                    // In a cluster other servers may have stayed connected. They have missed this
                    // server's last messages.
                    let _ = client.publish(GAP, Bytes::new()).await;
                }
                () = gaps.overrun.notified() => sleep(SETTLE).await,
                Some(_) = others.next() => {
                    sleep(SETTLE).await;
                    // Several servers may have lost the same node: repair once for all.
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

    /// Waits until other servers can reach this one again.
    async fn until_connected(&self) {
        while !self.store.is_connected() {
            sleep(RETRY_PAUSE).await;
        }
        sleep(SETTLE).await;
    }

    async fn notify_of_newest(&self, account: Account) -> Result<(), JetStreamError> {
        if let Some(newest) = self.store.newest(account).await? {
            let notify = Outbound::SyncNotify(newest).into_owned();
            self.router.send(account, None, &notify, &self.metrics);
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

/// Makes one connection reachable for other servers, until it is dropped.
pub struct Presence {
    peers: Arc<Peers>,
    account: Account,
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.peers.leave(self.account);
    }
}

/// A message for other servers. A live copy and its METADATA are one payload, so that they arrive
/// together or not at all.
fn encode(message: &OwnedOutbound) -> Option<Bytes> {
    let mut payload = BytesMut::with_capacity(ENCODED);
    message.encode_within(FrameLimit::MAX, &mut payload).ok()?;
    Some(payload.freeze())
}

/// Room for most messages: notifies, and short live copies.
const ENCODED: usize = 64;

/// A message as another server has encoded it; `None` for anything else.
fn decode(payload: Bytes) -> Option<OwnedOutbound> {
    let mut payload = BytesMut::from(payload);
    let message = OwnedOutbound::decode(&mut payload, FrameLimit::MAX).ok()??;
    payload.is_empty().then_some(message)
}

/// The subject of an account's connections on other servers.
fn subject(Account { appid, uid }: Account) -> String {
    ["kefu.peers.", &appid.0.to_string(), ".", &uid.0.to_string()].concat()
}

/// A subject without subscribers.
const NOBODY: &str = "kefu.nobody";
/// The subject on which a server announces that it was disconnected.
const GAP: &str = "kefu.gap";
/// The most pushes under way to the outbox, each with its message. While NATS takes none, further
/// ones are left out.
const MOST_UNDECIDED: usize = 4096;
/// After a reconnect, until the subscriptions are restored.
const SETTLE: Duration = Duration::from_millis(200);

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use kefu_proto::{
        Accepted, AppId, Appended, Body, Config, Copies, CustomerMessageV2, DeviceId, Effect,
        Effects, Flags, Identity, Message, MsgId, Seq, Session, UnixTime, UserId, Version,
    };

    use super::*;

    /// The effects of a CUSTOMER_V2 whose copies have known predecessors.
    fn effects() -> Effects {
        let sender = Account::new(AppId(7), UserId(1));
        let config = Config::new(AppId(1453)).unwrap();
        let session = Session::new(config, Identity::new(sender, DeviceId(11)).unwrap());
        let body = Body::CustomerV2(CustomerMessageV2 {
            sender,
            receiver: Account::new(AppId(1453), UserId(2)),
            timestamp: UnixTime::from(0),
            content: Bytes::from(vec![b'x'; 30_000]),
        });
        let message = Message { seq: Seq(3), version: Version(2), flags: Flags::TEXT, body };
        let delivery = session.handle(message, UnixTime::from(1)).unwrap();
        let Accepted::Persistent(saves) = delivery.accept() else { panic!("it is stored") };
        let appended =
            |msgid, previous| Appended { msgid: MsgId(msgid), previous: Some(MsgId(previous)) };
        saves.confirm(Copies { receiver: appended(9, 4), sender: appended(10, 0) })
    }

    #[test]
    fn w10_a_live_copy_arrives_with_its_metadata_or_not_at_all() {
        let effects = effects();
        let copies = effects.iter().filter_map(|effect| match effect {
            Effect::SendAppMessage { message, .. } | Effect::SendMessage { message, .. } => {
                Some(message.into_owned())
            }
            _ => None,
        });
        let copies: Vec<_> = copies.collect();
        assert!(matches!(copies[0].get(), Outbound::LiveCopy(_)), "{copies:?}");
        for sent in copies {
            let payload = encode(&sent).unwrap();
            assert_eq!(decode(payload.clone()), Some(sent));
            assert_eq!(decode(payload.slice(..payload.len() - 1)), None);
            assert_eq!(decode([&payload[..], &payload[..]].concat().into()), None);
        }
    }
}
