//! Gives messages to the connections that they are for, on this server and on others.

use std::sync::Arc;

use kefu_proto::{Account, Effect, Effects, OwnedOutbound};

use crate::metrics::Metrics;
use crate::peers::{Peers, Presence};
use crate::router::{ConnectionId, Router, Seat};
use crate::tokens::TokenDigest;

/// The connections of this server, and of others of the same service.
pub struct Forwarder {
    pub router: Arc<Router>,
    /// Other servers, if the store allows some.
    pub peers: Option<Arc<Peers>>,
    pub metrics: Arc<Metrics>,
}

impl Forwarder {
    /// Registers a connection of `account`. When this returns, messages of all servers reach it.
    pub async fn join(
        &self,
        account: Account,
        token: Option<TokenDigest>,
    ) -> (Seat, Option<Presence>) {
        let seat = self.router.join(account, token);
        let presence = match &self.peers {
            Some(peers) => Some(peers.join(account).await),
            None => None,
        };
        (seat, presence)
    }

    /// Applies what goes to connections, in order (H6, H7, H14). `from` is the connection of the
    /// message.
    pub async fn forward(&self, effects: &Effects, from: ConnectionId) {
        for effect in effects {
            match effect {
                Effect::SendAppMessage { to, message } => {
                    self.send(to, None, &message.into_owned()).await;
                }
                Effect::SendMessage { to, message } => {
                    self.send(to, Some(from), &message.into_owned()).await;
                }
                // For the connection itself to apply.
                Effect::PushMessage { .. } | Effect::EnqueueMessage { .. } => {}
            }
        }
    }

    async fn send(&self, to: Account, except: Option<ConnectionId>, message: &OwnedOutbound) {
        self.router.send(to, except, message, &self.metrics);
        if let Some(peers) = &self.peers {
            peers.send(to, message).await;
        }
    }
}
