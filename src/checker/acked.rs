//! The ACK: what must have happened before it, and what is owed once it is there (H6–H9, H14).

use std::format;
use std::string::String;
use std::vec::Vec;

use super::effect::{self, Effect};
use super::event::ConnectionId;
use super::ledger::{Copy, Message, MessageId};
use super::line::{Attempt, Debt, Keys, Line, Owed, Pending, Sent};
use super::queue::Acked;
use super::state::{State, Verdict, demand};
use super::violation::Witness;
use crate::dialect::Dialect;

/// Who has to be told of a message: the connection, and which copy.
type Addressee = (ConnectionId, Copy);

impl State {
    /// An ACK is written, or only given to the connection that will write it.
    pub(super) fn acked(
        &mut self,
        line: &mut Line,
        (seq, status): (i32, i8),
        keys: Option<Keys>,
        given: bool,
    ) -> Verdict {
        let connection = line.id;
        let waits = |pending: &Pending, given| matches!(pending.what, Sent::Chat(it) if it.may_have(seq, given));
        // Where the seq does not tell, it is of one whose saves have not failed, if there is one.
        let fails =
            |pending: &Pending| matches!(pending.what, Sent::Chat(it) if it.failed.is_some());
        let is_sound = line.pending.iter().any(|it| waits(it, given) && !fails(it));
        let waits =
            |pending: &Pending, given| waits(pending, given) && !(is_sound && fails(pending));
        let first = line.pending.iter_mut().find(|pending| waits(pending, given));
        let Some(Pending { sent, what: Sent::Chat(attempt) }) = first else {
            return self.acked_unasked(line, seq);
        };
        attempt.given |= given;
        let (sent, attempt) = (*sent, *attempt);
        self.check_ack(line, (sent, &attempt), status, keys)?;
        if let Some(keys) = keys {
            self.continues(connection, ("H14.8", Copy::Senders), attempt.message, keys)?;
        }
        if given {
            self.in_order_behind(line, (sent, &attempt))?;
            if line.sees_received {
                return Ok(());
            }
        }
        self.answers(line, |pending| waits(pending, false))?;
        if !attempt.came {
            line.handled(attempt.shows);
        }
        if status == 0 {
            self.is_acked(line, (sent, &attempt));
        } else {
            self.will_not_answer(&Pending { sent, what: Sent::Chat(attempt) });
        }
        Ok(())
    }

    fn acked_unasked(&self, line: &Line, seq: i32) -> Verdict {
        let connection = line.id;
        let refused = line.pending.iter().find_map(|pending| match pending.what {
            Sent::Chat(Attempt { refused: Some(rule), seq: Some(it), .. }) if it == seq => {
                Some((rule, pending.sent))
            }
            _ => None,
        });
        Err(match refused {
            Some((rule, sent)) => {
                let what = format!("ACK {seq} on {connection} for a message that {rule} refuses");
                self.breaks("H11.1", what, &[sent])
            }
            None if line.passed.contains(&seq) => {
                let what =
                    format!("ACK {seq} on {connection} comes behind that of a later message");
                self.breaks("S11.1", what, &[])
            }
            None => {
                let what = format!("ACK {seq} on {connection}, where no message waits for it");
                self.breaks("H9.1", what, &[])
            }
        })
    }

    /// What an ACK says, and that the message is saved.
    fn check_ack(
        &self,
        line: &Line,
        (sent, attempt): (Witness, &Attempt),
        status: i8,
        keys: Option<Keys>,
    ) -> Verdict {
        let connection = line.id;
        let message = &self.ledger[attempt.message];
        let of = || format!("the ACK of the message of {}", message.parties.sender);
        if status != 0 {
            return demand(self.terms.has_own_rules, || {
                let what = format!("{} has the status {status}", of());
                self.breaks(effect::ACK.of(message.is_v2()), what, &[sent])
            });
        }
        demand(attempt.failed.is_none(), || {
            let events = [Some(sent), attempt.failed].into_iter().flatten().collect::<Vec<_>>();
            self.breaks("H8.1", format!("{} comes, whose save has failed", of()), &events)
        })?;
        if !attempt.is_unpersistent {
            self.is_saved(message, |missing| format!("{} comes before {missing} is stored", of()))?;
            self.is_saved_again(message)?;
        }
        let is_v2 = attempt.shows == Dialect::V2;
        if keys.is_some() {
            return demand(is_v2, || {
                let what = format!("METADATA before an ACK of version 1 on {connection}");
                self.breaks("H14.10", what, &[sent])
            });
        }
        let must = is_v2 && message.continues[1] && line.dialects().has_pairs();
        demand(!must, || {
            self.breaks("H14.8", format!("{} has no METADATA on {connection}", of()), &[sent])
        })
    }

    /// H7.7: where the store is seen, both copies are in it.
    pub(super) fn is_saved(&self, message: &Message, what: impl Fn(String) -> String) -> Verdict {
        let missing = [Copy::Receivers, Copy::Senders]
            .into_iter()
            .find(|copy| self.sees_store && message.copies[copy.index()] == 0);
        match missing {
            Some(copy) => {
                let what = what(format!("the copy for {}", message.account_of(copy)));
                let rule = Effect::save(copy).of(message.is_v2());
                Err(self.breaks(rule, what, &[message.said]))
            }
            None => Ok(()),
        }
    }

    /// S10.1: without a mark it is never a repeat.
    fn is_saved_again(&self, message: &Message) -> Verdict {
        let once = matches!(self.terms.repeats, super::terms::Repeats::Once { .. });
        let strict = once && !message.marked && self.sees_store;
        demand(!strict || message.copies.iter().all(|count| *count > message.acks), || {
            let (acks, sender) = (message.acks + 1, message.parties.sender);
            let what = format!("{acks} ACKs of a message of {sender} that is stored less often");
            self.breaks("S10.1", what, &[message.said])
        })
    }

    /// H6, H7: inside, everybody on this server has been given the message before the ACK is.
    fn in_order_behind(&self, line: &Line, (sent, attempt): (Witness, &Attempt)) -> Verdict {
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
        let reached = message.has_reached(to);
        if attempt.is_unpersistent {
            return (!reached).then_some("the message");
        }
        if !reached && self.has_live_copy(other, copy, attempt, message) {
            return Some("the live copy");
        }
        let msgid = message.msgids[copy.index()];
        let is_told = if self.sees_store {
            other.given.max(other.notified) >= msgid
        } else {
            other.given_at.max(other.notified_at) > message.said.number
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
    fn is_acked(&mut self, line: &mut Line, (sent, attempt): (Witness, &Attempt)) {
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
            if other.must_have(message, sent) {
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
        let is_new = !message.has_reached(to);
        if attempt.is_unpersistent {
            return [is_new.then_some(Owed::Chat(attempt.message)), None];
        }
        let id = message.msgids[copy.index()];
        let (told, notify) = if self.sees_store {
            (other.told() >= id, Owed::Notify(copy, id))
        } else {
            (other.told_at() > sent.number, Owed::AnyNotify(copy, sent.number))
        };
        let must = self.has_live_copy(other, copy, attempt, message) && is_new;
        [(!told && !other.asks_on()).then_some(notify), must.then_some(Owed::Copy(attempt.message))]
    }

    /// H14.4, H14.6, H14.9, D3
    fn has_live_copy(
        &self,
        other: &Line,
        copy: Copy,
        attempt: &Attempt,
        message: &Message,
    ) -> bool {
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

    /// Nothing has come for a message that the host has dealt with.
    pub(super) fn may_be_silent(
        &self,
        connection: ConnectionId,
        (sent, attempt): (Witness, &Attempt),
    ) -> Verdict {
        let silent =
            attempt.refused.is_some() || attempt.failed.is_some() || self.terms.has_own_rules;
        let message = &self.ledger[attempt.message];
        let is_due = if self.sees_store {
            // Of a repeat it is not known whether it was saved.
            message.is_saved() && message.tries == 1
        } else {
            !self.terms.saves_may_fail
        };
        demand(silent || !is_due && !attempt.is_unpersistent, || {
            let rule = attempt.rule_of_ack();
            let what = format!("a message on {connection} gets no ACK");
            self.breaks(rule, what, &[sent])
        })
    }
}

impl Attempt {
    fn rule_of_ack(&self) -> &'static str {
        if self.is_unpersistent { "H6.2" } else { effect::ACK.of(self.shows == Dialect::V2) }
    }

    /// Whether an ACK of this seq may be its own.
    fn may_have(&self, seq: i32, given: bool) -> bool {
        self.refused.is_none() && self.seq.is_none_or(|it| it == seq) && !(given && self.given)
    }
}

impl Line {
    /// Whether it was there before the message took effect.
    fn must_have(&self, message: &Message, sent: Witness) -> bool {
        let effect = message.saved.unwrap_or(0).max(sent.number);
        self.online.is_some_and(|online| online.since < effect)
    }

    /// The greatest id that it was notified of.
    fn told(&self) -> i64 {
        if self.sees_received { self.notified } else { self.given }
    }

    fn told_at(&self) -> u64 {
        if self.sees_received { self.notified_at } else { self.given_at }
    }
}
