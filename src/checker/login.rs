//! Who is logged in, and in which dialect (S1, D1).

use std::format;

use super::form::Dialects;
use super::hash::hash;
use super::heard::name;
use super::line::{Line, Online, Pending, Sent, Session};
use super::state::{State, Verdict, demand};
use super::wire::{Frame, int32};
use crate::dialect::Dialect;
use crate::id::Account;

impl State {
    /// AUTH_STATUS is written.
    pub(super) fn answered_login(&mut self, line: &mut Line, frame: Frame<'_>) -> Verdict {
        let Frame { head, body } = frame;
        let connection = line.id;
        let asked = self.answers(line, |pending| matches!(pending.what, Sent::Login(_)))?;
        let Some(Pending { sent, what: Sent::Login(login) }) = asked else {
            let what = format!("AUTH_STATUS on {connection}, where no login waits for it");
            return Err(self.breaks("S1.7", what, &[]));
        };
        let status = int32(body);
        let (rule, version, expected) = match login {
            Some(session) => ("S1.4", session.version, 0),
            None => ("S1.5", 0, 1),
        };
        demand(status == expected, || {
            let what = format!("the login on {connection} is answered with {status}");
            self.breaks(rule, what, &[sent])
        })?;
        demand(head.version == version, || {
            let what = format!("AUTH_STATUS on {connection} has the version {}", head.version);
            self.breaks(rule, what, &[sent])
        })?;
        let length = if version == 0 { 8 } else { 4 };
        demand(body.len() == length, || {
            let what = format!("AUTH_STATUS on {connection} has {} bytes", body.len());
            self.breaks("W3.3", what, &[sent])
        })?;
        if let Some(session) = login {
            line.is_greeted = true;
            self.goes_online(line, session);
        }
        Ok(())
    }

    /// The server has said so, or the host has told.
    fn goes_online(&mut self, line: &mut Line, session: Session) {
        let since = self.now.number;
        if let Some(online) = &mut line.online {
            online.since = since;
            return;
        }
        let dialects = self.kept(session).unwrap_or(session.dialects);
        line.online = Some(Online { session, since, dialects, now: dialects });
        let has_many_servers = self.has_many_servers;
        let queue = self.queue(session.account);
        queue.online.push(line.id);
        // From other servers something older may still come.
        if has_many_servers {
            line.credit.before = 0;
        } else if !line.sees_sent {
            line.credit.before = queue.settled;
        }
    }

    /// D1.4: what the host remembers, where the login tells nothing.
    fn kept(&self, session: Session) -> Option<Dialects> {
        let asks = session.dialects == Dialects::ANY
            && self.terms.remembers_dialects
            && !self.terms.chooses_dialects;
        let kept = self.kept_dialects.get(&(session.account, session.platform));
        kept.copied().filter(|_| asks).map(Dialects::only)
    }

    /// Inside: a login is accepted.
    pub(super) fn logged_in(
        &mut self,
        line: &mut Line,
        (account, device): (Account, i64),
        dialects: Dialects,
    ) -> Verdict {
        let connection = line.id;
        let login = line.pending.iter_mut().find_map(|pending| match &mut pending.what {
            Sent::Login(session) => Some((session, pending.sent)),
            _ => None,
        });
        let Some((login, sent)) = login.filter(|_| line.sees_sent) else {
            self.logged_in_unseen(line, (account, device), dialects);
            return Ok(());
        };
        let who = login.map(|session| session.account);
        let Some(session) = login.as_mut().filter(|_| who == Some(account)) else {
            let what = format!("{connection} becomes {account}, its token is {}", name(who));
            return Err(self.breaks(if who.is_some() { "S1.4" } else { "S1.5" }, what, &[sent]));
        };
        let before = *session;
        session.dialects = dialects;
        let session = *session;
        line.session = Some(session);
        self.goes_online(line, session);
        demand(self.has_number(before.device, device), || {
            let what = format!("the device of {connection} has the number {device}");
            self.breaks("S1.2", what, &[sent])
        })?;
        let possible = before.dialects;
        demand(dialects.iter().all(|dialect| possible.has(dialect)), || {
            let what = format!("{connection} begins in another dialect than its login tells");
            self.breaks("D1.1", what, &[sent])
        })?;
        demand(self.kept(before).is_none_or(|kept| kept == dialects), || {
            let what = format!("{connection} does not begin in the dialect kept for its account");
            self.breaks("D1.4", what, &[sent])
        })
    }

    /// There are no bytes of this connection.
    fn logged_in_unseen(
        &mut self,
        line: &mut Line,
        (account, number): (Account, i64),
        dialects: Dialects,
    ) {
        let made_up = if number == 0 { 0 } else { hash(number) };
        let device = self.devices.get(&number).copied().unwrap_or(made_up);
        self.has_number(device, number);
        let session = Session { account, version: 0, platform: 0, device, dialects };
        line.session = Some(session);
        self.goes_online(line, session);
    }

    /// S1.2: whether the number is that of the device, and of no other.
    pub(super) fn has_number(&mut self, device: u64, number: i64) -> bool {
        // Those that were forgotten are learned again.
        if self.numbers.len() > self.terms.memory {
            self.numbers.clear();
            self.devices.clear();
        }
        let known = *self.numbers.entry(device).or_insert(number);
        let owner = *self.devices.entry(number).or_insert(device);
        (known, owner) == (number, device) && (device == 0) == (number == 0)
    }

    /// D1.8
    pub(super) fn kept_dialect(&mut self, line: &mut Line, dialect: Dialect) -> Verdict {
        let untold = line.untold.take();
        if let Some(session) = line.session {
            self.kept_dialects.insert((session.account, session.platform), dialect);
        }
        demand(untold == Some(dialect) || !line.sees_inside, || {
            let what =
                format!("the host keeps {dialect:?} for {}, which shows {untold:?}", line.id);
            self.breaks("D1.8", what, &[])
        })
    }
}
