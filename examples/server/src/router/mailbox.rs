//! What others have for one connection.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use kefu_proto::{Outbox, OutboxBounds, OwnedOutbound, Pushed};

use crate::tokens::TokenDigest;

/// One connection of this process.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ConnectionId(pub(super) u64);

/// Why others close a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Dismissal {
    /// The account has opened too many after it.
    Superseded,
    /// Its token is not valid any more.
    Withdrawn,
}

/// Why a connection is woken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Called {
    Mail,
    Dismissed(Dismissal),
}

/// Messages of others for one connection, and whether it is to be closed.
pub struct Mailbox {
    id: ConnectionId,
    /// With what it has logged in, if that can be withdrawn.
    token: Option<TokenDigest>,
    state: Mutex<State>,
}

struct State {
    outbox: Outbox,
    dismissal: Option<Dismissal>,
    /// Of the connection, while it waits for a message or for its dismissal.
    waker: Option<Waker>,
}

impl Mailbox {
    pub(super) const fn new(
        id: ConnectionId,
        token: Option<TokenDigest>,
        bounds: OutboxBounds,
    ) -> Self {
        let state = State { outbox: Outbox::new(bounds), dismissal: None, waker: None };
        Self { id, token, state: Mutex::new(state) }
    }

    pub const fn id(&self) -> ConnectionId {
        self.id
    }

    pub(super) const fn token(&self) -> Option<TokenDigest> {
        self.token
    }

    pub(super) fn push(&self, message: OwnedOutbound) -> Pushed {
        self.change(|state| state.outbox.push(message))
    }

    pub(super) fn dismiss(&self, dismissal: Dismissal) {
        self.change(|state| *state.dismissal.get_or_insert(dismissal));
    }

    /// The next message.
    pub fn pop(&self) -> Option<OwnedOutbound> {
        self.lock().outbox.pop()
    }

    /// Ready once the connection is to be closed, if that is asked, or there is a message, if that
    /// is asked.
    pub fn poll(&self, dismissal: bool, mail: bool, cx: &Context<'_>) -> Poll<Called> {
        let mut state = self.lock();
        if let Some(why) = state.dismissal.filter(|_| dismissal) {
            return Poll::Ready(Called::Dismissed(why));
        }
        if mail && !state.outbox.is_empty() {
            return Poll::Ready(Called::Mail);
        }
        match &mut state.waker {
            Some(waker) => waker.clone_from(cx.waker()),
            none @ None => *none = Some(cx.waker().clone()),
        }
        Poll::Pending
    }

    /// Wakes the connection, which then does not wait for the lock.
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.lock();
        let (changed, waker) = (change(&mut state), state.waker.take());
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
        changed
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No panic can leave the state half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use futures_util::FutureExt;
    use kefu_proto::{MsgId, Outbound};

    use super::*;

    #[tokio::test]
    async fn a_connection_wakes_for_what_it_waits_for() {
        let mailbox = Mailbox::new(ConnectionId(1), None, OutboxBounds::default());
        let called =
            |dismissal, mail| poll_fn(|cx| mailbox.poll(dismissal, mail, cx)).now_or_never();
        assert_eq!(called(true, true), None);
        mailbox.push(Outbound::SyncNotify(MsgId(7)).into_owned());
        assert_eq!((called(true, false), called(false, true)), (None, Some(Called::Mail)));
        assert_eq!(mailbox.pop(), Some(Outbound::SyncNotify(MsgId(7)).into_owned()));
        assert_eq!(called(true, true), None);
        mailbox.dismiss(Dismissal::Superseded);
        mailbox.dismiss(Dismissal::Withdrawn);
        let dismissed = Called::Dismissed(Dismissal::Superseded);
        assert_eq!((called(false, true), called(true, true)), (None, Some(dismissed)));
    }
}
