//! What the server says: frame by frame, when a client has it.

use std::format;
use std::vec::Vec;

use super::form::Dialects;
use super::line::{Attempt, Keys, Line, Online, Pending, Sent, Session};
use super::state::{State, Verdict, demand};
use super::violation::Seen;
use super::wire::{BadLength, Frame, Head, command, flag, int32, int64};
use crate::wire::Command;

impl State {
    /// Bytes of the server.
    pub(super) fn received(&mut self, line: &mut Line, bytes: &[u8]) -> Verdict {
        line.sees_received = true;
        let kept = core::mem::take(&mut line.from_server);
        let joined = super::wire::joined(&kept, bytes);
        let mut rest = &joined[..];
        loop {
            match Frame::take(&mut rest) {
                Ok(Some(frame)) => {
                    self.now.what = Seen::Wrote(line.id, Command(frame.head.command));
                    self.wrote(line, frame)?;
                }
                Ok(None) => break,
                Err(BadLength(length)) => {
                    let what = format!("a frame of {length} bytes for {}", line.id);
                    return Err(self.breaks("W2.4", what, &[]));
                }
            }
        }
        line.from_server.extend_from_slice(rest);
        Ok(())
    }

    fn wrote(&mut self, line: &mut Line, frame: Frame<'_>) -> Verdict {
        line.written = line.written.wrapping_add(1);
        let Frame { head, body } = frame;
        self.goes_on(line, frame)?;
        self.is_whole(line, Some(head.command))?;
        self.check_head(line, head)?;
        let keys = self.paired(line, frame)?;
        match head.command {
            command::AUTH_STATUS => return self.answered_login(line, frame),
            command::PONG => return self.ponged(line, body),
            _ => {}
        }
        let Some(online) = line.online.filter(|_| line.is_greeted) else {
            let what = format!("{} for {}, on which nobody is logged in", name(head), line.id);
            return Err(self.breaks("S1.3", what, &[]));
        };
        self.check_length(line, &online, frame)?;
        self.answers_session(line, &online.session, frame, keys)
    }

    /// What is said to somebody who is logged in.
    fn answers_session(
        &mut self,
        line: &mut Line,
        session: &Session,
        frame: Frame<'_>,
        keys: Option<Keys>,
    ) -> Verdict {
        let Frame { head, body } = frame;
        if let Some(chat) = frame.chat() {
            return match keys {
                Some(keys) => self.copied(line, session.account, (head, &chat), keys),
                None => self.delivered(line, session, (head, &chat)),
            };
        }
        match head.command {
            command::ACK => {
                let status = body.get(4).map_or(0, |status| i8::from_ne_bytes([*status]));
                self.acked(line, (int32(body), status), keys, false)
            }
            command::SYNC_BEGIN => self.began(line, session, int64(body)),
            command::SYNC_END => self.ended(line, session, int64(body)),
            command::SYNC_NOTIFY => self.notified(line, session.account, int64(body)),
            command::PING | command::AUTH_TOKEN | command::SYNC | command::SYNC_KEY => {
                let what = format!("{} is not for a server to say", name(head));
                Err(self.breaks("W3.2", what, &[]))
            }
            // METADATA has been looked at; what is not listed is the host's own (W3.4, D4.7).
            _ => Ok(()),
        }
    }

    /// W1, W7: a frame of a server, apart from the flags of a message.
    fn check_head(&self, line: &Line, head: Head) -> Verdict {
        let connection = line.id;
        let breaks = |rule, what| Err(self.breaks(rule, what, &[]));
        if head.seq != line.written {
            let (seq, next) = (head.seq, line.written);
            return breaks("W7.1", format!("frame {seq} on {connection} instead of {next}"));
        }
        if head.last != 0 {
            return breaks("W1.3", format!("byte 11 of {} is {}", name(head), head.last));
        }
        if head.is_made_by_servers() && head.flags != 0 {
            return breaks("W7.4", format!("{} has the flags {:#04x}", name(head), head.flags));
        }
        let online = line.online.filter(|_| line.is_greeted);
        let version = online.map(|online| online.session.version);
        let version = version.or_else(|| (head.command != command::AUTH_STATUS).then_some(0));
        if version.is_some_and(|version| version != head.version) {
            let is = head.version;
            return breaks("W7.3", format!("{} on {connection} has the version {is}", name(head)));
        }
        Ok(())
    }

    /// W3.2, W3.5
    fn check_length(&self, line: &Line, online: &Online, frame: Frame<'_>) -> Verdict {
        let connection = line.id;
        let Frame { head, body } = frame;
        let (rule, length) = match head.command {
            command::ACK => ("W3.5", 4 + usize::from(online.session.version >= 2)),
            command::METADATA => ("W10.1", 32),
            command::SYNC_BEGIN | command::SYNC_END | command::SYNC_NOTIFY => ("W3.2", 8),
            _ if super::wire::is_chat(head.command) => ("W4.1", super::wire::CHAT.max(body.len())),
            _ => return Ok(()),
        };
        demand(body.len() == length, || {
            let what = format!("{} on {connection} has {} bytes", name(head), body.len());
            self.breaks(rule, what, &[])
        })
    }

    /// S4
    fn ponged(&mut self, line: &mut Line, body: &[u8]) -> Verdict {
        let connection = line.id;
        demand(body.is_empty(), || {
            self.breaks("W5.4", format!("PONG with a body on {connection}"), &[])
        })?;
        let asked = self.answers(line, |it| matches!(it.what, Sent::Ping))?;
        demand(asked.is_some(), || {
            let what = format!("PONG on {connection}, where no PING waits for it");
            self.breaks("S4.1", what, &[])
        })
    }

    /// W10: takes note of a METADATA, or sees to it that the last one has its message. Returns the
    /// keys that belong to this frame.
    fn paired(
        &self,
        line: &mut Line,
        Frame { head, body }: Frame<'_>,
    ) -> Result<Option<Keys>, super::violation::Violation> {
        let connection = line.id;
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
            line.copied_at = self.now.number;
            line.metadata = Some(Keys { key: int64(body), previous: int64(&body[8..]) });
        }
        Ok(keys)
    }

    /// S12.3: behind an answer that was full comes a SYNC_NOTIFY of the rest, and nothing else.
    fn goes_on(&self, line: &Line, Frame { head, body }: Frame<'_>) -> Verdict {
        let connection = line.id;
        let Some(owed) = line.owed else { return Ok(()) };
        demand(head.command == command::SYNC_NOTIFY && int64(body) == owed, || {
            let what = format!("{} on {connection} instead of SYNC_NOTIFY {owed}", name(head));
            self.breaks("S12.3", what, &[])
        })
    }

    /// The first of these that waits is answered. All before it has been dealt with (S11.1).
    pub(super) fn answers(
        &mut self,
        line: &mut Line,
        is_it: impl Fn(&Pending) -> bool,
    ) -> Result<Option<Pending>, super::violation::Violation> {
        let Some(place) = line.pending.iter().position(is_it) else {
            return Ok(None);
        };
        let passed: Vec<Pending> = line.pending.drain(..place).collect();
        passed.iter().try_for_each(|passed| self.passed(line, passed))?;
        Ok(line.pending.pop_front())
    }

    /// Something has been dealt with and was not answered.
    fn passed(&mut self, line: &mut Line, passed: &Pending) -> Verdict {
        let connection = line.id;
        let name = match passed.what {
            Sent::Chat(attempt) => {
                self.will_not_answer(passed);
                if line.passed.len() == 64 {
                    line.passed.pop_front();
                }
                line.passed.extend(attempt.seq);
                line.handled(&attempt);
                return self.may_be_silent(line, (passed.sent, &attempt));
            }
            Sent::Unlisted(_) => return Ok(()),
            Sent::Login(_) => "the login",
            Sent::Ping => "PING",
            Sent::Sync { .. } => "SYNC",
        };
        let what = format!("what was sent behind {name} on {connection} is answered before it");
        Err(self.breaks("S11.1", what, &[passed.sent]))
    }
}

impl Line {
    /// D1.6: it has been answered, or passed over.
    pub(super) fn handled(&mut self, attempt: &Attempt) {
        let shown = Dialects::only(attempt.shows);
        if let Some(online) = self.online.as_mut().filter(|_| attempt.refused.is_none()) {
            online.dialects = shown;
            online.now = if attempt.came { online.now } else { shown };
        }
    }
}

/// A frame, for people.
pub(super) fn name(head: Head) -> std::string::String {
    format!("{} {}", Command(head.command), head.seq)
}
