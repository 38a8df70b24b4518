//! What all connections of a server share.

use std::sync::Arc;
use std::time::Duration;

use kefu_proto::{
    Account, AuthToken, ChatMessage, Config, DeviceId, FrameLimit, Identity, OwnedOutbound,
};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::auth::Auth;
use crate::metrics::Metrics;
use crate::peers::{Peers, Presence};
use crate::router::{ConnectionId, Inbox, Router, Seat};
use crate::store::{Push, Store};
use crate::tokens::DemoToken;
use crate::trace::Trace;

/// The shared state of a server.
pub struct Service {
    pub config: Config,
    pub limits: Limits,
    pub auth: Auth,
    /// The demo's tokens, as long as they are valid.
    pub demo: Vec<DemoToken>,
    pub store: Store,
    pub router: Arc<Router>,
    /// Other servers of the same service, if the store allows some.
    pub peers: Option<Arc<Peers>>,
    pub metrics: Arc<Metrics>,
    pub trace: Trace,
    /// Cancelled when the server stops.
    pub stopping: CancellationToken,
    /// The tasks of the connections.
    pub connections: TaskTracker,
    /// How many more connections are admitted.
    pub capacity: Arc<Semaphore>,
}

/// Limits on what clients may do.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub login_timeout: Duration,
    pub idle_timeout: Duration,
    pub frame: FrameLimit,
}

/// A connection's registration: what others send it, for as long as this is kept.
pub struct Registration {
    pub seat: Seat,
    pub inbox: Inbox,
    _presence: Option<Presence>,
}

impl Service {
    /// Who logs in (S1); `None` if the token is unknown, or a lookup failed.
    pub async fn identify(&self, login: &AuthToken) -> Option<Identity> {
        let account = self.auth.account(login.token.as_bytes()).await.ok()??;
        let device_id = match login.device() {
            None => DeviceId(0),
            Some((name, platform)) => self.auth.device_id(&self.store, name, platform).await?,
        };
        Identity::new(account, device_id).ok()
    }

    /// Registers a connection of `account`. When this returns, messages of all servers reach it.
    pub async fn register(&self, account: Account) -> Registration {
        let (seat, inbox) = self.router.join(account);
        let presence = match &self.peers {
            Some(peers) => Some(peers.join(account).await),
            None => None,
        };
        Registration { seat, inbox, _presence: presence }
    }

    /// Sends a message to all connections of an account, except to one of this server.
    pub async fn send(&self, to: Account, except: Option<ConnectionId>, message: &OwnedOutbound) {
        self.router.send(to, except, message, &self.metrics);
        if let Some(peers) = &self.peers {
            peers.send(to, message).await;
        }
    }

    /// Puts a message into the push outbox if its receiver is connected nowhere (H7.3).
    pub async fn push(&self, to: Account, message: &ChatMessage) {
        if self.router.is_online(to) {
            return;
        }
        let entry = Push { to, message: message.clone() };
        if let Some(peers) = &self.peers {
            peers.push(entry);
        } else {
            self.metrics.pushes.inc();
            // A store that is closed takes no push: the message itself is stored already.
            let _ = self.store.push(entry).await;
        }
    }
}
