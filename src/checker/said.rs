//! A chat message that a client says: it is to be handled, or refused, or ignored.

use std::format;

use super::form::{Dialects, refusal, shown};
use super::ledger::{Message, MessageId, Variant};
use super::line::{Attempt, Line, Pending, Sent};
use super::state::{State, Verdict, demand};
use super::violation::{Seen, Witness};
use super::wire::{Chat, command::CUSTOMER_V2, flag::UNPERSISTENT};
use crate::dialect::Dialect;
use crate::id::Seq;
use crate::wire::Command;

impl State {
    pub(super) fn said(
        &mut self,
        line: &mut Line,
        (seq, flags): (Option<i32>, u8),
        chat: &Chat<'_>,
    ) {
        line.said += 1;
        let live = line.session.filter(|_| !line.is_broken);
        let dead = match live {
            Some(session) => refusal(chat, session.account, self.kefu_app),
            None => Some(if line.is_broken { "S7.1" } else { "S1.1" }),
        };
        let message = self.told(chat, flags, dead);
        let Some(session) = live else { return };
        let attempt = attempt((seq, flags), message, chat, dead);
        if dead.is_none() {
            self.tries(line, message, session.device);
            if !attempt.is_unpersistent {
                self.is_addressed(line, message);
            }
        }
        line.pending.push_back(Pending { sent: self.now, what: Sent::Chat(attempt) });
    }

    /// The message in the ledger, from now on.
    fn told(&mut self, chat: &Chat<'_>, flags: u8, dead: Option<&'static str>) -> MessageId {
        let (parties, key, marked) = self.key(chat);
        let variant = Variant::of(chat, flags);
        let id = self.ledger.find(key).unwrap_or_else(|| {
            let time = self.clock.now();
            let mut message = Message::new((parties, marked), variant, self.now, time);
            message.dead = dead;
            let newest = |account| self.queue_of(account).newest;
            message.above = [newest(parties.receiver), newest(parties.sender)];
            self.ledger.add(key, message)
        });
        self.ledger[id].add_variant(variant);
        self.ledger.forget(self.terms.memory, id);
        id
    }

    fn tries(&mut self, line: &Line, id: MessageId, device: u64) {
        let (now, time) = (self.now, self.clock.now());
        let message = &mut self.ledger[id];
        let (parties, again) = (message.parties, message.tries > 0);
        if !again {
            // Until now it was refused or ignored.
            (message.said, message.since) = (now, time);
        }
        message.tried(line.id, line.said, device);
        for account in [parties.receiver, parties.sender].into_iter().filter(|_| again) {
            self.queue(account).has_repeats = true;
        }
    }

    /// A persistent message is on its way to both queues.
    fn is_addressed(&mut self, line: &mut Line, id: MessageId) {
        let parties = self.ledger[id].parties;
        // To oneself there are two as well: other connections are notified of both copies, this one
        // of the receiver's.
        self.queue(parties.receiver).addressed += 1;
        self.queue(parties.sender).addressed += 1;
        line.credit.own += 1;
    }

    /// Inside: the host takes a message.
    pub(super) fn came(
        &mut self,
        line: &mut Line,
        how: (Option<i32>, u8),
        chat: &Chat<'_>,
    ) -> Verdict {
        self.now.what = Seen::Sent(line.id, Command(chat.command), Seq(how.0.unwrap_or(0)));
        if !line.sees_sent {
            self.said(line, how, chat);
        }
        line.sees_inside = true;
        let id = self.find(chat).map(|(id, _)| id);
        let untold = line.untold;
        let taken = line.pending.iter_mut().find_map(|pending| match &mut pending.what {
            Sent::Chat(it) if !it.came && Some(it.message) == id => Some(it),
            _ => None,
        });
        let Some(attempt) = taken else { return Ok(()) };
        attempt.came = true;
        let (refused, shows) = (attempt.refused, attempt.shows);
        if refused.is_none() {
            line.shows(shows);
        }
        if let Some((first, second)) = line.overtaking() {
            let what = format!("the host takes a message of {} before an earlier one", line.id);
            return Err(self.breaks("S11.1", what, &[first, second]));
        }
        let told = untold.is_none() || !self.terms.remembers_dialects;
        demand(told, || {
            let what = format!("the host goes on with {} and has not kept {untold:?}", line.id);
            self.breaks("D1.8", what, &[])
        })
    }
}

impl Line {
    /// S11.1: a message that the host has not taken yet, and a later one that it has.
    fn overtaking(&self) -> Option<(Witness, Witness)> {
        let mut chats = self.pending.iter().filter_map(|pending| match pending.what {
            Sent::Chat(it) if it.refused.is_none() => Some((it.came, pending.sent)),
            _ => None,
        });
        let (_, first) = chats.find(|(came, _)| !came)?;
        let (_, second) = chats.find(|(came, _)| *came)?;
        Some((first, second))
    }

    /// D1.6: for all that is written from now on.
    fn shows(&mut self, dialect: Dialect) {
        let shown = Dialects::only(dialect);
        let Some(online) = self.online.as_mut().filter(|online| online.now != shown) else {
            return;
        };
        online.now = shown;
        self.untold = Some(dialect);
    }
}

fn attempt(
    (seq, flags): (Option<i32>, u8),
    message: MessageId,
    chat: &Chat<'_>,
    refused: Option<&'static str>,
) -> Attempt {
    Attempt {
        seq,
        message,
        refused,
        is_unpersistent: flags & UNPERSISTENT != 0 && chat.command != CUSTOMER_V2,
        shows: shown(chat.command),
        came: false,
        failed: None,
        confirmed: false,
        given: false,
    }
}
