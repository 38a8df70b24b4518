//! The answer to a SYNC, row by row (S2, S12, D4).

use bytes::Bytes;

use super::dialect::Form;
use super::{Dialect, Judge, Rule, Seat, Verdict};
use crate::wire::{CHAT, CUSTOMER_V2, HEADER, Head, SELF, STAMP, SYNC_NOTIFY, int64};

/// A sync while it is being answered.
pub(super) struct Reading {
    begin: i64,
    dialect: Dialect,
    /// What SYNC_BEGIN has said.
    said: Option<i64>,
    /// Which row comes next, and how many rows and bytes have been before it.
    next: usize,
    rows: usize,
    bytes: usize,
    /// What was notified before.
    due: Option<i64>,
}

impl Reading {
    pub(super) fn has_begun(&self) -> bool {
        self.said.is_some()
    }
}

impl Judge {
    /// The host begins to answer a SYNC; `kept` is the key that it has kept (S2.1).
    pub(crate) fn reads(&mut self, link: usize, kept: i64) -> Verdict {
        let line = &mut self.lines[link];
        let Some(queue) = line.online else { return Ok(()) };
        let queue = &mut self.queues[queue];
        let asked = line.asked.pop_front();
        let what = || format!("an answer from {kept} for {asked:?} on connection {link}");
        let Some((key, wanted)) = asked.filter(|_| line.reading.is_none()) else {
            return Err(Rule::AskedFor.broken(what()));
        };
        let begin = match (key, line.synced) {
            // S2.9
            (0, Some(synced)) => synced,
            (0, None) => {
                let holds = kept >= queue.began.max(wanted) && queue.keys.contains(&kept);
                Rule::WholeSync.demands(holds, what)?;
                queue.began = kept;
                kept
            }
            _ => key,
        };
        let next = queue.rows.partition_point(|row| row.msgid <= begin);
        let (dialect, due) = (line.dialect, line.notified);
        (line.is_behind, line.has_copies) = (false, false);
        line.reading = Some(Reading { begin, dialect, said: None, next, rows: 0, bytes: 0, due });
        Ok(())
    }

    /// SYNC_BEGIN is written: with the key where the answer begins, or in V2 where it ends.
    pub(super) fn began(&mut self, link: usize, key: i64) -> Verdict {
        let reading = &mut self.lines[link].reading;
        let what = || format!("SYNC_BEGIN({key}) on connection {link}");
        let Some(reading) = reading.as_mut().filter(|reading| !reading.has_begun()) else {
            return Err(Rule::AskedFor.broken(what()));
        };
        reading.said = Some(key);
        let holds = reading.dialect != Dialect::V1 || key == reading.begin;
        Rule::WholeSync.demands(holds, what)
    }

    /// A stored message is written: it is the next one that this device gets, in the form that the
    /// dialect of the answer has for it.
    pub(super) fn synced(&mut self, link: usize, queue: usize, head: Head, body: &[u8]) -> Verdict {
        self.within_bounds(link)?;
        while let Some((number, form, row)) = self.next_row(link, queue) {
            let what = || format!("{head:?} of message {number} on connection {link}");
            let Some(form) = form else {
                Rule::OwnLeftOut.demands(row != body, what)?;
                self.within_bounds(link)?;
                continue;
            };
            if form.command != head.command || form.body != body {
                let tail = body.len() >= CHAT && form.body[STAMP..] == body[STAMP..];
                let misread = tail && !self.comes_later(link, queue, body);
                let rule = match (misread, form.command == head.command) {
                    (false, _) => Rule::WholeSync,
                    (true, false) => Rule::Dialect,
                    (true, true) => Rule::Translation,
                };
                return Err(rule.broken(what()));
            }
            Rule::OwnMarked.demands(form.flags & SELF == head.flags & SELF, what)?;
            return Rule::Header.demands(form.flags == head.flags, what);
        }
        Err(Rule::WholeSync.broken(format!("a message too many on connection {link}")))
    }

    /// The next row of an answer: its message, how this device gets it, if it does, and its body.
    fn next_row(&mut self, link: usize, queue: usize) -> Option<(usize, Option<Form>, Bytes)> {
        let reading = self.lines[link].reading.as_ref()?;
        let (row, dialect) = (self.queues[queue].rows.get(reading.next)?, reading.dialect);
        let (number, body) = (row.number, row.body.clone());
        let form = self.form_of(link, number, dialect, &body);
        let reading = self.lines[link].reading.as_mut()?;
        reading.next += 1;
        reading.rows += 1;
        // S12.2
        reading.bytes += form.as_ref().map_or(0, |_| HEADER + body.len());
        Some((number, form, body))
    }

    /// D4.1–D4.4
    fn form_of(&self, link: usize, number: usize, dialect: Dialect, body: &[u8]) -> Option<Form> {
        let message = self.ledger.get(number);
        let own = message.is_own(&self.clients[self.lines[link].seat], &self.clients);
        let mut form = self.form(dialect, (message.command, 0, body), false);
        match (form.command, own) {
            (CUSTOMER_V2, true) => form.flags = SELF,
            (_, true) => return None,
            _ => {}
        }
        Some(form)
    }

    /// Whether it is the body of a later row.
    fn comes_later(&self, link: usize, queue: usize, body: &[u8]) -> bool {
        let Some(reading) = &self.lines[link].reading else { return false };
        self.queues[queue].rows[reading.next..].iter().any(|row| {
            let form = self.form_of(link, row.number, reading.dialect, &row.body);
            form.is_some_and(|form| form.body == body)
        })
    }

    /// S12.1: the row that goes over is the last.
    fn within_bounds(&self, link: usize) -> Verdict {
        let within = |reading| !self.is_full(reading);
        let holds = self.lines[link].reading.as_ref().is_none_or(within);
        Rule::Bounded.demands(holds, || format!("the answer on connection {link} is full"))
    }

    /// Whether the bounds of an answer have been reached.
    fn is_full(&self, reading: &Reading) -> bool {
        reading.rows >= self.terms.rows.max(1) || reading.bytes >= self.terms.bytes.max(1)
    }

    /// SYNC_END is written.
    pub(super) fn ended(&mut self, link: usize, queue: usize, end: i64) -> Verdict {
        // What was left out before the end.
        while let Some(reading) = &self.lines[link].reading {
            let Some(row) = self.queues[queue].rows.get(reading.next) else { break };
            let form = self.form_of(link, row.number, reading.dialect, &row.body);
            if form.is_some() || row.msgid > end || self.is_full(reading) {
                break;
            }
            self.next_row(link, queue);
        }
        let Some(reading) = self.lines[link].reading.take().filter(Reading::has_begun) else {
            return Err(Rule::AskedFor.broken(format!("SYNC_END on connection {link}")));
        };
        let (rows, newest) = (&self.queues[queue].rows, self.queues[queue].newest());
        let Reading { begin, next, due, .. } = reading;
        let goes_on = self.is_full(&reading) && next < rows.len();
        Rule::FreshSync.demands(goes_on || due.is_none_or(|due| end >= due), || {
            format!("SYNC_END({end}) on connection {link} after SYNC_NOTIFY({due:?})")
        })?;
        let mut last = rows[..next].last().map_or(begin, |row| row.msgid.max(begin));
        if reading.dialect != Dialect::V1 {
            // D4.6: who is beyond the end comes back.
            if reading.rows == 0 && begin > 0 && newest > 0 {
                last = last.min(newest);
            }
            // D4.5, S2.2: as sent, only who is beyond the end is told so at the beginning.
            let ends = reading.dialect == Dialect::V2 || reading.rows == 0;
            let key = if ends { end } else { begin };
            let said = reading.said == Some(key);
            Rule::WholeSync.demands(said, || format!("SYNC_BEGIN had not {key}"))?;
        }
        Rule::WholeSync.demands(end == last, || {
            format!("SYNC_END({end}) on connection {link}, which has read to {last}")
        })?;
        let line = &mut self.lines[link];
        line.synced = Some(end);
        line.owed = goes_on.then(|| end.saturating_add(1));
        Ok(())
    }

    /// S12.3: behind an answer that was full comes a SYNC_NOTIFY of the rest, and nothing else.
    pub(super) fn goes_on(&mut self, link: usize, head: Head, body: &[u8]) -> Verdict {
        let Some(owed) = self.lines[link].owed else { return Ok(()) };
        let told = head.command == SYNC_NOTIFY && body.len() == 8 && int64(body) == owed;
        Rule::ToldToGoOn.demands(told, || format!("{head:?} instead of SYNC_NOTIFY({owed})"))
    }
}

impl super::Sent {
    /// S2: sent by this user from this device.
    fn is_own(&self, seat: &Seat, clients: &[Seat]) -> bool {
        self.parties.sender == seat.queue && clients[self.parties.client].device.same(&seat.device)
    }
}
