//! Rows of queues that fit no command.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use kefu_proto::{Account, Command, DecodeError, MsgId};

/// Logs each row once, however often its queue is read.
#[derive(Default)]
pub struct UnreadableRows(Mutex<HashSet<(Account, MsgId)>>);

impl UnreadableRows {
    pub fn log(&self, queue: Account, msgid: MsgId, command: Command, error: DecodeError) {
        if self.is_new(queue, msgid) {
            tracing::error!(%queue, %msgid, %command, %error, "an unreadable row; left out");
        }
    }

    pub fn log_too_long(&self, queue: Account, msgid: MsgId, command: Command, length: usize) {
        if self.is_new(queue, msgid) {
            tracing::error!(%queue, %msgid, %command, length, "a row beyond --frame-limit; left out");
        }
    }

    fn is_new(&self, queue: Account, msgid: MsgId) -> bool {
        // No panic can leave the set half changed.
        let mut logged = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        logged.len() < MOST && logged.insert((queue, msgid))
    }
}

/// After this many rows an operator knows. The metric still counts.
const MOST: usize = 1000;

#[cfg(test)]
mod tests {
    use kefu_proto::{AppId, UserId};

    use super::*;

    #[test]
    fn each_row_is_logged_once_and_not_for_ever() {
        let rows = UnreadableRows::default();
        let queue = |uid| Account::new(AppId(7), UserId(uid));
        assert!(rows.is_new(queue(1), MsgId(1)) && rows.is_new(queue(2), MsgId(1)));
        assert!(!rows.is_new(queue(1), MsgId(1)));
        let logged = (2..2000).filter(|&msgid| rows.is_new(queue(1), MsgId(msgid)));
        assert_eq!(logged.count(), MOST - 2);
    }
}
