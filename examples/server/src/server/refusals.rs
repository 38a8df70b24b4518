//! What the log says of connections that are refused or give way: one line a second for each kind,
//! so that a flood of connections is none of lines.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::connection::End;

/// Logs the refusals of all ports. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Refusals(Arc<Kinds>);

#[derive(Default)]
struct Kinds {
    refused: Tally,
    evicted: Tally,
    invalid: Tally,
}

impl Refusals {
    /// A connection of `peer` has ended.
    pub(super) fn note(&self, peer: SocketAddr, end: End) {
        let Kinds { refused, evicted, invalid } = &*self.0;
        match end {
            End::TooMany => {
                if let Some(connections) = refused.add() {
                    tracing::warn!(%peer, connections, "refused: there are too many connections");
                }
            }
            End::Evicted => {
                if let Some(connections) = evicted.add() {
                    tracing::warn!(
                        %peer, connections, "closed: gave way to others, and had not logged in"
                    );
                }
            }
            End::Proxy => {
                if let Some(connections) = invalid.add() {
                    tracing::warn!(
                        %peer, connections, "closed: no valid header of the PROXY protocol"
                    );
                }
            }
            end => tracing::debug!(%peer, reason = end.reason(), "closed"),
        }
    }
}

/// How often something has happened since it was last logged.
#[derive(Default)]
struct Tally(Mutex<(u64, Option<Instant>)>);

impl Tally {
    /// Adds one. Now and then it returns how many there were, to be logged.
    fn add(&self) -> Option<u64> {
        let mut tally = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (count, logged) = &mut *tally;
        *count += 1;
        if logged.is_some_and(|logged| logged.elapsed() < PAUSE) {
            return None;
        }
        *logged = Some(Instant::now());
        Some(std::mem::take(count))
    }
}

/// Between two lines of one kind.
const PAUSE: Duration = Duration::from_secs(1);
