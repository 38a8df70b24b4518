//! What the server says: every frame, when it is written.

use super::{Judge, Line, Login, Rule, Verdict};
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
        if head.command == wire::AUTH_STATUS {
            return self.answered_login(link, head, body);
        }
        let line = &self.lines[link];
        // W1, W7, S6: only an unpersistent chat message has flags.
        let chat = matches!(head.command, wire::CUSTOMER | wire::CUSTOMER_SUPPORT);
        let flags = if chat { head.flags } else { 0 };
        line.expects(head, line.version, flags)?;
        if head.command == wire::PONG {
            return self.ponged(link, body);
        }
        let Some(queue) = line.online else {
            return Err(Rule::Login.broken(format!("{head:?} before a login")));
        };
        if chat {
            return self.delivered(clock, now, link, queue, head, body);
        }
        let length = if head.command == wire::ACK { 4 } else { 8 };
        Rule::Header.demands(body.len() == length, || format!("{head:?} of {}", body.len()))?;
        match head.command {
            wire::ACK => self.acked(link, int32(body)),
            wire::SYNC_BEGIN => self.began(link, queue, int64(body)),
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
        let Some(Login { client, version }) = login else {
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

    fn acked(&mut self, link: usize, seq: i32) -> Verdict {
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
        message.acked = true;
        let (parties, ids) = (message.parties, message.ids);
        let told = |line: &Line, id| {
            if unpersistent { line.transient == Some(number) } else { line.notified >= Some(id) }
        };
        let receivers = &self.queues[parties.receiver].online;
        let senders = if unpersistent { &[][..] } else { &self.queues[parties.sender].online };
        let all_told = receivers.iter().all(|&other| told(&self.lines[other], ids[0]))
            && senders.iter().all(|&other| other == link || told(&self.lines[other], ids[1]));
        Rule::AckAfterNotify.demands(all_told, what)
    }

    fn notified(&mut self, link: usize, queue: usize, msgid: i64) -> Verdict {
        let what = || format!("SYNC_NOTIFY({msgid}) on connection {link}");
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
        clock: &Clock,
        now: u64,
        link: usize,
        queue: usize,
        head: Head,
        body: &[u8],
    ) -> Verdict {
        let number = self.recognize(clock, now, head.command, body)?;
        let message = self.ledger.get(number);
        let parties = message.parties;
        let unpersistent = message.is_unpersistent();
        let party = queue == parties.receiver || (queue == parties.sender && !unpersistent);
        Rule::PartiesOnly.demands(party, || format!("message {number} on connection {link}"))?;
        // S6, W8
        let flags = if unpersistent { message.flags } else { 0 };
        Rule::Header.demands(head.flags == flags, || format!("{head:?} of message {number}"))?;
        if unpersistent {
            self.lines[link].transient = Some(number);
            return Ok(());
        }
        self.synced(link, queue, body)
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
    fn expects(&self, head: Head, version: u8, flags: u8) -> Verdict {
        let expected = Head { seq: self.written, command: head.command, version, flags, last: 0 };
        Rule::Header.demands(head == expected, || format!("{head:?} instead of {expected:?}"))
    }
}
