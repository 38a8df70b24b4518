//! What the server says: every frame, when it is written.

use super::{Dialect, Judge, Keys, Line, Login, Reading, Rule, Sent, Verdict};
use crate::cast::User;
use crate::clock::Clock;
use crate::wire::{self, Head, int32, int64};

impl Judge {
    /// The host writes these bytes to a connection, in one piece.
    pub(crate) fn wrote(&mut self, clock: &Clock, now: u64, link: usize, bytes: &[u8]) -> Verdict {
        let head = match Head::read(bytes) {
            Some((head, end)) if end == bytes.len() => head,
            _ => return Err(Rule::Header.broken("not one whole frame (S8)")),
        };
        let body = &bytes[wire::HEADER..];
        self.lines[link].written += 1;
        self.goes_on(link, head, body)?;
        if head.command == wire::AUTH_STATUS {
            return self.answered_login(link, head, body);
        }
        let line = &self.lines[link];
        // W1, W7, S6: only a chat message has flags.
        let chat = wire::is_chat(head.command);
        let flags = if chat { head.flags } else { 0 };
        line.expects(head, line.version, flags)?;
        let keys = self.paired(link, head, body)?;
        if head.command == wire::PONG {
            return self.ponged(link, body);
        }
        let line = &self.lines[link];
        let Some(queue) = line.online else {
            return Err(Rule::Login.broken(format!("{head:?} before a login")));
        };
        if let (wire::CUSTOMER_V2, Some(keys)) = (head.command, keys) {
            return self.copied((clock, now), (link, queue), (head, body), keys);
        }
        if chat {
            return self.delivered((clock, now), (link, queue), (head, body));
        }
        let length = match head.command {
            // W3.5
            wire::ACK => 4 + usize::from(line.version >= 2),
            wire::METADATA => 32,
            _ => 8,
        };
        Rule::Header.demands(body.len() == length, || format!("{head:?} of {}", body.len()))?;
        match head.command {
            wire::METADATA => Ok(()),
            wire::ACK => self.acked(link, body, keys),
            wire::SYNC_BEGIN => self.began(link, int64(body)),
            wire::SYNC_END => self.ended(link, queue, int64(body)),
            wire::SYNC_NOTIFY => self.notified(link, queue, int64(body)),
            _ => Err(Rule::Header.broken(format!("{head:?} is not for a server to say"))),
        }
    }

    /// S1
    fn answered_login(&mut self, link: usize, head: Head, body: &[u8]) -> Verdict {
        let line = &mut self.lines[link];
        let what = || format!("{head:?} with {body:?} on connection {link}");
        let Some(login) = line.logins.pop_front() else {
            return Err(Rule::AskedFor.broken(what()));
        };
        Rule::Login.demands(line.online.is_none(), what)?;
        let Some(Login { client, version, last }) = login else {
            Rule::Login.demands(body == [0, 0, 0, 1, 0, 0, 0, 0], what)?;
            return line.expects(head, 0, 0);
        };
        line.version = version;
        line.seat = client;
        line.expects(head, version, 0)?;
        let length = if version == 0 { 8 } else { 4 };
        Rule::Login.demands(body.len() == length && int32(body) == 0, what)?;
        let queue = self.clients[client].queue;
        line.online = Some(queue);
        self.lines[link].dialect = self.dialect_of_login(client, version, last);
        self.queues[queue].online.push(link);
        Ok(())
    }

    /// S4
    fn ponged(&mut self, link: usize, body: &[u8]) -> Verdict {
        let pings = &mut self.lines[link].pings;
        let asked = *pings > 0 && body.is_empty();
        Rule::AskedFor.demands(asked, || format!("PONG on connection {link}"))?;
        *pings -= 1;
        Ok(())
    }

    fn acked(&mut self, link: usize, body: &[u8], keys: Option<Keys>) -> Verdict {
        let (seq, status) = (int32(body), body.get(4).copied().unwrap_or(0));
        let pending = &mut self.lines[link].pending;
        let Some(index) = pending.iter().position(|&(known, _)| known == seq) else {
            return Err(Rule::AskedFor.broken(format!("ACK({seq}) on connection {link}")));
        };
        let (_, number) = pending.remove(index);
        let message = self.ledger.get_mut(number);
        let what = || format!("ACK of message {number}");
        Rule::RefusedIsNothing.demands(!message.refused, what)?;
        let unpersistent = message.is_unpersistent();
        Rule::AckAfterSaves.demands(unpersistent || message.is_saved(), what)?;
        Rule::AskedFor.demands(status == 0, || format!("{} has status {status}", what()))?;
        message.acked = true;
        let parties = message.parties;
        let message = self.ledger.get(number);
        if let Some(keys) = keys {
            Rule::Pair.demands(message.is_v2(), what)?;
            self.continues(parties.sender, number, keys)?;
        } else {
            let plain = !message.is_v2() || !message.continues[1];
            Rule::Pair.demands(plain || !self.lines[link].knows_pairs(), what)?;
        }
        let receivers = &self.queues[parties.receiver].online;
        let senders =
            if message.is_unpersistent() { &[][..] } else { &self.queues[parties.sender].online };
        let receivers = receivers.iter().map(|other| (other, 0));
        let others = senders.iter().filter(|&&other| other != link).map(|other| (other, 1));
        for (&other, copy) in receivers.chain(others) {
            let line = &self.lines[other];
            Rule::AckAfterCopy.demands(line.has_copy(message, number, copy), what)?;
            Rule::AckAfterNotify.demands(line.is_told(message, number, copy), what)?;
        }
        Ok(())
    }

    fn notified(&mut self, link: usize, queue: usize, msgid: i64) -> Verdict {
        let what = || format!("SYNC_NOTIFY({msgid}) on connection {link}");
        let line = &mut self.lines[link];
        if line.owed.take() == Some(msgid) {
            // S12.4: by a live copy the client may be beyond it.
            line.is_behind = !line.has_copies;
            return Ok(());
        }
        Rule::HeldBack.demands(!line.is_behind, what)?;
        let Some(row) = self.queues[queue].row(msgid) else {
            return Err(Rule::NotifiedIsReadable.broken(what()));
        };
        Rule::NotifyAfterSaves.demands(self.ledger.get(row.number).is_saved(), what)?;
        let notified = &mut self.lines[link].notified;
        *notified = Some(msgid).max(*notified);
        Ok(())
    }

    /// A chat message is written: to its receiver if it is unpersistent (H6), otherwise in a sync
    /// (S2).
    fn delivered(
        &mut self,
        (clock, now): (&Clock, u64),
        (link, queue): (usize, usize),
        (head, body): (Head, &[u8]),
    ) -> Verdict {
        if self.lines[link].reading.as_ref().is_some_and(Reading::has_begun)
            && !self.is_transient(head.command, body)
        {
            return self.synced(link, queue, head, body);
        }
        let found = self.ledger.find(head.command, body);
        let Some(number) = found.filter(|_| body.len() >= wire::CHAT) else {
            return Err(Rule::SameBytes.broken("a message that nobody has said"));
        };
        let message = self.ledger.get(number);
        let what = || format!("{head:?} of message {number} on connection {link}");
        if !message.is_unpersistent() {
            return Err(Rule::WholeSync.broken(format!("{} outside of a sync", what())));
        }
        // H6.1, D3.4: but for the form, it is what was said.
        let stamp = &body[wire::STAMP..wire::CHAT];
        let said = [&message.head, stamp, &message.content].concat();
        self.recognize(clock, now, message.command, &said)?;
        Rule::PartiesOnly.demands(queue == message.parties.receiver, what)?;
        let dialect = self.lines[link].dialect;
        let form = self.form(dialect, (message.command, message.flags, &said), true);
        Rule::Dialect.demands(form.command == head.command, what)?;
        Rule::Header.demands(form.flags == head.flags, what)?;
        let same = form.body[..wire::CHAT] == body[..wire::CHAT];
        let rule =
            if message.command == head.command { Rule::SameBytes } else { Rule::Translation };
        rule.demands(same, what)?;
        Rule::SameBytes.demands(form.body == body, what)?;
        self.lines[link].transient = Some(number);
        Ok(())
    }

    /// Whether a body is that of an unpersistent message.
    fn is_transient(&self, command: u8, body: &[u8]) -> bool {
        let number = self.ledger.find(command, body);
        number.is_some_and(|number| self.ledger.get(number).is_unpersistent())
    }

    /// The host hands a message to the push service.
    pub(crate) fn pushed(
        &mut self,
        clock: &Clock,
        now: u64,
        to: User,
        command: u8,
        body: &[u8],
    ) -> Verdict {
        let number = self.recognize(clock, now, command, body)?;
        let message = self.ledger.get(number);
        let what = || format!("push of message {number} to {to:?}");
        let receiver = self.queues[message.parties.receiver].user;
        Rule::PartiesOnly.demands(to == receiver, what)?;
        Rule::PushAfterSaves.demands(message.is_saved(), what)
    }

    /// The host is handed a command that is not the protocol's (W3.4).
    pub(crate) fn got_unlisted(&mut self, link: usize, command: u8, body: &[u8]) -> Verdict {
        let expected = self.lines[link].unlisted.pop_front();
        let came = [&[command], body].concat();
        let what = || format!("{came:?} on connection {link} for {expected:?}");
        Rule::Unlisted.demands(expected.as_ref() == Some(&came), what)
    }
}

impl Line {
    /// D3.1–D3.3
    pub(super) fn knows_pairs(&self) -> bool {
        self.dialect != Dialect::V1
    }

    /// H14: whether the live copy has come for which the store knew enough.
    fn has_copy(&self, message: &Sent, number: usize, copy: usize) -> bool {
        let goes_out = message.is_v2() && message.continues[copy] && self.knows_pairs();
        !goes_out || self.copied == Some(number)
    }

    /// H6, H7: whether the message has come, or the notify of its copy. Who has to ask anyway is not
    /// told (S12.4).
    fn is_told(&self, message: &Sent, number: usize, copy: usize) -> bool {
        if message.is_unpersistent() {
            return self.transient == Some(number);
        }
        let asks_on = self.is_behind || self.owed.is_some();
        asks_on || self.notified >= Some(message.ids[copy])
    }

    fn expects(&self, head: Head, version: u8, flags: u8) -> Verdict {
        let expected = Head { seq: self.written, command: head.command, version, flags, last: 0 };
        Rule::Header.demands(head == expected, || format!("{head:?} instead of {expected:?}"))
    }
}
