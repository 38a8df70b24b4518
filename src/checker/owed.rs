//! What is given to a connection, what must come at last, and the end.

use std::format;
use std::vec::Vec;

use super::effect::Effect;
use super::event::ConnectionId;
use super::hash::hash;
use super::ledger::Copy;
use super::line::{Debt, Keys, Line, Owed, Pending, Sent};
use super::state::{State, Verdict, demand};
use super::violation::Seen;
use super::wire::Chat;
use crate::id::Account;
use crate::wire::Command;

/// What is given to a connection.
#[derive(Clone, Copy, Debug)]
pub(super) enum Gift<'m> {
    Ack {
        seq: i32,
        status: i8,
        keys: Option<Keys>,
    },
    SyncNotify(i64),
    /// A live copy has keys.
    Chat(Chat<'m>, Option<Keys>),
}

impl Gift<'_> {
    const fn command(&self) -> Command {
        match self {
            Self::Ack { .. } => Command::ACK,
            Self::SyncNotify(_) => Command::SYNC_NOTIFY,
            Self::Chat(chat, _) => Command(chat.command),
        }
    }
}

impl State {
    /// Inside: something is given to a connection.
    pub(super) fn given(&mut self, line: &mut Line, gift: Gift<'_>) -> Verdict {
        let Some(account) = line.account() else {
            let what = format!("{} is given something, and nobody is logged in", line.id);
            return Err(self.breaks("S1.3", what, &[]));
        };
        self.now.what = Seen::Wrote(line.id, gift.command());
        match gift {
            Gift::Ack { seq, status, keys } => self.acked(line, (seq, status), keys, true),
            Gift::SyncNotify(msgid) => self.given_notify(line, account, msgid),
            Gift::Chat(ref chat, keys) => self.given_chat(line, account, chat, keys),
        }
    }

    /// A live copy or an unpersistent message: whether it is put into another form is not known yet.
    fn given_chat(
        &mut self,
        line: &mut Line,
        account: Account,
        chat: &Chat<'_>,
        keys: Option<Keys>,
    ) -> Verdict {
        let connection = line.id;
        let id = self.recognize(chat, keys.is_none())?;
        let message = &self.ledger[id];
        let is_receiver = account == message.parties.receiver;
        let (copy, rule) = match (is_receiver, keys.is_some()) {
            (true, true) => (Copy::Receivers, "H14.4"),
            (false, true) => (Copy::Senders, "H14.6"),
            (_, false) => (Copy::Receivers, "H6.1"),
        };
        let is_party = is_receiver || account == message.parties.sender && keys.is_some();
        demand(is_party, || {
            let what = format!("{connection} of {account} is given a message that is not its");
            self.breaks(rule, what, &[message.said])
        })?;
        if let Some(keys) = keys {
            self.is_saved(message, |missing| {
                format!("{connection} is given a live copy before {missing} is stored")
            })?;
            self.continues(connection, (rule, copy), id, keys)?;
        }
        self.reaches(line, id, (rule, false))
    }

    /// Inside: a command outside the protocol has reached the host (W3.4).
    pub(super) fn took_unlisted(&self, line: &mut Line, frame: (u8, &[u8])) -> Verdict {
        let is_it = |it: &Pending| matches!(it.what, Sent::Unlisted(_));
        let first = line.pending.iter().position(is_it);
        let sent = first.and_then(|first| line.pending.remove(first));
        let same =
            sent.is_some_and(|it| matches!(it.what, Sent::Unlisted(it) if it == hash(frame)));
        demand(same || !line.sees_sent, || {
            let what = format!("the host is handed a command {} that did not come", frame.0);
            self.breaks("W3.4", what, &[])
        })
    }

    /// What has been owed since before an event.
    pub(super) fn expire(&self, before: u64) -> Verdict {
        let debts = self.lines.values().flat_map(|line| {
            let due = line.debts.iter().filter(|debt| debt.acked.number < before);
            due.map(|debt| (line.id, debt))
        });
        let oldest = debts.min_by_key(|(connection, debt)| (debt.acked.number, *connection));
        let Some((connection, debt)) = oldest else { return Ok(()) };
        let Debt { what, said, acked } = *debt;
        let is_v2 = matches!(said.what, Seen::Sent(_, Command::CUSTOMER_V2, _));
        let (rule, what) = match what {
            Owed::Notify(copy, id) => (Effect::notify(copy).of(is_v2), format!("SYNC_NOTIFY {id}")),
            Owed::AnyNotify(copy) => (Effect::notify(copy).of(is_v2), "a SYNC_NOTIFY".into()),
            Owed::Chat(_) => ("H6.1", "the unpersistent message".into()),
            Owed::Copy(_) => ("H14.4", "the live copy".into()),
        };
        let what = format!("{connection} has not got {what}, though the sender has its ACK");
        Err(self.breaks(rule, what, &[said, acked]))
    }

    /// What may only be demanded when all is quiet.
    pub(super) fn finish(&mut self) -> Verdict {
        let mut open: Vec<ConnectionId> = self.lines.keys().copied().collect();
        open.sort_unstable();
        open.into_iter().try_for_each(|connection| self.at(connection, Self::is_over))
    }

    fn is_over(&mut self, line: &mut Line) -> Verdict {
        let connection = line.id;
        let asked = line.reading.as_ref().map(|reading| reading.asked);
        demand(asked.is_none(), || {
            let what = format!("the answer on {connection} does not end");
            self.breaks("S2.4", what, &asked.map_or(Vec::new(), |asked| [asked].into()))
        })?;
        demand(line.owed.is_none(), || {
            let what = format!("no SYNC_NOTIFY {} on {connection}", line.owed.unwrap_or_default());
            self.breaks("S12.3", what, &[])
        })?;
        demand(line.metadata.is_none(), || {
            self.breaks("W10.3", format!("METADATA on {connection} without a message"), &[])
        })?;
        demand(line.from_server.is_empty(), || {
            self.breaks("S8.1", format!("half a frame on {connection}"), &[])
        })?;
        self.is_whole(line, None)?;
        // What was only given to it may still be written.
        if !line.sees_received && line.given_at > 0 {
            return Ok(());
        }
        for waiting in &line.pending {
            let (rule, what) = match waiting.what {
                Sent::Chat(ref attempt) => {
                    self.may_be_silent(line, (waiting.sent, attempt))?;
                    continue;
                }
                Sent::Unlisted(_) => continue,
                Sent::Login(_) => ("S1.3", "a login"),
                Sent::Ping => ("S4.1", "PING"),
                Sent::Sync { .. } => ("S2.2", "SYNC"),
            };
            let what = format!("{what} on {connection} is not answered");
            return Err(self.breaks(rule, what, &[waiting.sent]));
        }
        Ok(())
    }
}
