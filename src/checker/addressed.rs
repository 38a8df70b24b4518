//! Who has to be told of a message: before its ACK inside a host, and in the end from outside (H6,
//! H7, H14).

use std::format;
use std::vec::Vec;

use super::event::ConnectionId;
use super::ledger::{Copy, Message, MessageId};
use super::line::{Attempt, Debt, Line, Owed};
use super::queue::Acked;
use super::state::{State, Verdict, demand};
use super::violation::Witness;
use crate::dialect::Dialect;

/// The connection, and which copy.
type Addressee = (ConnectionId, Copy);

impl State {
    /// H6, H7: inside, everybody on this server has been given the message before the ACK is.
    pub(super) fn in_order_behind(
        &self,
        line: &Line,
        (sent, attempt): (Witness, &Attempt),
    ) -> Verdict {
        let connection = line.id;
        let message = &self.ledger[attempt.message];
        for (to, copy) in self.addressees(line, attempt, message) {
            let other = self.line(to).unwrap_or(line);
            if other.server != line.server || !other.must_have(message, sent) {
                continue;
            }
            let missing = self.missing(other, (to, copy), attempt, message);
            demand(missing.is_none(), || {
                let rule = attempt.rule_of_ack();
                let what = format!(
                    "{connection} is given its ACK before {} is given to {to}",
                    missing.unwrap_or_default(),
                );
                self.breaks(rule, what, &[sent])
            })?;
        }
        Ok(())
    }

    /// What has not been given to a connection, if something has not.
    fn missing(
        &self,
        other: &Line,
        (to, copy): Addressee,
        attempt: &Attempt,
        message: &Message,
    ) -> Option<&'static str> {
        // S13.3, S13.4
        let reached = message.has_reached(to) || self.terms.leaves_out;
        if attempt.is_unpersistent {
            return (!reached).then_some("the message");
        }
        if !reached && Self::has_live_copy(other, copy, attempt, message) {
            return Some("the live copy");
        }
        let msgid = message.msgids[copy.index()];
        let is_told = if self.sees_store {
            other.given.max(other.notified) >= msgid
        } else {
            (message.said.number..).contains(&other.given_at.max(other.notified_at))
        };
        (!is_told && !other.asks_on()).then_some("SYNC_NOTIFY")
    }

    /// Those who have to be told: all connections of the receiver, and those of the sender but this.
    fn addressees(
        &self,
        line: &Line,
        attempt: &Attempt,
        message: &Message,
    ) -> impl Iterator<Item = Addressee> {
        let online = |account| self.queue_of(account).online.iter().copied();
        let receivers = online(message.parties.receiver).map(|to| (to, Copy::Receivers));
        let others = !attempt.is_unpersistent;
        let this = line.id;
        let senders = online(message.parties.sender).filter(move |to| others && *to != this);
        receivers.chain(senders.map(|to| (to, Copy::Senders)))
    }

    /// A message has had its ACK: what its addressees have not got by now they are owed.
    pub(super) fn is_acked(&mut self, line: &mut Line, (sent, attempt): (Witness, &Attempt)) {
        let message = &mut self.ledger[attempt.message];
        message.acks += 1;
        message.pending -= 1;
        if !attempt.is_unpersistent {
            self.is_due(attempt.message);
        }
        let message = &self.ledger[attempt.message];
        let mut debts = Vec::new();
        for (to, copy) in self.addressees(line, attempt, message) {
            let other = self.line(to).unwrap_or(line);
            // What servers may lose between them is not made up for.
            let may_be_lost = attempt.is_unpersistent
                && self.terms.spare_notifies > 0
                && other.server != line.server;
            if other.must_have(message, sent) && !may_be_lost {
                let owed = self.owed(other, (to, copy), (sent, attempt), message);
                debts.extend(owed.into_iter().flatten().map(|owed| (to, owed)));
            }
        }
        let acked = self.now;
        for (to, what) in debts {
            self.line_mut(to).unwrap_or(line).owes(Debt { what, said: sent, acked });
        }
    }

    /// What a connection has not got of a message that has had its ACK.
    fn owed(
        &self,
        other: &Line,
        (to, copy): Addressee,
        (sent, attempt): (Witness, &Attempt),
        message: &Message,
    ) -> [Option<Owed>; 2] {
        // S13.3, S13.4
        let is_new = !message.has_reached(to) && !self.terms.leaves_out;
        if attempt.is_unpersistent {
            return [is_new.then_some(Owed::Chat(attempt.message)), None];
        }
        let id = message.msgids[copy.index()];
        // S12.4: the host may have dealt with it while this client had not asked on.
        let (told, notify) = if self.sees_store {
            let was_behind = message.saved.is_some_and(|saved| saved < other.behind_until);
            (other.told() >= id || was_behind, Owed::Notify(copy, id))
        } else {
            let told_at = other.told_at().max(other.behind_until);
            ((sent.number..).contains(&told_at), Owed::AnyNotify(copy))
        };
        let must = Self::has_live_copy(other, copy, attempt, message) && is_new;
        [(!told && !other.asks_on()).then_some(notify), must.then_some(Owed::Copy(attempt.message))]
    }

    /// H14.4, H14.6, H14.9, D3
    fn has_live_copy(other: &Line, copy: Copy, attempt: &Attempt, message: &Message) -> bool {
        attempt.shows == Dialect::V2
            && message.continues[copy.index()]
            && other.dialects().has_pairs()
    }

    /// A SYNC from now on must find it.
    fn is_due(&mut self, id: MessageId) {
        let Message { parties, msgids, acks, above, said, .. } = self.ledger[id];
        let accounts = [parties.receiver, parties.sender];
        let both = if accounts[0] == accounts[1] { 1 } else { 2 };
        for (copy, account) in accounts.into_iter().enumerate().take(both) {
            let queue = self.queue(account);
            queue.settled += if both == 1 { 2 } else { 1 };
            queue.due = queue.due.max(msgids[copy]);
            if !self.sees_store && acks == 1 {
                let (at, above) = (self.now.number, above[copy]);
                self.remember_acked(account, Acked { message: id, at, above, said });
            }
        }
    }
}

impl Line {
    /// Whether it was there before the message took effect.
    fn must_have(&self, message: &Message, sent: Witness) -> bool {
        let effect = message.saved.unwrap_or(0).max(sent.number);
        let is_there = self.is_greeted || !self.sees_sent;
        is_there && self.online.is_some_and(|online| (..effect).contains(&online.since))
    }

    /// The greatest id that it was notified of.
    fn told(&self) -> i64 {
        if self.sees_received { self.notified } else { self.given }
    }

    fn told_at(&self) -> u64 {
        if self.sees_received { self.notified_at } else { self.given_at }
    }
}
