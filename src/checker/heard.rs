//! What clients say: frame by frame, as the server is going to handle it.

use super::event::ConnectionId;
use super::form::Dialects;
use super::hash::hash;
use super::line::{Attempt, Line, Pending, Sent, Session};
use super::state::State;
use super::violation::Seen;
use super::wire::{AuthToken, Frame, Head, command, int64};
use crate::id::{Account, AppId, Seq, UserId};
use crate::wire::Command;

impl State {
    /// Bytes of a client.
    pub(super) fn sent(&mut self, line: &mut Line, bytes: &[u8]) {
        line.sees_sent = true;
        let kept = core::mem::take(&mut line.from_client);
        let joined = super::wire::joined(&kept, bytes);
        let mut rest = &joined[..];
        while !line.is_broken {
            match Frame::take(&mut rest) {
                Ok(Some(frame)) if !frame.is_malformed() => self.heard(line, frame),
                Ok(None) => break,
                Ok(Some(_)) | Err(_) => line.is_broken = true,
            }
        }
        // S7.1: what comes behind is not handled. It is looked at, in case that something comes of it.
        while let (true, Ok(Some(frame))) = (line.is_broken, Frame::take(&mut rest)) {
            self.heard(line, frame);
        }
        line.from_client.extend_from_slice(rest);
        line.from_client.truncate(if line.is_broken { 0 } else { usize::MAX });
    }

    fn heard(&mut self, line: &mut Line, frame: Frame<'_>) {
        let Frame { head, body } = frame;
        self.now.what = Seen::Sent(line.id, Command(head.command), Seq(head.seq));
        if let Some(chat) = frame.chat() {
            self.said(line, (Some(head.seq), head.flags), &chat);
            return;
        }
        if line.is_broken {
            return;
        }
        let what = match head.command {
            command::AUTH_TOKEN => {
                AuthToken::read(body).and_then(|login| self.knocks(line, frame.head, login))
            }
            command::PING => Some(Sent::Ping),
            command::SYNC => self.asks(line, int64(body)),
            command::SYNC_KEY => {
                self.wants(line, int64(body));
                None
            }
            // W3.4; what only a server says is ignored (S5.1).
            _ => (!head.is_made_by_servers() && line.session.is_some())
                .then(|| Sent::Unlisted(hash((head.command, body)))),
        };
        let sent = self.now;
        line.pending.extend(what.map(|what| Pending { sent, what }));
    }

    /// S1
    fn knocks(&mut self, line: &mut Line, head: Head, login: AuthToken<'_>) -> Option<Sent> {
        let AuthToken { platform, token, device } = login;
        // S1.7
        if line.session.is_some() {
            return None;
        }
        let account = self.tokens.get(&hash(token)).copied();
        // S1.5, H12.1
        let account = account.filter(|it| it.appid != AppId(0) && it.uid != UserId(0));
        let version = head.version;
        let dialects = if self.terms.chooses_dialects {
            Dialects::ANY
        } else {
            Dialects::of_login(version, platform, head.last)
        };
        let device = device_of(platform, device);
        line.session =
            account.map(|account| Session { account, version, platform, device, dialects });
        // From here on the host may log it in and notify it, however late the answer is read.
        line.credit.before = account.map_or(0, |account| self.queue_of(account).settled);
        Some(Sent::Login(line.session))
    }

    /// S2: what is asked where nobody is logged in is ignored (S1.1).
    fn asks(&mut self, line: &Line, key: i64) -> Option<Sent> {
        let session = line.session?;
        let dialects = line.online.map_or(session.dialects, |_| line.dialects());
        let queue = self.queue(session.account);
        let (due, least) = (queue.due, queue.began.max(line.wanted));
        Some(Sent::Sync { key, least, due, dialects })
    }

    /// S3
    fn wants(&mut self, line: &mut Line, key: i64) {
        let Some(Session { account, .. }) = line.session.filter(|_| key.is_positive()) else {
            return;
        };
        line.wanted = line.wanted.max(key);
        let queue = self.queue(account);
        if queue.follows_keys() {
            queue.keys.insert(key);
        }
        queue.wanted = queue.wanted.max(key);
    }

    /// The connection is gone.
    pub(super) fn closed(&mut self, connection: ConnectionId) {
        self.now.what = Seen::Closed(connection);
        let Some(line) = self.lines.remove(&connection) else { return };
        for pending in &line.pending {
            self.will_not_answer(pending);
        }
        if let Some(account) = line.account() {
            self.queue(account).online.retain(|other| *other != connection);
        }
    }

    /// Nothing more can come of this on its connection.
    pub(super) fn will_not_answer(&mut self, pending: &Pending) {
        if let Sent::Chat(Attempt { message, refused: None, .. }) = pending.what {
            self.ledger[message].pending -= 1;
        }
    }
}

/// S1.2: 0 for the web and for a device without a name.
fn device_of(platform: u8, device: &[u8]) -> u64 {
    if platform == 3 || device.is_empty() { 0 } else { hash((platform, device)).max(1) }
}

/// Whose connection it is, for people.
pub(super) fn name(account: Option<Account>) -> std::string::String {
    account.map_or_else(|| "nobody".into(), |account| std::format!("{account}"))
}
