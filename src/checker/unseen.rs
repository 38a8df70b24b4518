//! The answer to a SYNC where the store is not seen: each row is a message of this queue, comes once
//! and in its sender's order, and at the end all is there that was acknowledged before.

use std::format;
use std::vec::Vec;

use super::form::Form;
use super::ledger::{MessageId, Order};
use super::line::{Line, Online, Session};
use super::queue::Row;
use super::reading::{Ended, Reading};
use super::rows::own_rule;
use super::state::{State, Verdict, demand};
use super::wire::{Chat, Head, command};
use super::wrote::name;
use crate::dialect::Dialect;

impl State {
    /// Where the store is not seen: it is a message of this queue, once, in its sender's order.
    pub(super) fn reads_unseen(
        &mut self,
        line: &mut Line,
        session: &Session,
        reading: &mut Reading,
        (head, chat): (Head, &Chat<'_>),
    ) -> Verdict {
        let connection = line.id;
        let asked = reading.asked;
        let sees_all = self.remembers_all() && self.terms.sees_everybody;
        if self.find(chat).is_none() && !sees_all {
            return Ok(());
        }
        let id = self.recognize(chat, false)?;
        let message = &self.ledger[id];
        let breaks = |rule, what: &str| {
            let what = format!("{what}: {} on {connection}", name(head));
            Err(self.breaks(rule, what, &[message.said, asked]))
        };
        let account = session.account;
        if account != message.parties.receiver && account != message.parties.sender {
            return breaks("S2.3", "a message of another queue");
        }
        let is_senders = account == message.parties.sender;
        let own =
            if is_senders { message.device.map(|it| it == session.device) } else { Some(false) };
        let mut wrong = ("S2.3", "a message that is not to be stored");
        let content = chat.hash;
        let forms: Vec<Form> = message.variants(content, false).map(|it| it.form).collect();
        reading.readers.retain_mut(|reader| {
            reader.rows += 1;
            forms.iter().any(|form| {
                if own == Some(true) && Self::leaves_out(*form, reader.dialect, self.kefu_app) {
                    wrong = (own_rule(*form), "its own message comes back");
                    return false;
                }
                let row = Row::unseen(id, chat);
                let fits = self.is_row((&row, *form, own), reader.dialect, (head, chat));
                wrong = fits.err().unwrap_or(wrong);
                fits.is_ok()
            })
        });
        if reading.readers.is_empty() {
            return breaks(wrong.0, wrong.1);
        }
        let is_said_once = message.tries == 1;
        let once = is_said_once || message.marked;
        let has_two = message.parties.sender == message.parties.receiver;
        if !line.chain.seen.insert(id) && once && !has_two {
            let rule = if is_said_once { "S2.3" } else { "S10.2" };
            return breaks(rule, "a message that has come already");
        }
        if let Order::On { connection: from, first, last } = message.order {
            let latest = line.chain.order.entry(from).or_insert(first);
            let holds = last >= *latest;
            *latest = first.max(*latest);
            if !holds {
                return breaks("S11.1", "a message behind a later one of its sender");
            }
        }
        Ok(())
    }

    pub(super) fn ends_unseen(&mut self, line: &mut Line, reading: &Reading, end: i64) -> Verdict {
        let connection = line.id;
        let Reading { asked, begin, said, due, .. } = *reading;
        // D4.5, S2.2, D4.6
        let fits = reading.readers.iter().any(|reader| match reader.dialect {
            Dialect::V1 => true,
            Dialect::V2 => said == end,
            Dialect::AsSent if reader.rows == 0 && said == end => true,
            Dialect::AsSent => begin.is_none_or(|begin| said == begin),
        });
        demand(fits, || {
            let what = format!("SYNC_END {end} on {connection} behind SYNC_BEGIN {said}");
            self.breaks("D4.5", what, &[asked])
        })?;
        // D4.6: who is beyond the end comes back.
        let is_back = said == end && line.dialects().may_have_pairs();
        demand(begin.is_none_or(|begin| end >= begin || is_back), || {
            let what = format!("SYNC_END {end} on {connection} for a SYNC from {begin:?}");
            self.breaks("S2.4", what, &[asked])
        })?;
        if line.chain.begin == i64::MAX {
            line.chain.begin = said;
        }
        // What is not there may come behind a SYNC_NOTIFY of the rest (S12.3).
        line.chain.ended = Some(Ended { asked, end, due });
        Ok(())
    }

    /// The last answer has ended, and the queue does not go on: all is there that was acknowledged
    /// before it was asked for.
    pub(super) fn is_whole(&mut self, line: &mut Line, next: Option<u8>) -> Verdict {
        let connection = line.id;
        if next == Some(command::SYNC_NOTIFY) {
            return Ok(());
        }
        let ended = line.chain.ended.take().zip(line.online);
        let Some((Ended { asked, end, due }, Online { session, .. })) = ended else {
            return Ok(());
        };
        demand(end.max(0) >= due, || {
            let what = format!("SYNC_END {end} on {connection}, though {due} was told before");
            self.breaks("S2.3", what, &[asked])
        })?;
        let queue = self.queue_of(session.account);
        let chain = &mut line.chain;
        let mut missing = None;
        let first = chain.checked.saturating_sub(queue.acked_before);
        for acked in queue.acked.iter().skip(first) {
            if acked.at >= asked.number {
                break;
            }
            chain.checked = chain.checked.max(queue.acked_before) + 1;
            let message = &self.ledger[acked.message];
            let may_be_out = message.parties.sender == session.account
                && message.device.is_none_or(|device| device == session.device);
            let is_there = chain.seen.remove(&acked.message);
            if !is_there && !may_be_out && acked.above >= chain.begin {
                missing = missing.or(Some(acked.said));
            }
        }
        demand(missing.is_none(), || {
            let what =
                format!("a message for {} is not in the answer on {connection}", session.account);
            self.breaks("S2.3", what, &[missing.unwrap_or(asked), asked])
        })
    }
}

impl Row {
    /// What came, taken for a row.
    fn unseen(message: MessageId, chat: &Chat<'_>) -> Self {
        Self {
            msgid: 0,
            message,
            command: chat.command,
            store: chat.ids[2],
            content: 0,
            stamp: chat.stamp,
            device: None,
            number: 0,
        }
    }
}
