//! The answer to a SYNC: where it begins, row by row, and where it ends (S2, S12, D4).

use std::format;
use std::vec::Vec;

use super::event::ConnectionId;
use super::form::{Dialects, Form};
use super::ledger::Message;
use super::line::{Line, Online, Pending, Sent, Session};
use super::queue::{Queue, Row};
use super::reading::{Chain, Ended, Reader, Reading, Start};
use super::state::{State, Verdict, demand};
use super::violation::Violation;
use super::wire::{CHAT, Chat, HEADER, Head, command, command::CUSTOMER_V2, flag::SELF};
use super::wrote::name;
use crate::dialect::Dialect;
use crate::id::Account;

impl State {
    /// Inside: the host begins to answer a SYNC, from the key that it keeps or another (S2.1).
    pub(super) fn syncing(&mut self, line: &mut Line, kept: i64) -> Verdict {
        let first = line.pending.iter().find_map(|pending| match pending.what {
            Sent::Sync { key, wanted, .. } => Some((key, wanted)),
            _ => None,
        });
        let Some(((key, wanted), account)) = first.zip(line.account()) else { return Ok(()) };
        if key == 0 && line.synced.is_none() {
            self.was_kept(line.id, account, kept, wanted)?;
        }
        let (due, dialects) = (self.queue(account).due, line.dialects());
        line.is_behind = false;
        line.start = Some(Start { kept, due, dialects, at: self.now.number });
        Ok(())
    }

    /// S3.1: the greatest key is kept, and none that nobody has wanted kept.
    fn was_kept(
        &mut self,
        connection: ConnectionId,
        account: Account,
        kept: i64,
        wanted: i64,
    ) -> Verdict {
        let begins_empty = self.terms.begins_empty;
        let queue = self.queue(account);
        let greatest = queue.began.max(wanted);
        let is_made_up = begins_empty && queue.keys.len() < 4_096 && !queue.keys.contains(&kept);
        if kept >= greatest {
            queue.began = kept;
            queue.keys.retain(|key| *key >= kept);
        }
        demand(kept >= greatest && !is_made_up, || {
            let what = format!("SYNC 0 on {connection} begins at {kept}; {greatest} is to be kept");
            self.breaks("S3.1", what, &[])
        })
    }

    /// The key that must be kept, if there is only one that can be.
    fn only_kept(&self, account: Account, wanted: i64) -> Option<i64> {
        let queue = self.queue_of(account);
        let least = queue.began.max(wanted);
        (self.terms.begins_empty && queue.wanted <= least).then_some(least)
    }

    /// SYNC_BEGIN is written: with the key where the answer begins, or in V2 where it ends.
    pub(super) fn began(&mut self, line: &mut Line, session: &Session, said: i64) -> Verdict {
        let connection = line.id;
        demand(line.reading.is_none(), || {
            let what = format!("SYNC_BEGIN {said} on {connection} inside of an answer");
            self.breaks("S12.5", what, &[])
        })?;
        let asked = self.answers(line, |it| matches!(it.what, Sent::Sync { .. }))?;
        let Some(Pending { sent, what: Sent::Sync { key, wanted, due, dialects } }) = asked else {
            let what = format!("SYNC_BEGIN {said} on {connection}, where no SYNC waits for it");
            return Err(self.breaks("S2.2", what, &[]));
        };
        let start = line.start.take();
        let dialects = start.map_or(dialects.or(line.dialects()), |start| start.dialects);
        let due = start.map_or(due, |start| start.due);
        let v1 = dialects == Dialects::only(Dialect::V1);
        let only = self.only_kept(session.account, wanted);
        let begin = match (key, line.synced, start) {
            // S2.9
            (0, Some(synced), _) => Some(synced),
            (0, None, Some(start)) => Some(start.kept),
            (0, None, None) if v1 => {
                self.was_kept(connection, session.account, said, wanted)?;
                Some(said)
            }
            (0, None, None) => only,
            _ => Some(key),
        };
        demand(!v1 || begin == Some(said), || {
            let what = format!("SYNC_BEGIN {said} on {connection} for a SYNC from {begin:?}");
            self.breaks("S2.2", what, &[sent])
        })?;
        let queue = self.queue(session.account);
        let next = begin
            .map(|begin| queue.after(begin))
            .filter(|_| begin.is_some_and(|begin| begin.max(0) >= queue.unknown));
        let exact = self.sees_store;
        let reader = |dialect| Reader { dialect, next, rows: 0, bytes: 0 };
        // S2.2
        let fits = |dialect: &Dialect| *dialect != Dialect::V1 || begin.is_none_or(|it| it == said);
        let readers = dialects.iter().filter(fits).map(reader).collect();
        self.chains(line, begin);
        // In V2 it has begun before SYNC_BEGIN, which carries the key of the end (D4.5).
        line.answered_since = start.map_or(sent.number, |start| start.at);
        line.is_behind = false;
        line.reading = Some(Reading { asked: sent, begin, said, due, exact, readers });
        Ok(())
    }

    /// Where the store is not seen, one answer goes on where the last one ended.
    fn chains(&mut self, line: &mut Line, begin: Option<i64>) {
        if begin.is_some() && line.synced == begin {
            return;
        }
        let before = line.account().map_or(0, |account| self.queue(account).acked_before);
        line.chain =
            Chain { begin: begin.unwrap_or(i64::MAX), checked: before, ..Chain::default() };
    }

    /// A stored message is written: the next one that this device gets.
    pub(super) fn synced(
        &mut self,
        line: &mut Line,
        session: &Session,
        (head, chat): (Head, &Chat<'_>),
    ) -> Verdict {
        let Some(mut reading) = line.reading.take() else {
            let what = format!("{} on {} outside of a sync", name(head), line.id);
            return Err(self.breaks("S2.2", what, &[]));
        };
        let verdict = if reading.exact {
            self.reads(line.id, session, &mut reading, (head, chat))
        } else {
            self.reads_unseen(line, session, &mut reading, (head, chat))
        };
        line.reading = Some(reading);
        verdict
    }

    /// In each of the dialects that it may have begun in. Those that do not fit are out.
    fn reads(
        &mut self,
        connection: ConnectionId,
        session: &Session,
        reading: &mut Reading,
        frame: (Head, &Chat<'_>),
    ) -> Verdict {
        let mut first = None;
        let asked = reading.asked;
        let mut readers = core::mem::take(&mut reading.readers);
        readers.retain_mut(|reader| match self.reads_row(session, reader, frame) {
            Ok(()) => true,
            Err((rule, what)) => {
                let what = format!("{what}: {} on {connection}", name(frame.0));
                first = first.take().or_else(|| Some(self.breaks(rule, what, &[asked])));
                false
            }
        });
        reading.readers = readers;
        match first.filter(|_| reading.readers.is_empty()) {
            Some(violation) => Err(violation),
            None => Ok(()),
        }
    }

    /// The next row that is not left out is this frame.
    fn reads_row(
        &self,
        session: &Session,
        reader: &mut Reader,
        (head, chat): (Head, &Chat<'_>),
    ) -> Result<(), (&'static str, &'static str)> {
        let queue = self.queue_of(session.account);
        loop {
            if self.is_full(reader) {
                return Err(("S12.1", "the answer is full"));
            }
            let place = reader.next.or_else(|| self.place_of(queue, chat));
            let Some(place) = place else {
                // Older than what is remembered.
                reader.rows += 1;
                reader.bytes += HEADER + CHAT + chat.content.len();
                return Ok(());
            };
            let Some(row) = queue.at(place) else {
                return Err(("S2.3", "a message too many"));
            };
            let message = &self.ledger[row.message];
            (reader.next, reader.rows) = (Some(place + 1), reader.rows + 1);
            let own = is_own(session, row, message);
            // With other parties it is found nowhere, but it is this row, in a wrong form.
            let same =
                row.content == chat.hash && self.find(chat).is_none_or(|(id, _)| id == row.message);
            let form = form(row, message);
            let leaves_out = Self::leaves_out(form, reader.dialect, self.kefu_app);
            if leaves_out && own != Some(false) {
                // S2.7, S12.2
                match (own, same && !self.comes_later(queue, place + 1, chat)) {
                    (Some(_), true) => return Err((own_rule(form), "its own message comes back")),
                    (None, true) => {}
                    _ => continue,
                }
            }
            reader.bytes += HEADER + CHAT + chat.content.len();
            return if same {
                self.is_row((row, form, own), reader.dialect, (head, chat))
            } else if self.comes_later(queue, place + 1, chat) {
                Err(("S2.3", "a message is skipped"))
            } else if self.find(chat).is_none() {
                Err(("W4.2", "a message that nobody has sent like this"))
            } else {
                Err(("S2.3", "a message that does not come next in the queue"))
            };
        }
    }

    /// A row is written as it must be.
    fn is_row(
        &self,
        (row, form, own): (&Row, Form, Option<bool>),
        dialect: Dialect,
        (head, chat): (Head, &Chat<'_>),
    ) -> Result<(), (&'static str, &'static str)> {
        let fits = self.fits(form, dialect, (head, chat), false);
        fits.map_err(|rule| (rule, "a message in another form than its row"))?;
        if row.stamp != chat.stamp {
            return Err(("D2.5", "a message with another time than its row"));
        }
        // D4.2, D4.3: a CUSTOMER_V2 of this device says so.
        let is_marked = head.flags & SELF != 0;
        let must = own.map(|own| own && head.command == CUSTOMER_V2);
        if must.is_some_and(|must| must != is_marked) {
            return Err(("D4.3", "SELF is wrong"));
        }
        if head.flags & !SELF != 0 {
            return Err(("S6.1", "a synced message has other flags than SELF"));
        }
        Ok(())
    }

    /// S2.5, S2.6: whether a device does not get its own message in this dialect.
    fn leaves_out(form: Form, dialect: Dialect, kefu_app: i64) -> bool {
        let any = |_, _| super::form::Shop::Any;
        form.translated(dialect, kefu_app, any).0.command != CUSTOMER_V2
    }

    /// Where in the queue a message stands.
    fn place_of(&self, queue: &Queue, chat: &Chat<'_>) -> Option<usize> {
        let (id, message) = self.find(chat)?;
        let mut places =
            message.msgids.map(|msgid| queue.after(msgid.saturating_sub(1))).into_iter();
        places.find(|place| queue.at(*place).is_some_and(|row| row.message == id))
    }

    fn comes_later(&self, queue: &Queue, from: usize, chat: &Chat<'_>) -> bool {
        let id = self.find(chat).map(|(id, _)| id);
        let mut rows = (from..queue.end()).filter_map(|place| queue.at(place));
        rows.any(|row| Some(row.message) == id)
    }

    /// S12.1: whether the bounds of an answer have been reached.
    fn is_full(&self, reader: &Reader) -> bool {
        self.terms.sync_bounds.is_some_and(|bounds| {
            reader.rows >= bounds.rows.max(1) || reader.bytes >= bounds.bytes.max(1)
        })
    }

    /// SYNC_END is written.
    pub(super) fn ended(&mut self, line: &mut Line, session: &Session, end: i64) -> Verdict {
        let connection = line.id;
        let Some(reading) = line.reading.take() else {
            let what = format!("SYNC_END {end} on {connection} without SYNC_BEGIN");
            return Err(self.breaks("S2.2", what, &[]));
        };
        if reading.exact {
            let goes_on = self.ends(connection, session, &reading, end)?;
            line.owed = goes_on.then(|| end.saturating_add(1));
        } else {
            self.ends_unseen(line, &reading, end)?;
        }
        line.synced = Some(end);
        let queue = self.queue(session.account);
        queue.newest = queue.newest.max(end);
        Ok(())
    }

    /// In one of the dialects it ends where it must. Returns whether the queue goes on.
    fn ends(
        &self,
        connection: ConnectionId,
        session: &Session,
        reading: &Reading,
        end: i64,
    ) -> Result<bool, Violation> {
        let mut first = None;
        for reader in &reading.readers {
            match self.ends_here(session, reading, *reader, end) {
                Ok(goes_on) => return Ok(goes_on),
                Err((rule, what)) => first = first.or(Some((rule, what))),
            }
        }
        let (rule, what) = first.unwrap_or(("S2.4", "nobody reads it"));
        let what = format!("SYNC_END {end} on {connection}: {what}");
        Err(self.breaks(rule, what, &[reading.asked]))
    }

    fn ends_here(
        &self,
        session: &Session,
        reading: &Reading,
        mut reader: Reader,
        end: i64,
    ) -> Result<bool, (&'static str, &'static str)> {
        let queue = self.queue_of(session.account);
        self.passes_own(queue, session, &mut reader, end);
        let newest = queue.last().map_or(0, |row| row.msgid);
        let place = match (reader.next, reading.begin) {
            (Some(place), _) => place,
            // All that came is older than what is remembered, or nothing has come.
            (None, Some(_)) => return Ok(end < queue.unknown),
            (None, None) => queue.after(end),
        };
        let is_full = self.is_full(&reader) || self.terms.sync_bounds.is_none();
        let goes_on = is_full && place < queue.end() && reader.rows > 0;
        if !goes_on && end.max(0) < reading.due {
            return Err(("S2.3", "what was notified or acknowledged before is missing"));
        }
        let begin = reading.begin.unwrap_or(end);
        let mut last = queue.before(place).map_or(begin, |row| row.msgid.max(begin));
        if reader.dialect != Dialect::V1 {
            // D4.6: who is beyond the end comes back.
            if reader.rows == 0 && begin > 0 && newest > 0 {
                last = last.min(newest);
            }
            // D4.5, S2.2: as sent, only who is beyond the end is told so at the beginning.
            let ends = reader.dialect == Dialect::V2 || reader.rows == 0;
            let key = if ends { end } else { begin };
            if reading.said != key {
                return Err(("D4.5", "SYNC_BEGIN had another key"));
            }
        }
        if end == last { Ok(goes_on) } else { Err(("S2.4", "not where the answer has come to")) }
    }

    /// Rows before the end that this device does not get.
    fn passes_own(&self, queue: &Queue, session: &Session, reader: &mut Reader, end: i64) {
        while let Some(row) = reader.next.and_then(|place| queue.at(place)) {
            let message = &self.ledger[row.message];
            let own = is_own(session, row, message) != Some(false);
            let out = Self::leaves_out(form(row, message), reader.dialect, self.kefu_app);
            if !own || !out || row.msgid > end || self.is_full(reader) {
                return;
            }
            reader.next = reader.next.map(|place| place + 1);
            reader.rows += 1;
        }
    }

    /// Where the store is not seen: it is a message of this queue, once, in its sender's order.
    fn reads_unseen(
        &mut self,
        line: &mut Line,
        session: &Session,
        reading: &mut Reading,
        (head, chat): (Head, &Chat<'_>),
    ) -> Verdict {
        let connection = line.id;
        let asked = reading.asked;
        let sees_all = self.terms.begins_empty && self.terms.sees_everybody;
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
            let fits = forms.iter().any(|form| {
                if own == Some(true) && Self::leaves_out(*form, reader.dialect, self.kefu_app) {
                    wrong = (own_rule(*form), "its own message comes back");
                    return false;
                }
                let row = Row::unseen(id, chat);
                let fits = self.is_row((&row, *form, own), reader.dialect, (head, chat));
                wrong = fits.err().unwrap_or(wrong);
                fits.is_ok()
            });
            fits
        });
        if reading.readers.is_empty() {
            return breaks(wrong.0, wrong.1);
        }
        let once = message.tries == 1 && message.parties.sender != message.parties.receiver;
        if !line.chain.seen.insert(id) && once {
            return breaks("S2.3", "a message that has come already");
        }
        if let super::ledger::Order::On { connection: from, first, last } = message.order {
            let latest = line.chain.order.entry(from).or_insert(first);
            let holds = last >= *latest;
            *latest = first.max(*latest);
            if !holds {
                return breaks("S11.1", "a message behind a later one of its sender");
            }
        }
        Ok(())
    }

    fn ends_unseen(&mut self, line: &mut Line, reading: &Reading, end: i64) -> Verdict {
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
            line.chain.begin = if said == end { end } else { said };
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

/// Whether this device has stored the row (S2.5, S2.6); `None` if that is not known.
fn is_own(session: &Session, row: &Row, message: &Message) -> Option<bool> {
    if message.parties.sender != session.account {
        return Some(false);
    }
    row.device.map(|device| device == session.device)
}

/// The form in which a row was said.
fn form(row: &Row, message: &Message) -> Form {
    let (sender, receiver) = (message.parties.sender, message.parties.receiver);
    let [a, b] = [sender.appid.0, sender.uid.0];
    let [c, d] = [receiver.appid.0, receiver.uid.0];
    let ids = match row.command {
        command::CUSTOMER => [a, b, row.store, d],
        command::CUSTOMER_SUPPORT => [c, d, row.store, b],
        _ => [a, b, c, d],
    };
    Form { command: row.command, flags: 0, ids }
}

const fn own_rule(form: Form) -> &'static str {
    if form.command == command::CUSTOMER_SUPPORT { "S2.6" } else { "S2.5" }
}

impl Row {
    /// What came, taken for a row.
    fn unseen(message: super::ledger::MessageId, chat: &Chat<'_>) -> Self {
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
