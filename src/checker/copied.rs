//! Live copies and their METADATA (H14.4, H14.6, H14.9–H14.11).

use std::format;

use super::event::ConnectionId;
use super::ledger::{Copy, Message, MessageId};
use super::line::{Keys, Line};
use super::state::{State, Verdict, demand};
use super::violation::Violation;
use super::wire::{Chat, Head, command::CUSTOMER_V2, flag};
use crate::id::Account;

impl State {
    /// A live copy is written, or given to a connection (H14.4, H14.6).
    pub(super) fn copied(
        &mut self,
        line: &mut Line,
        account: Account,
        (head, chat): (Head, &Chat<'_>),
        keys: Keys,
    ) -> Verdict {
        let connection = line.id;
        let id = self.recognize(chat, false)?;
        let message = &self.ledger[id];
        let (copy, rule) = self.is_party(connection, account, message)?;
        let what = || format!("the live copy on {connection}");
        let variants = || message.variants(chat.hash, false);
        demand(variants().any(|it| it.form.command == CUSTOMER_V2), || {
            let what = format!("{} is of a message of version 1", what());
            self.breaks("H14.10", what, &[message.said])
        })?;
        let poses = head.flags & flag::OF_SERVERS != flag::PUSH;
        let senders = |flags| flags & !flag::OF_SERVERS;
        let fits = variants().any(|it| senders(it.form.flags) == senders(head.flags));
        demand(fits && !poses, || {
            let what = format!("{} has the flags {:#04x}", what(), head.flags);
            self.breaks(if poses { "H13.4" } else { rule }, what, &[message.said])
        })?;
        self.is_saved(message, |missing| format!("{} before {missing} is stored", what()))?;
        self.continues(connection, (rule, copy), id, keys)?;
        self.reaches(line, id, (rule, true))
    }

    /// The message itself is given to a connection, or written: once, unless it was said again.
    pub(super) fn reaches(
        &mut self,
        line: &mut Line,
        id: MessageId,
        (rule, written): (&'static str, bool),
    ) -> Verdict {
        line.was_reached(id);
        let again = self.ledger[id].reaches(line.id, written);
        let Message { said, tries, parties, .. } = self.ledger[id];
        // What somebody sends to himself comes as both copies.
        let may_repeat = tries > 1 || parties.sender == parties.receiver;
        demand(!again || may_repeat, || {
            self.breaks(rule, format!("a message comes to {} once more", line.id), &[said])
        })
    }

    /// H5: the account is one of the two. Which copy is its, and the rule for a live one.
    fn is_party(
        &self,
        connection: ConnectionId,
        account: Account,
        message: &Message,
    ) -> Result<(Copy, &'static str), Violation> {
        if account == message.parties.receiver {
            return Ok((Copy::Receivers, "H14.4"));
        }
        if account == message.parties.sender {
            return Ok((Copy::Senders, "H14.6"));
        }
        let what = format!("{connection} of {account} gets a message that is not its");
        Err(self.breaks("H14.4", what, &[message.said]))
    }

    /// The keys are those of a copy of this message in its queue, and of the row before it.
    pub(super) fn continues(
        &mut self,
        connection: ConnectionId,
        (rule, copy): (&'static str, Copy),
        id: MessageId,
        Keys { key, previous }: Keys,
    ) -> Verdict {
        let message = &self.ledger[id];
        let account = message.account_of(copy);
        demand((0..key).contains(&previous), || {
            let what = format!("METADATA says that {previous} is before {key}");
            self.breaks(rule, what, &[message.said])
        })?;
        let (said, tries) = (message.said, message.tries);
        if !self.sees_store {
            let queue = self.queue(account);
            let known = queue.known.add_pair((key, previous), id);
            queue.newest = queue.newest.max(key);
            queue.due = queue.due.max(key);
            demand(known != Err(key), || {
                let what = format!("{key} is the id of another message in the queue of {account}");
                let rule = match copy {
                    Copy::Receivers => "H14.1",
                    Copy::Senders => "H14.2",
                };
                self.breaks(rule, what, &[said])
            })?;
            return self.is_consistent(connection, key, known);
        }
        let queue = self.queue_of(account);
        if key <= queue.unknown {
            return Ok(());
        }
        let row = queue.row(key).filter(|row| row.message == id);
        demand(row.is_some(), || {
            let what = format!("METADATA says {key}, which is no copy of the message");
            self.breaks(rule, what, &[said])
        })?;
        let before = queue.previous(key);
        demand(before.is_none_or(|before| before == previous), || {
            let before = before.unwrap_or_default();
            let what = format!("METADATA says that {previous} is before {key}, but it is {before}");
            let rule = if tries > 1 { "S10.4" } else { rule };
            self.breaks(rule, what, &[said])
        })
    }
}
