//! What only the whole world can tell at its end, when all is calm: nothing is lost.

use std::fmt;

use kefu_proto::Account;

use crate::cast::account;
use crate::client::Client;
use crate::host::Store;

/// Something is lost.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Loss {
    /// The store does not have any more what it had.
    Rows(Account),
    /// A client that repeats a message until its ACK has none.
    Ack(Account),
    /// A client has not read its queue to the end.
    Reader { account: Account, key: i64, newest: i64 },
}

/// Whether all is there: every row, every ACK, and every client at the end of its queue.
pub(crate) fn audit(store: &Store, clients: &[Client]) -> Result<(), Loss> {
    if let Some(queue) = store.lacks_rows() {
        return Err(Loss::Rows(queue));
    }
    for client in clients {
        let account = account(client.user());
        if client.unacked() > 0 {
            return Err(Loss::Ack(account));
        }
        let (key, newest) = (client.key(), store.newest(account).0);
        if key < newest {
            return Err(Loss::Reader { account, key, newest });
        }
    }
    Ok(())
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rows(queue) => write!(f, "the queue of {queue} has lost a message"),
            Self::Ack(account) => write!(f, "a message of {account} never has its ACK"),
            Self::Reader { account, key, newest } => {
                write!(f, "a client of {account} has read to {key}, the queue goes to {newest}")
            }
        }
    }
}
