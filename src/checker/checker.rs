//! The judge, as it is used.

use super::event::Event;
use super::form::Dialects;
use super::hash::hash;
use super::line::Keys;
use super::owed::Gift;
use super::state::State;
use super::terms::Terms;
use super::violation::{Seen, Violation, Witness};
use super::wire::Chat;
use crate::id::{Account, MsgId, Seq};
use crate::message::{Ack, ChatBody, ChatMessage, Metadata};
use crate::outbound::Outbound;
use crate::wire::{Command, Encode};

/// Watches a host, and says which rule of the protocol it breaks.
///
/// A clone has seen the same and goes on by itself, so that a search can try what may come next.
#[derive(Clone, Debug)]
pub struct Checker {
    state: State,
}

impl Checker {
    /// A checker that has seen nothing.
    #[must_use]
    pub fn new(terms: Terms) -> Self {
        Self { state: State::new(terms) }
    }

    /// Tells whom a token names (S1.4). A token that it is not told names nobody (S1.5).
    pub fn add_token(&mut self, token: &[u8], account: Account) {
        self.state.tokens.insert(hash(token), account);
    }

    /// How many events it was told: the number of the last one.
    #[must_use]
    pub const fn events(&self) -> u64 {
        self.state.now.number
    }

    /// Checks what has happened.
    ///
    /// # Errors
    ///
    /// The rule that it breaks. What comes after a violation may be judged wrongly, so stop there.
    pub fn observe(&mut self, event: Event<'_>) -> Result<(), Violation> {
        let state = &mut self.state;
        state.now = Witness { number: state.now.number + 1, what: Seen::Other };
        match event {
            Event::Time(time) => {
                state.clock.show(time.as_secs());
                Ok(())
            }
            Event::Opened { connection, server } => {
                state.opened(connection, server);
                Ok(())
            }
            Event::Closed { connection } => {
                state.closed(connection);
                Ok(())
            }
            Event::Sent { connection, bytes } => state.at(connection, |state, line| {
                state.sent(line, bytes);
                Ok(())
            }),
            Event::Received { connection, bytes } => {
                let verdict = state.on(connection, |state, line| state.received(line, bytes));
                verdict.unwrap_or_else(|| state.is_gone(connection))
            }
            Event::LoggedIn { connection, identity, dialect } => {
                let who = (identity.account(), identity.device_id().0);
                let dialects = Dialects::only(dialect);
                state.at(connection, |state, line| state.logged_in(line, who, dialects))
            }
            Event::Came { connection, message } => state.at(connection, |state, line| {
                state.came(line, (seq(message), message.flags.0), &chat(message))
            }),
            Event::Stored { queue, row } => state.stored(queue, row),
            Event::SaveFailed { connection, queue, message } => {
                state.at(connection, |state, line| {
                    state.save_failed(line, queue, &chat(message));
                    Ok(())
                })
            }
            Event::Confirmed { connection, message, copies } => {
                state.confirmed(connection, &chat(message), copies)
            }
            Event::Unlisted { connection, frame } => state.at(connection, |state, line| {
                state.took_unlisted(line, (frame.command.0, &frame.body))
            }),
            Event::Pushed { to, message } => state.pushed(to, &chat(message)),
            Event::Given { connection, message } => {
                let verdict = state.on(connection, |state, line| state.given(line, gift(message)));
                verdict.unwrap_or_else(|| state.is_gone(connection))
            }
            Event::Syncing { connection, kept } => {
                state.at(connection, |state, line| state.syncing(line, kept.0))
            }
            Event::DialectKept { connection, dialect } => {
                state.at(connection, |state, line| state.kept_dialect(line, dialect))
            }
        }
    }

    /// Checks that nothing is still owed that has been due since before the event of this number.
    /// Call it when that must have come by now, for a host that is never quiet.
    ///
    /// # Errors
    ///
    /// The rule that is broken.
    pub fn expire(&mut self, before: u64) -> Result<(), Violation> {
        self.state.now = Witness { number: self.state.now.number, what: Seen::Other };
        self.state.expire(before)
    }

    /// Checks that nothing is still owed. Call it when all is quiet: when the host has dealt with
    /// all that was sent, and all that it has written has been received.
    ///
    /// # Errors
    ///
    /// The rule that is broken.
    pub fn finish(&mut self) -> Result<(), Violation> {
        self.state.now = Witness { number: self.state.now.number + 1, what: Seen::Finished };
        self.state.expire(u64::MAX)?;
        self.state.finish()
    }
}

fn gift(message: Outbound<'_>) -> Gift<'_> {
    let ack = |ack: Ack, keys| Gift::Ack { seq: ack.seq.0, status: ack.status.0, keys };
    match message {
        Outbound::Chat(message) => Gift::Chat(chat(message), None),
        Outbound::SyncNotify(MsgId(msgid)) => Gift::SyncNotify(msgid),
        Outbound::Ack(it) => ack(it, None),
        Outbound::LiveCopy(copy) => Gift::Chat(chat(copy.message()), Some(keys(copy.metadata()))),
        Outbound::LiveAck(it) => ack(it.ack(), Some(keys(it.metadata()))),
    }
}

const fn keys(metadata: Metadata) -> Keys {
    let Metadata { sync_key: MsgId(key), prev_sync_key: MsgId(previous) } = metadata;
    Keys { key, previous }
}

/// A CUSTOMER_V2 that was accepted has none (H14.11).
fn seq(message: &ChatMessage) -> Option<i32> {
    let Seq(seq) = message.seq;
    (seq != 0 || message.command() != Command::CUSTOMER_V2).then_some(seq)
}

/// The message as the checker has it.
fn chat(message: &ChatMessage) -> Chat<'_> {
    let ChatBody { ids, timestamp, content } = &message.body;
    let (command, stamp) = (message.command().0, timestamp.as_secs());
    Chat { command, ids: *ids, stamp, content, hash: hash(&content[..]) }
}
