//! From accounts to their connections.

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kefu_proto::{Account, OutboxBounds, OwnedOutbound, Pushed};
use tokio::time::Instant;

use crate::metrics::Metrics;
use crate::pace::{Pace, PaceBounds};
use crate::router::mailbox::{ConnectionId, Dismissal, Mailbox};
use crate::tokens::TokenDigest;

/// From accounts to their connections.
///
/// Nobody waits for a connection: its outbox is bounded, and what does not fit is left out. Its
/// client finds by a sync what is stored.
pub struct Router {
    shards: Vec<Mutex<Shard>>,
    hasher: RandomState,
    next_id: AtomicU64,
    bounds: RouterBounds,
}

/// What one connection and one account can have.
#[derive(Clone, Copy, Debug)]
pub struct RouterBounds {
    pub outbox: OutboxBounds,
    /// Connections of one account; 0: no bound.
    pub connections: u32,
    pub pace: PaceBounds,
}

#[derive(Default)]
struct Shard {
    accounts: HashMap<Account, Entry>,
    /// Accounts whose last connection has left, and when each may be forgotten: not before it has
    /// its whole burst again, or a new connection would have one of its own.
    leaving: VecDeque<(Instant, Account)>,
}

struct Entry {
    /// Oldest first.
    connections: Vec<Arc<Mailbox>>,
    pace: Arc<Pace>,
}

impl Router {
    pub fn new(bounds: RouterBounds) -> Arc<Self> {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        let (hasher, next_id) = (RandomState::new(), AtomicU64::new(0));
        Arc::new(Self { shards, hasher, next_id, bounds })
    }

    /// Adds a connection of `account`, until the [`Seat`] is dropped. If there are too many, the
    /// oldest is dismissed.
    pub fn join(self: &Arc<Self>, account: Account, token: Option<TokenDigest>) -> Seat {
        let id = ConnectionId(self.next_id.fetch_add(1, Ordering::Relaxed));
        let mailbox = Arc::new(Mailbox::new(id, token, self.bounds.outbox));
        let mut shard = self.shard(account);
        shard.forget(Instant::now());
        let entry = shard.accounts.entry(account).or_insert_with(|| Entry {
            connections: Vec::new(),
            pace: Arc::new(Pace::new(self.bounds.pace)),
        });
        entry.connections.push(Arc::clone(&mailbox));
        let most = usize::try_from(self.bounds.connections).unwrap_or(usize::MAX);
        let surplus = entry.connections.len().checked_sub(most).filter(|_| most > 0);
        // Those that were dismissed before may still be there.
        for oldest in entry.connections.iter().take(surplus.unwrap_or(0)) {
            oldest.dismiss(Dismissal::Superseded);
        }
        Seat { router: Arc::clone(self), account, mailbox, pace: Arc::clone(&entry.pace) }
    }

    /// Gives a message to all connections of `to`, except to one.
    pub fn send(
        &self,
        to: Account,
        except: Option<ConnectionId>,
        message: &OwnedOutbound,
        metrics: &Metrics,
    ) {
        let shard = self.shard(to);
        let connections = shard.accounts.get(&to).map_or(&[][..], |entry| &entry.connections);
        for mailbox in connections.iter().filter(|mailbox| Some(mailbox.id()) != except) {
            if let Pushed::LeftOut(kind) = mailbox.push(message.clone()) {
                metrics.leave_out(kind);
                tracing::debug!(%to, ?kind, "left out: the outbox is full");
            }
        }
    }

    /// Dismisses the connections that have logged in with one of these tokens.
    pub fn withdraw(&self, tokens: &HashMap<TokenDigest, Account>) {
        let is_meant =
            |mailbox: &Mailbox| mailbox.token().is_some_and(|token| tokens.contains_key(&token));
        for account in tokens.values().copied().collect::<HashSet<_>>() {
            let shard = self.shard(account);
            let connections =
                shard.accounts.get(&account).map_or(&[][..], |entry| &entry.connections);
            for mailbox in connections.iter().filter(|mailbox| is_meant(mailbox)) {
                mailbox.dismiss(Dismissal::Withdrawn);
            }
        }
    }

    /// Whether the account has any connection.
    pub fn is_online(&self, account: Account) -> bool {
        let shard = self.shard(account);
        shard.accounts.get(&account).is_some_and(|entry| !entry.connections.is_empty())
    }

    fn leave(&self, account: Account, id: ConnectionId) {
        let now = Instant::now();
        let mut shard = self.shard(account);
        shard.forget(now);
        let Some(entry) = shard.accounts.get_mut(&account) else { return };
        entry.connections.retain(|mailbox| mailbox.id() != id);
        if entry.connections.is_empty() {
            match entry.pace.rested() {
                Some(rested) if rested > now => shard.leaving.push_back((rested, account)),
                _ => {
                    shard.accounts.remove(&account);
                }
            }
        }
    }

    fn shard(&self, account: Account) -> MutexGuard<'_, Shard> {
        let hash = usize::try_from(self.hasher.hash_one(account) % SHARDS).unwrap_or(0);
        // No panic can leave the map half changed.
        self.shards[hash].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shard {
    /// Forgets accounts that have left and rested.
    fn forget(&mut self, now: Instant) {
        while let Some(&(rested, account)) = self.leaving.front()
            && rested <= now
        {
            self.leaving.pop_front();
            let is_rested = |pace: &Pace| pace.rested().is_none_or(|rested| rested <= now);
            // It may have come back.
            let entry = self.accounts.get(&account);
            if entry.is_some_and(|entry| entry.connections.is_empty() && is_rested(&entry.pace)) {
                self.accounts.remove(&account);
            }
        }
        if self.leaving.is_empty() {
            self.leaving = VecDeque::new();
        }
    }
}

const SHARDS: u64 = 64;

/// A connection's place in the router, which it leaves when this is dropped.
pub struct Seat {
    router: Arc<Router>,
    account: Account,
    mailbox: Arc<Mailbox>,
    pace: Arc<Pace>,
}

impl Seat {
    pub fn id(&self) -> ConnectionId {
        self.mailbox.id()
    }

    pub const fn account(&self) -> Account {
        self.account
    }

    /// What others have for this connection.
    pub fn mailbox(&self) -> &Mailbox {
        &self.mailbox
    }

    /// How fast the account is read.
    pub fn pace(&self) -> &Pace {
        &self.pace
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.router.leave(self.account, self.mailbox.id());
    }
}
