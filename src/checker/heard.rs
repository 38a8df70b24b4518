//! What clients say: frame by frame, as the server is going to handle it.

use std::boxed::Box;
use std::format;

use super::event::{ConnectionId, ServerId};
use super::form::{Dialects, refusal, shown};
use super::hash::hash;
use super::ledger::{Message, MessageId, form_of};
use super::line::{Attempt, Line, Pending, Sent, Session};
use super::state::{State, Verdict, demand};
use super::violation::Seen;
use super::wire::{AuthToken, Chat, Frame, command, flag, int64};
use crate::id::{Account, AppId, Seq, UserId};
use crate::wire::Command;

impl State {
    pub(super) fn opened(&mut self, connection: ConnectionId, server: ServerId) {
        self.has_many_servers |= self.server.replace(server).is_some_and(|other| other != server);
        let line = Line { server, ..Line::default() };
        self.lines.insert(connection, Some(Box::new(line)));
    }

    pub(super) fn closed(&mut self, connection: ConnectionId) {
        let Some(line) = self.lines.remove(&connection).flatten() else { return };
        for pending in &line.pending {
            self.will_not_answer(pending);
        }
        if let Some(queue) = line.account().and_then(|account| self.queues.get_mut(&account)) {
            queue.online.retain(|other| *other != connection);
        }
    }

    /// Nothing more can come of this on its connection.
    pub(super) fn will_not_answer(&mut self, pending: &Pending) {
        if let Sent::Chat(Attempt { message, refused: None, .. }) = pending.what
            && let Some(message) = self.ledger.get_mut(message)
        {
            message.pending = message.pending.saturating_sub(1);
        }
    }

    /// Bytes of a client.
    pub(super) fn sent(&mut self, connection: ConnectionId, bytes: &[u8]) {
        let Some(line) = self.line_mut(connection) else { return };
        line.sees_sent = true;
        let kept = core::mem::take(&mut line.from_client);
        let joined;
        let mut rest = if kept.is_empty() {
            bytes
        } else {
            joined = [&kept, bytes].concat();
            &joined
        };
        loop {
            match Frame::take(&mut rest) {
                Ok(Some(frame)) if !frame.is_malformed() => self.heard(connection, frame),
                Ok(None) => break,
                Ok(Some(_)) | Err(_) => {
                    if let Some(line) = self.line_mut(connection) {
                        line.is_broken = true;
                    }
                    return;
                }
            }
        }
        if let Some(line) = self.line_mut(connection).filter(|line| !line.is_broken) {
            line.from_client.extend_from_slice(rest);
        }
    }

    fn heard(&mut self, connection: ConnectionId, frame: Frame<'_>) {
        let Frame { head, body } = frame;
        self.now.what = Seen::Sent(connection, Command(head.command), Seq(head.seq));
        let sent = self.now;
        if let Some(chat) = frame.chat() {
            self.said(connection, (Some(head.seq), head.flags), &chat);
            return;
        }
        let what = match head.command {
            command::AUTH_TOKEN => self.knocks(connection, frame),
            command::PING => Some(Sent::Ping),
            command::SYNC => self.asks(connection, int64(body)),
            command::SYNC_KEY => {
                self.wants(connection, int64(body));
                None
            }
            _ => self.says_unlisted(connection, frame),
        };
        let line = self.line_mut(connection).filter(|line| !line.is_broken);
        if let (Some(line), Some(what)) = (line, what) {
            line.pending.push_back(Pending { sent, what });
        }
    }

    /// S1
    fn knocks(&mut self, connection: ConnectionId, frame: Frame<'_>) -> Option<Sent> {
        let AuthToken { platform, token, device } = AuthToken::read(frame.body)?;
        let account = self.tokens.get(&hash(token)).copied();
        let nobody = |it: &Account| it.appid == AppId(0) || it.uid == UserId(0);
        // H12.1, S1.5
        let account = account.filter(|account| !nobody(account));
        let chooses = self.terms.chooses_dialects;
        let line = self.line_mut(connection)?;
        // S1.7
        if line.session.is_some() {
            return None;
        }
        let version = frame.head.version;
        let dialects = Dialects::of_login(version, platform, frame.head.last);
        let dialects = if chooses { Dialects::ANY } else { dialects };
        let device = device_of(platform, device);
        let session =
            account.map(|account| Session { account, version, platform, device, dialects });
        line.session = session;
        Some(Sent::Login(session))
    }

    /// S2: what a session asks that is not logged in is ignored (S1.1).
    fn asks(&mut self, connection: ConnectionId, key: i64) -> Option<Sent> {
        let line = self.line(connection)?;
        let account = line.session?.account;
        let dialects = line.session.filter(|_| line.online.is_none());
        let dialects = dialects.map_or_else(|| line.dialects(), |session| session.dialects);
        let wanted = line.wanted;
        let due = self.queues.get(&account).map_or(0, |queue| queue.due);
        Some(Sent::Sync { key, wanted, due, dialects })
    }

    /// S3
    fn wants(&mut self, connection: ConnectionId, key: i64) {
        let Some(line) = self.line_mut(connection).filter(|line| !line.is_broken) else { return };
        let Some(Session { account, .. }) = line.session.filter(|_| key > 0) else { return };
        line.wanted = line.wanted.max(key);
        let queue = self.queue(account);
        // A client that makes keys up is not followed for ever.
        if queue.keys.len() < 4_096 {
            queue.keys.insert(key);
        }
        queue.wanted = queue.wanted.max(key);
    }

    /// W3.4
    fn says_unlisted(&self, connection: ConnectionId, frame: Frame<'_>) -> Option<Sent> {
        let is_listed = matches!(
            frame.head.command,
            command::AUTH_STATUS..=command::ACK
                | command::PING..=command::AUTH_TOKEN
                | command::CUSTOMER..=command::SYNC_NOTIFY
                | command::SYNC_KEY
                | command::METADATA
                | command::CUSTOMER_V2
        ) && frame.head.command != 4;
        let is_live = !is_listed && self.line(connection)?.session.is_some();
        is_live.then(|| Sent::Unlisted(hash((frame.head.command, frame.body))))
    }

    /// A chat message: it is to be handled, or refused, or ignored.
    fn said(&mut self, connection: ConnectionId, (seq, flags): (Option<i32>, u8), chat: &Chat<'_>) {
        let Some(line) = self.line_mut(connection) else { return };
        line.said += 1;
        let (session, is_broken, place) = (line.session, line.is_broken, line.said);
        let dead = match session {
            _ if is_broken => Some("S7.1"),
            None => Some("S1.1"),
            Some(session) => refusal(chat, session.account, self.kefu_app),
        };
        let message = self.told(chat, flags, dead);
        let is_ignored = is_broken || session.is_none();
        let Some(session) = session.filter(|_| !is_ignored) else { return };
        let attempt = attempt((seq, flags), message, chat, dead);
        if dead.is_none() {
            self.tries(connection, message, place, session.device);
            if !attempt.is_unpersistent {
                self.is_addressed(connection, message);
            }
        }
        let sent = self.now;
        if let Some(line) = self.line_mut(connection) {
            line.pending.push_back(Pending { sent, what: Sent::Chat(attempt) });
        }
    }

    /// The message in the ledger, from now on.
    fn told(&mut self, chat: &Chat<'_>, flags: u8, dead: Option<&'static str>) -> MessageId {
        let (parties, key, marked) = self.key(chat);
        let id = self.ledger.find(key).unwrap_or_else(|| {
            let mut message = Message::new(parties, marked, self.now, self.clock.now());
            message.dead = dead;
            let newest = |account| self.queues.get(&account).map_or(0, |queue| queue.newest);
            message.above = [newest(parties.receiver), newest(parties.sender)];
            self.ledger.add(key, message)
        });
        if let Some(message) = self.ledger.get_mut(id) {
            message.add_variant(form_of(chat, flags), hash(chat.content));
        }
        self.ledger.forget(self.terms.memory);
        id
    }

    fn tries(&mut self, connection: ConnectionId, id: MessageId, place: u64, device: u64) {
        let (now, time) = (self.now, self.clock.now());
        let Some(message) = self.ledger.get_mut(id) else { return };
        let (parties, again) = (message.parties, message.tries > 0);
        // Until now it was refused or ignored.
        if message.tries == 0 {
            (message.said, message.since) = (now, time);
        }
        message.tried(connection, place, device);
        for account in [parties.receiver, parties.sender].into_iter().filter(|_| again) {
            self.queue(account).has_repeats = true;
        }
    }

    /// A persistent message is on its way to both queues.
    fn is_addressed(&mut self, connection: ConnectionId, id: MessageId) {
        let Some(parties) = self.ledger.get(id).map(|message| message.parties) else { return };
        self.queue(parties.receiver).addressed += 1;
        if parties.sender != parties.receiver {
            self.queue(parties.sender).addressed += 1;
            if let Some(line) = self.line_mut(connection) {
                line.credit.own += 1;
            }
        }
    }

    /// Inside: the host takes a message.
    pub(super) fn came(
        &mut self,
        connection: ConnectionId,
        (seq, flags): (Option<i32>, u8),
        chat: &Chat<'_>,
    ) -> Verdict {
        let Some(line) = self.line(connection) else { return Ok(()) };
        if !line.sees_sent {
            self.said(connection, (seq, flags), chat);
        }
        let id = self.find(chat).map(|(id, _)| id);
        let Some(line) = self.line_mut(connection) else { return Ok(()) };
        line.sees_inside = true;
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
        let told = untold.is_none() || !self.terms.remembers_dialects;
        demand(told, || {
            let what = format!("the host goes on with {connection} and has not kept {untold:?}");
            self.breaks("D1.8", what, &[])
        })
    }

    /// Inside: a login is accepted.
    pub(super) fn logged_in(
        &mut self,
        connection: ConnectionId,
        account: Account,
        device_id: i64,
        dialects: Dialects,
    ) -> Verdict {
        let Some(line) = self.line(connection) else { return Ok(()) };
        let expected = line.pending.iter().find_map(|pending| match pending.what {
            Sent::Login(session) => Some((session, pending.sent)),
            _ => None,
        });
        let sees_sent = line.sees_sent;
        let Some((session, sent)) = expected.filter(|_| sees_sent) else {
            return self.logged_in_unseen(connection, account, device_id, dialects);
        };
        let who = session.map(|session| session.account);
        demand(who == Some(account), || {
            let what = format!("{connection} becomes {account}, its token is {}", name(who));
            self.breaks(if who.is_some() { "S1.4" } else { "S1.5" }, what, &[sent])
        })?;
        let Some(session) = session else { return Ok(()) };
        demand(self.has_number(session.device, device_id), || {
            let what = format!("the device of {connection} has the number {device_id}");
            self.breaks("S1.2", what, &[sent])
        })?;
        let possible = session.dialects;
        demand(dialects.iter().all(|dialect| possible.has(dialect)), || {
            let what = format!("{connection} begins in another dialect than its login tells");
            self.breaks("D1.1", what, &[sent])
        })?;
        self.remembers(connection, session, dialects)?;
        let login = self.line_mut(connection).and_then(|line| {
            line.session = Some(Session { dialects, ..session });
            line.pending.iter_mut().find(|pending| matches!(pending.what, Sent::Login(_)))
        });
        if let Some(login) = login {
            login.what = Sent::Login(Some(Session { dialects, ..session }));
        }
        Ok(())
    }

    /// D1.4: where the login tells nothing, what the host has kept counts.
    fn remembers(&self, connection: ConnectionId, session: Session, dialects: Dialects) -> Verdict {
        let kept = self.kept_dialects.get(&(session.account, session.platform));
        let open = session.dialects == Dialects::ANY && !self.terms.chooses_dialects;
        let expected = kept.filter(|_| open && self.terms.remembers_dialects);
        demand(expected.is_none_or(|kept| Dialects::only(*kept) == dialects), || {
            let what = format!("{connection} does not begin in the dialect kept for its account");
            self.breaks("D1.4", what, &[])
        })
    }

    /// There are no bytes of this connection.
    fn logged_in_unseen(
        &mut self,
        connection: ConnectionId,
        account: Account,
        device_id: i64,
        dialects: Dialects,
    ) -> Verdict {
        let device = self.devices.get(&device_id).copied();
        let device = device.unwrap_or(if device_id == 0 { 0 } else { hash(device_id) });
        self.has_number(device, device_id);
        let session = Session { account, version: 0, platform: 0, device, dialects };
        if let Some(line) = self.line_mut(connection) {
            line.session = Some(session);
        }
        self.is_online(connection, session);
        Ok(())
    }

    /// S1.2: whether the number is that of the device, and of no other.
    pub(super) fn has_number(&mut self, device: u64, number: i64) -> bool {
        // Numbers are never over; those that were forgotten are learned again.
        if self.numbers.len() > self.terms.memory {
            self.numbers.clear();
            self.devices.clear();
        }
        let known = *self.numbers.entry(device).or_insert(number);
        let owner = *self.devices.entry(number).or_insert(device);
        (known, owner) == (number, device) && (device == 0) == (number == 0)
    }

    /// D1.8
    pub(super) fn kept_dialect(
        &mut self,
        connection: ConnectionId,
        dialect: crate::dialect::Dialect,
    ) -> Verdict {
        let Some(line) = self.line_mut(connection) else { return Ok(()) };
        let untold = line.untold.take();
        if let Some(session) = line.session {
            self.kept_dialects.insert((session.account, session.platform), dialect);
        }
        let sees_inside = self.line(connection).is_some_and(|line| line.sees_inside);
        demand(untold == Some(dialect) || !sees_inside, || {
            let what =
                format!("the host keeps {dialect:?} for {connection}, which shows {untold:?}");
            self.breaks("D1.8", what, &[])
        })
    }
}

impl Line {
    /// D1.6: for all that is written from now on. An answer in progress may have begun before.
    fn shows(&mut self, dialect: crate::dialect::Dialect) {
        let shown = Dialects::only(dialect);
        let Some(online) = &mut self.online else { return };
        if online.dialects == shown {
            return;
        }
        let before = core::mem::replace(&mut online.dialects, shown);
        self.untold = Some(dialect);
        for pending in &mut self.pending {
            if let Sent::Sync { dialects, .. } = &mut pending.what {
                *dialects = dialects.or(before);
            }
        }
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
        is_unpersistent: flags & flag::UNPERSISTENT != 0 && chat.command != command::CUSTOMER_V2,
        shows: shown(chat.command),
        came: false,
        failed: None,
        given: false,
    }
}

/// S1.2: 0 for the web and for a device without a name.
fn device_of(platform: u8, device: &[u8]) -> u64 {
    if platform == 3 || device.is_empty() { 0 } else { hash((platform, device)).max(1) }
}

/// Who it is, for people.
fn name(account: Option<Account>) -> std::string::String {
    account.map_or_else(|| "nobody".into(), |account| format!("{account}"))
}
