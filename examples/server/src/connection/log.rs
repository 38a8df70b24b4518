//! What the log says of connections that have ended.
//!
//! Each connection of an account gets a line. Of those without a login there is one line a second
//! for each reason, so that a flood of connections is none of lines.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use kefu_proto::Account;

use crate::connection::end::End;

/// Logs the ends of connections. Cheap to clone.
#[derive(Clone, Default)]
pub struct EndLog(Arc<Mutex<HashMap<&'static str, Tally>>>);

/// Ends for one reason.
struct Tally {
    /// Since the last line.
    count: u64,
    logged: Instant,
}

impl EndLog {
    /// A connection has ended; `account` is whose it was after its login.
    pub fn note(&self, peer: SocketAddr, account: Option<Account>, end: End) {
        let reason = end.reason();
        match account {
            _ if matches!(end, End::Left | End::Io) => {
                let account = account.map(tracing::field::display);
                tracing::debug!(%peer, account, reason, "a connection has ended");
            }
            Some(account) => {
                tracing::info!(%peer, %account, reason, why = %end, "closing a connection");
            }
            None => match self.count(reason, Instant::now()) {
                Some(connections) => {
                    let text = "closing connections without a login, this one last";
                    tracing::info!(%peer, reason, why = %end, connections, "{text}");
                }
                None => {
                    tracing::debug!(%peer, reason, why = %end, "closing a connection");
                }
            },
        }
    }

    /// Counts one. Now and then it returns how many there were, to be logged.
    fn count(&self, reason: &'static str, now: Instant) -> Option<u64> {
        let mut tallies = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(tally) = tallies.get_mut(reason) else {
            tallies.insert(reason, Tally { count: 0, logged: now });
            return Some(1);
        };
        tally.count += 1;
        if now.duration_since(tally.logged) < PAUSE {
            return None;
        }
        tally.logged = now;
        Some(std::mem::take(&mut tally.count))
    }
}

/// Between two lines for one reason.
const PAUSE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_one_line_a_second_for_each_reason() {
        let (log, start) = (EndLog::default(), Instant::now());
        let count = |reason, millis| log.count(reason, start + Duration::from_millis(millis));
        assert_eq!((count("evicted", 0), count("tls", 0)), (Some(1), Some(1)));
        for millis in 1..1000 {
            assert_eq!(count("evicted", millis), None);
        }
        assert_eq!(count("evicted", 1000), Some(1000));
        assert_eq!(count("evicted", 1500), None);
        assert_eq!(count("evicted", 9000), Some(2));
    }
}
