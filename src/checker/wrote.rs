//! What the server says: frame by frame, when a client has it.

use std::format;

use super::event::ConnectionId;
use super::line::{Keys, Line, Online, Pending, Sent, Session};
use super::state::{State, Verdict, demand};
use super::violation::Seen;
use super::wire::{BadLength, Frame, Head, command, flag, int32, int64};
use crate::wire::Command;

impl State {
    /// Bytes of the server.
    pub(super) fn received(&mut self, connection: ConnectionId, bytes: &[u8]) -> Verdict {
        let Some(line) = self.line_mut(connection) else {
            return demand(bytes.is_empty(), || {
                let what = format!("{} bytes for {connection}, which is closed", bytes.len());
                self.breaks("H7.4", what, &[])
            });
        };
        line.sees_received = true;
        let kept = core::mem::take(&mut line.from_server);
        let joined;
        let mut rest = if kept.is_empty() {
            bytes
        } else {
            joined = [&kept, bytes].concat();
            &joined
        };
        loop {
            match Frame::take(&mut rest) {
                Ok(Some(frame)) => self.wrote(connection, frame)?,
                Ok(None) => break,
                Err(BadLength(length)) => {
                    let what = format!("a frame of {length} bytes for {connection}");
                    return Err(self.breaks("W2.4", what, &[]));
                }
            }
        }
        if let Some(line) = self.line_mut(connection) {
            line.from_server.extend_from_slice(rest);
        }
        Ok(())
    }

    fn wrote(&mut self, connection: ConnectionId, frame: Frame<'_>) -> Verdict {
        self.now.what = Seen::Wrote(connection, Command(frame.head.command));
        // The line is out of the map while it is changed together with the rest.
        let place = self.lines.get_mut(&connection).and_then(Option::take);
        let Some(mut line) = place else { return Ok(()) };
        let verdict = self.judge(connection, &mut line, frame);
        self.lines.insert(connection, Some(line));
        verdict
    }

    fn judge(&mut self, connection: ConnectionId, line: &mut Line, frame: Frame<'_>) -> Verdict {
        line.written = line.written.wrapping_add(1);
        let Frame { head, body } = frame;
        self.goes_on(connection, line, frame)?;
        self.is_whole(connection, line, Some(head.command))?;
        self.check_head(connection, line, head)?;
        let keys = self.paired(connection, line, frame)?;
        match head.command {
            command::AUTH_STATUS => return self.answered_login(connection, line, frame),
            command::PONG => return self.ponged(connection, line, body),
            _ => {}
        }
        let Some(online) = line.online else {
            let what = format!("{} for {connection}, on which nobody is logged in", name(head));
            return Err(self.breaks("S1.3", what, &[]));
        };
        self.check_length(connection, &online, frame)?;
        if let Some(chat) = frame.chat() {
            return match keys {
                Some(keys) => self.copied(connection, line, (head, &chat), keys),
                None => self.delivered(connection, line, (head, &chat)),
            };
        }
        match head.command {
            command::ACK => {
                let status = body.get(4).map_or(0, |status| i8::from_ne_bytes([*status]));
                self.acked(connection, line, (int32(body), status), keys, false)
            }
            command::SYNC_BEGIN => self.began(connection, line, int64(body)),
            command::SYNC_END => self.ended(connection, line, int64(body)),
            command::SYNC_NOTIFY => self.notified(connection, line, int64(body)),
            command::METADATA => Ok(()),
            // D4.7
            _ if line.reading.is_some() => Ok(()),
            command::PING | command::AUTH_TOKEN | command::SYNC | command::SYNC_KEY => {
                let what = format!("{} is not for a server to say", name(head));
                Err(self.breaks("W3.2", what, &[]))
            }
            // A command of the host's own (W3.4).
            _ => Ok(()),
        }
    }

    /// W1, W7: a frame of a server, apart from the flags of a message.
    fn check_head(&self, connection: ConnectionId, line: &Line, head: Head) -> Verdict {
        let breaks = |rule, what| Err(self.breaks(rule, what, &[]));
        if head.seq != line.written {
            let (seq, next) = (head.seq, line.written);
            return breaks("W7.1", format!("frame {seq} on {connection} instead of {next}"));
        }
        if head.last != 0 {
            return breaks("W1.3", format!("byte 11 of {} is {}", name(head), head.last));
        }
        if !super::wire::is_chat(head.command) && is_listed(head.command) && head.flags != 0 {
            return breaks("W7.4", format!("{} has the flags {:#04x}", name(head), head.flags));
        }
        let version = line.online.map(|online| online.session.version);
        let version = version.or_else(|| (head.command != command::AUTH_STATUS).then_some(0));
        if version.is_some_and(|version| version != head.version) {
            let is = head.version;
            return breaks("W7.3", format!("{} on {connection} has the version {is}", name(head)));
        }
        Ok(())
    }

    /// W3.2, W3.5
    fn check_length(&self, connection: ConnectionId, online: &Online, frame: Frame<'_>) -> Verdict {
        let Frame { head, body } = frame;
        let (rule, length) = match head.command {
            command::ACK => ("W3.5", 4 + usize::from(online.session.version >= 2)),
            command::METADATA => ("W10.1", 32),
            command::SYNC_BEGIN | command::SYNC_END | command::SYNC_NOTIFY => ("W3.2", 8),
            _ if super::wire::is_chat(head.command) && body.len() < super::wire::CHAT => {
                ("W4.1", super::wire::CHAT)
            }
            _ => return Ok(()),
        };
        demand(body.len() == length, || {
            let what = format!("{} on {connection} has {} bytes", name(head), body.len());
            self.breaks(rule, what, &[])
        })
    }

    /// S1
    fn answered_login(
        &mut self,
        connection: ConnectionId,
        line: &mut Line,
        Frame { head, body }: Frame<'_>,
    ) -> Verdict {
        let asked = line.online.is_none().then(|| self.answers(connection, line, is_login));
        let Some(Pending { sent, what: Sent::Login(login) }) = asked.transpose()?.flatten() else {
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
            self.goes_online(connection, line, session);
        }
        Ok(())
    }

    /// S4
    fn ponged(&mut self, connection: ConnectionId, line: &mut Line, body: &[u8]) -> Verdict {
        demand(body.is_empty(), || {
            self.breaks("W5.4", format!("PONG with a body on {connection}"), &[])
        })?;
        let asked = self.answers(connection, line, |it| matches!(it.what, Sent::Ping))?;
        demand(asked.is_some(), || {
            let what = format!("PONG on {connection}, where no PING waits for it");
            self.breaks("S4.1", what, &[])
        })
    }

    /// W10: takes note of a METADATA, or sees to it that the last one has its message. Returns the
    /// keys that belong to this frame.
    fn paired(
        &self,
        connection: ConnectionId,
        line: &mut Line,
        Frame { head, body }: Frame<'_>,
    ) -> Result<Option<Keys>, super::violation::Violation> {
        let keys = line.metadata.take();
        let is_copy = head.command == command::CUSTOMER_V2 && head.flags & flag::PUSH != 0;
        let fits = match head.command {
            command::CUSTOMER_V2 => keys.is_some() == is_copy,
            command::ACK => true,
            _ => keys.is_none(),
        };
        demand(fits, || {
            let what = match keys {
                Some(Keys { key, .. }) => format!("{} behind METADATA {key}", name(head)),
                None => format!("a live copy on {connection} without METADATA"),
            };
            self.breaks("W10.3", what, &[])
        })?;
        if head.command == command::METADATA {
            demand(body.get(16..32) == Some(&[0; 16]), || {
                let what = format!("METADATA on {connection} does not end in zeros");
                self.breaks("W10.1", what, &[])
            })?;
            demand(line.dialects().may_have_pairs(), || {
                let what = format!("METADATA on {connection}, whose dialect is V1");
                self.breaks("D3.1", what, &[])
            })?;
            line.has_copies = true;
            line.metadata = Some(Keys { key: int64(body), previous: int64(&body[8..]) });
        }
        Ok(keys)
    }

    /// S12.3: behind an answer that was full comes a SYNC_NOTIFY of the rest, and nothing else.
    fn goes_on(
        &self,
        connection: ConnectionId,
        line: &Line,
        Frame { head, body }: Frame<'_>,
    ) -> Verdict {
        let Some(owed) = line.owed else { return Ok(()) };
        demand(head.command == command::SYNC_NOTIFY && int64(body) == owed, || {
            let what = format!("{} on {connection} instead of SYNC_NOTIFY {owed}", name(head));
            self.breaks("S12.3", what, &[])
        })
    }

    /// The first of these that waits is answered. All before it has been dealt with (S11.1).
    pub(super) fn answers(
        &mut self,
        connection: ConnectionId,
        line: &mut Line,
        is_it: impl Fn(&Pending) -> bool,
    ) -> Result<Option<Pending>, super::violation::Violation> {
        let Some(place) = line.pending.iter().position(is_it) else {
            return Ok(None);
        };
        for _ in 0..place {
            if let Some(passed) = line.pending.pop_front() {
                self.passed(connection, line, &passed)?;
            }
        }
        Ok(line.pending.pop_front())
    }

    /// Something has been dealt with and was not answered.
    fn passed(&mut self, connection: ConnectionId, line: &mut Line, passed: &Pending) -> Verdict {
        let name = match passed.what {
            Sent::Chat(attempt) => {
                self.will_not_answer(passed);
                if attempt.refused.is_none() && !attempt.came {
                    line.handled(attempt.shows);
                }
                return self.may_be_silent(connection, passed);
            }
            Sent::Unlisted(_) => return Ok(()),
            Sent::Login(_) => "the login",
            Sent::Ping => "PING",
            Sent::Sync { .. } => "SYNC",
        };
        let what = format!("what was sent behind {name} on {connection} is answered before it");
        Err(self.breaks("S11.1", what, &[passed.sent]))
    }

    /// Somebody is logged in.
    pub(super) fn is_online(&mut self, connection: ConnectionId, session: Session) {
        let place = self.lines.get_mut(&connection).and_then(Option::take);
        let Some(mut line) = place else { return };
        self.goes_online(connection, &mut line, session);
        self.lines.insert(connection, Some(line));
    }

    fn goes_online(&mut self, connection: ConnectionId, line: &mut Line, session: Session) {
        let kept = self.kept_dialects.get(&(session.account, session.platform)).copied();
        let kept = kept.filter(|_| session.dialects == super::form::Dialects::ANY);
        let known = kept.filter(|_| self.terms.remembers_dialects && !self.terms.chooses_dialects);
        let dialects = known.map_or(session.dialects, super::form::Dialects::only);
        line.online = Some(Online { session, since: self.now.number, dialects });
        let has_many_servers = self.has_many_servers;
        let queue = self.queue(session.account);
        queue.online.push(connection);
        // From other servers something older may still come.
        line.credit.before = if has_many_servers { 0 } else { queue.settled };
    }
}

impl Line {
    /// D1.6, where only the answer tells that a message was handled.
    pub(super) fn handled(&mut self, shows: crate::dialect::Dialect) {
        if let Some(online) = &mut self.online {
            online.dialects = super::form::Dialects::only(shows);
        }
    }
}

const fn is_login(pending: &Pending) -> bool {
    matches!(pending.what, Sent::Login(_))
}

const fn is_listed(of: u8) -> bool {
    matches!(
        of,
        command::AUTH_STATUS
            | command::ACK
            | command::PONG
            | command::SYNC_BEGIN
            | command::SYNC_END
            | command::SYNC_NOTIFY
            | command::METADATA
    )
}

/// A frame, for people.
pub(super) fn name(head: Head) -> std::string::String {
    format!("{} {}", Command(head.command), head.seq)
}
