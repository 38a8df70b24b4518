//! Who is connected to this server.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kefu_proto::{Account, OwnedOutbound};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::metrics::{Metrics, OutboxDrop};

/// From accounts to their connections.
///
/// Each connection has a bounded outbox. If it is full, the message is dropped for that connection,
/// which is told to close, and nobody waits. Its client finds what it missed by sync.
pub struct Router {
    shards: Vec<Mutex<HashMap<Account, Vec<Peer>>>>,
    hasher: RandomState,
    next_id: AtomicU64,
    outbox: usize,
}

impl Router {
    /// A router whose connections have outboxes for `outbox` messages.
    pub fn new(outbox: usize) -> Arc<Self> {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Arc::new(Self {
            shards,
            hasher: RandomState::new(),
            next_id: AtomicU64::new(0),
            outbox: outbox.max(1),
        })
    }

    /// Adds a connection of `account`, until the [`Seat`] is dropped.
    pub fn join(self: &Arc<Self>, account: Account) -> (Seat, Inbox) {
        let (outbox, messages) = mpsc::channel(self.outbox);
        let id = ConnectionId(self.next_id.fetch_add(1, Ordering::Relaxed));
        let slow = CancellationToken::new();
        self.shard(account).entry(account).or_default().push(Peer {
            id,
            outbox,
            slow: slow.clone(),
        });
        (Seat { router: Arc::clone(self), account, id }, Inbox { messages, slow })
    }

    /// Sends a message to all connections of `to`, except to one. Slow ones are closed.
    pub fn send(
        &self,
        to: Account,
        except: Option<ConnectionId>,
        message: &OwnedOutbound,
        metrics: &Metrics,
    ) {
        let dropped = self.offer(to, except, message);
        if dropped > 0 {
            metrics.outbox_drops.inc_by(OutboxDrop::LiveCopy, dropped);
            tracing::warn!(%to, dropped, "closing slow connections");
        }
    }

    /// Returns how many connections were too slow.
    fn offer(&self, to: Account, except: Option<ConnectionId>, message: &OwnedOutbound) -> u64 {
        let shard = self.shard(to);
        let peers = shard.get(&to).map_or(&[][..], Vec::as_slice);
        let mut dropped = 0;
        for peer in peers.iter().filter(|peer| Some(peer.id) != except) {
            if peer.outbox.try_send(message.clone()).is_err() && !peer.outbox.is_closed() {
                peer.slow.cancel();
                dropped += 1;
            }
        }
        dropped
    }

    /// Whether the account has any connection.
    pub fn is_online(&self, account: Account) -> bool {
        self.shard(account).contains_key(&account)
    }

    fn leave(&self, account: Account, id: ConnectionId) {
        let mut shard = self.shard(account);
        if let Some(peers) = shard.get_mut(&account) {
            peers.retain(|peer| peer.id != id);
            if peers.is_empty() {
                shard.remove(&account);
            }
        }
    }

    fn shard(&self, account: Account) -> MutexGuard<'_, HashMap<Account, Vec<Peer>>> {
        let hash = usize::try_from(self.hasher.hash_one(account) % SHARDS).unwrap_or(0);
        // No panic can leave the map half changed.
        self.shards[hash].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const SHARDS: u64 = 64;

/// One connection of this process.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ConnectionId(u64);

struct Peer {
    id: ConnectionId,
    outbox: mpsc::Sender<OwnedOutbound>,
    slow: CancellationToken,
}

/// A connection's place in the router, which it leaves when this is dropped.
pub struct Seat {
    router: Arc<Router>,
    account: Account,
    id: ConnectionId,
}

impl Seat {
    pub const fn id(&self) -> ConnectionId {
        self.id
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.router.leave(self.account, self.id);
    }
}

/// Messages of others for a connection.
pub struct Inbox {
    pub messages: mpsc::Receiver<OwnedOutbound>,
    /// Cancelled when the outbox was full.
    pub slow: CancellationToken,
}
