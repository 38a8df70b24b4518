//! Whose queues a message is in.

use kefu_proto::{Account, AppId, Command, MsgId, Saves, UserId};

use crate::store::embedded::index::{Posting, Term};
use crate::store::embedded::mark::Mark;

/// The two accounts of a message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Parties {
    pub(super) receiver: Account,
    pub(super) sender: Account,
}

impl Parties {
    pub(super) const fn of(saves: &Saves) -> Self {
        Self { receiver: saves.receiver(), sender: saves.sender() }
    }

    /// Those of a row, by the four ids of its body and the column that says what two commands leave
    /// out. `None` if it is of no command of a chat message.
    pub(super) fn of_row(command: Command, ids: [i64; 4], seller_appid: i64) -> Option<Self> {
        let account = |appid, uid| Account::new(AppId(appid), UserId(uid));
        let [first, second, third, fourth] = ids;
        let (customer, seller) = (account(first, second), account(seller_appid, fourth));
        match command {
            Command::CUSTOMER => Some(Self { receiver: seller, sender: customer }),
            Command::CUSTOMER_SUPPORT => Some(Self { receiver: customer, sender: seller }),
            Command::CUSTOMER_V2 => {
                Some(Self { receiver: account(third, fourth), sender: customer })
            }
            _ => None,
        }
    }

    /// The app of the seller, where a body does not name it; else 0.
    pub(super) const fn seller_appid(self, command: Command) -> i64 {
        match command {
            Command::CUSTOMER => self.receiver.appid.0,
            Command::CUSTOMER_SUPPORT => self.sender.appid.0,
            _ => 0,
        }
    }

    /// What the index has of message `n`.
    pub(super) fn postings(self, n: i64, mark: Option<Mark>) -> impl Iterator<Item = Posting> {
        let (receiver, sender) = (receivers(n), senders(n));
        let mark = mark.map(|mark| Posting { term: Term::Mark(mark), msgid: sender });
        let queue = |account, msgid| Posting { term: Term::Queue(account), msgid };
        [queue(self.receiver, receiver), queue(self.sender, sender)].into_iter().chain(mark)
    }
}

/// The msgid of message `n` in its receiver's queue.
pub(super) const fn receivers(n: i64) -> MsgId {
    MsgId(n.saturating_mul(2).saturating_sub(1))
}

/// The msgid of message `n` in its sender's queue.
pub(super) const fn senders(n: i64) -> MsgId {
    MsgId(n.saturating_mul(2))
}

/// The message that a msgid is of.
pub(super) const fn message_of(MsgId(msgid): MsgId) -> i64 {
    msgid.saturating_add(1) / 2
}
