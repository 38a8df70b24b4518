//! The ACK: what must have happened before it, and what is owed once it is there (H6–H9, H14).

use std::format;
use std::string::String;
use std::vec::Vec;

use super::effect::{self, Effect};
use super::ledger::{Copy, Message};
use super::line::{Attempt, Keys, Line, Pending, Sent};
use super::state::{State, Verdict, demand};
use super::violation::Witness;
use crate::dialect::Dialect;

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
        line.handled(&attempt);
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

    /// Nothing has come for a message that the host has dealt with.
    pub(super) fn may_be_silent(
        &self,
        line: &Line,
        (sent, attempt): (Witness, &Attempt),
    ) -> Verdict {
        let silent =
            attempt.refused.is_some() || attempt.failed.is_some() || self.terms.has_own_rules;
        let message = &self.ledger[attempt.message];
        let is_repeat = message.tries > 1;
        let is_passed_over = line.sees_inside && !attempt.came;
        let is_due = if self.sees_store {
            // Of a repeat the store does not tell whether this one was saved.
            message.is_saved() && !is_repeat || attempt.confirmed || is_passed_over
        } else {
            !self.terms.saves_may_fail
        };
        demand(silent || !is_due && !attempt.is_unpersistent, || {
            let rule = if is_repeat { "S10.3" } else { attempt.rule_of_ack() };
            let what = format!("a message on {} gets no ACK", line.id);
            self.breaks(rule, what, &[sent])
        })
    }
}

impl Attempt {
    pub(super) fn rule_of_ack(&self) -> &'static str {
        if self.is_unpersistent { "H6.2" } else { effect::ACK.of(self.shows == Dialect::V2) }
    }

    /// Whether an ACK of this seq may be its own.
    fn may_have(&self, seq: i32, given: bool) -> bool {
        self.refused.is_none() && self.seq.is_none_or(|it| it == seq) && !(given && self.given)
    }
}
