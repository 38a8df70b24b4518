//! What the store does, and what the host makes of its answers (H7, H8, H10, S10).

use std::format;

use super::effect::{self, Effect};
use super::event::ConnectionId;
use super::ledger::{Copy, Message, MessageId, Order};
use super::line::{Line, Pending, Sent};
use super::queue::Row;
use super::state::{State, Verdict, demand};
use super::terms::Repeats;
use super::violation::{Seen, Witness};
use super::wire::{Chat, Frame};
use crate::delivery::{Appended, Copies};
use crate::id::{Account, MsgId};
use crate::sync::StoredMessage;

impl State {
    /// A copy has been appended to a queue. Rows of other commands are not the protocol's (D4.7).
    pub(super) fn stored(&mut self, account: Account, stored: &StoredMessage) -> Verdict {
        let Some(chat) = Frame::of(stored.command.0, &stored.body).chat() else { return Ok(()) };
        let MsgId(msgid) = stored.msgid;
        self.sees_store = true;
        self.now.what = Seen::Stored(account, stored.msgid);
        let id = self.recognize(&chat, false)?;
        let copy = self.copy_of(account, id, &chat)?;
        self.is_once(account, id, copy)?;
        let newest = self.queue_of(account).last().map_or(0, |row| row.msgid);
        demand(msgid > newest, || {
            let what = format!("{account} gets {msgid} behind {newest}");
            self.breaks(Effect::save(copy).of(self.ledger[id].is_v2()), what, &[])
        })?;
        self.in_order(account, id)?;
        let device = self.device_of(id, stored.device_id.0)?;
        self.ledger[id].stored(copy, msgid, self.now.number);
        let row = Row {
            msgid,
            message: id,
            command: chat.command,
            store: chat.ids[2],
            content: chat.hash,
            stamp: chat.stamp,
            device,
            number: self.now.number,
        };
        self.remember(account, row);
        Ok(())
    }

    /// Which copy of a message goes to this queue (H7.1, H7.2).
    fn copy_of(
        &self,
        account: Account,
        id: MessageId,
        chat: &Chat<'_>,
    ) -> Result<Copy, super::violation::Violation> {
        let message = &self.ledger[id];
        let persistent = message.variants(chat.hash, false).next();
        demand(persistent.is_some(), || {
            let what = format!("an unpersistent message is stored for {account}");
            self.breaks("H6.3", what, &[message.said])
        })?;
        let parties = message.parties;
        match (account == parties.receiver, account == parties.sender) {
            // To oneself: one queue has both.
            (true, true) if message.copies[0] > message.copies[1] => Ok(Copy::Senders),
            (true, _) => Ok(Copy::Receivers),
            (false, true) => Ok(Copy::Senders),
            (false, false) => {
                let copy = if message.copies[0] == 0 { Copy::Receivers } else { Copy::Senders };
                let rule = Effect::save(copy).of(message.is_v2());
                let what = format!("a message is stored for {account}, which is no party of it");
                Err(self.breaks(rule, what, &[message.said]))
            }
        }
    }

    /// S10.2
    fn is_once(&self, account: Account, id: MessageId, copy: Copy) -> Verdict {
        let message = &self.ledger[id];
        let once = matches!(self.terms.repeats, Repeats::Once { .. }) && message.marked;
        let limit = if once { 1 } else { message.tries };
        demand(message.copies[copy.index()] < limit, || {
            let effect = Effect::save(copy).of(message.is_v2());
            let rule = if once { "S10.2" } else { effect };
            let what = format!("one more copy of a message is stored for {account}");
            self.breaks(rule, what, &[message.said])
        })
    }

    /// S11.1: the first copy of a message may not come behind a later message of its connection.
    fn in_order(&mut self, account: Account, id: MessageId) -> Verdict {
        let message = &self.ledger[id];
        let (said, is_first) = (message.said, message.copies.iter().sum::<u32>() < 2);
        let Order::On { connection, first, last } = message.order else { return Ok(()) };
        if !is_first || self.line(connection).is_none() {
            return Ok(());
        }
        let order = &mut self.queue(account).order;
        // Connections that are over are not compared any more.
        if order.len() > 10_000 {
            order.clear();
        }
        let latest = order.entry(connection).or_insert(first);
        let holds = last >= *latest;
        *latest = first.max(*latest);
        demand(holds, || {
            let what = format!("{account} gets a message of {connection} behind a later one");
            self.breaks("S11.1", what, &[said])
        })
    }

    /// H7.1, H7.2: a copy is stored with the device of the session.
    fn device_of(
        &mut self,
        id: MessageId,
        number: i64,
    ) -> Result<Option<u64>, super::violation::Violation> {
        let Message { device: sender, said, .. } = self.ledger[id];
        if let Some(device) = sender {
            let fits = self.has_number(device, number);
            demand(fits, || {
                let what = format!("a copy has the device {number}, which has not sent it");
                self.breaks("H10.1", what, &[said])
            })?;
        }
        Ok(self.devices.get(&number).copied().or(sender))
    }

    /// A save has failed.
    pub(super) fn save_failed(&mut self, line: &mut Line, account: Account, chat: &Chat<'_>) {
        self.now.what = Seen::SaveFailed(account);
        let id = self.find(chat).map(|(id, _)| id);
        let mut waiting = line.pending.iter_mut().filter_map(|Pending { what, .. }| match what {
            Sent::Chat(it) if Some(it.message) == id && it.refused.is_none() => Some(it),
            _ => None,
        });
        // Of several repeats it is not known which one.
        if let (Some(attempt), None) = (waiting.next(), waiting.next()) {
            attempt.failed = Some(self.now);
        }
    }

    /// The host goes on with what its store has answered.
    pub(super) fn confirmed(
        &mut self,
        connection: ConnectionId,
        chat: &Chat<'_>,
        copies: Copies,
    ) -> Verdict {
        let Some((id, message)) = self.find(chat) else { return Ok(()) };
        let both = [(Copy::Receivers, copies.receiver), (Copy::Senders, copies.sender)].map(
            |(copy, appended)| {
                let rule = Effect::save(copy).of(message.is_v2());
                (rule, message.account_of(copy), appended)
            },
        );
        let failed = self.failed(connection, id);
        demand(failed.is_none(), || {
            let what = format!("{connection} goes on with a message whose save has failed");
            self.breaks("H8.1", what, &[failed.unwrap_or(self.now)])
        })?;
        self.goes_on_with(connection, id);
        for (rule, account, Appended { msgid: MsgId(msgid), previous }) in both {
            self.is_copy(rule, account, id, msgid)?;
            if let Some(MsgId(previous)) = previous {
                self.is_before(account, id, (previous, msgid))?;
            }
        }
        self.ledger[id].continues =
            [copies.receiver, copies.sender].map(|it| it.previous.is_some());
        Ok(())
    }

    fn goes_on_with(&mut self, connection: ConnectionId, id: MessageId) {
        let Some(line) = self.line_mut(connection) else { return };
        let mut attempts = line.pending.iter_mut().filter_map(|it| match &mut it.what {
            Sent::Chat(attempt) if attempt.message == id => Some(attempt),
            _ => None,
        });
        // Of several repeats it is not known which one.
        if let (Some(attempt), None) = (attempts.next(), attempts.next()) {
            attempt.confirmed = true;
        }
    }

    fn failed(&self, connection: ConnectionId, id: MessageId) -> Option<Witness> {
        let mut attempts = self.line(connection)?.pending.iter().filter_map(|it| match it.what {
            Sent::Chat(attempt) if attempt.message == id => Some(attempt.failed),
            _ => None,
        });
        attempts.next().filter(|_| attempts.next().is_none())?
    }

    /// The id is that of a copy of this message.
    fn is_copy(&self, rule: &'static str, account: Account, id: MessageId, msgid: i64) -> Verdict {
        let queue = self.queue_of(account);
        let known = (msgid > queue.unknown || msgid < 1) && self.sees_store;
        demand(!known || queue.row(msgid).is_some_and(|row| row.message == id), || {
            let what = format!("{msgid} is no copy of the message in the queue of {account}");
            self.breaks(rule, what, &[])
        })
    }

    /// H14.9: what is known of the copy before is true.
    fn is_before(&self, account: Account, id: MessageId, (previous, msgid): (i64, i64)) -> Verdict {
        let queue = self.queue_of(account);
        let before = queue.row(msgid).and_then(|_| queue.previous(msgid));
        let is_repeat = self.ledger[id].tries > 1;
        demand(before.is_none_or(|before| before == previous), || {
            let rule = if is_repeat { "S10.4" } else { "H14.9" };
            let before = before.unwrap_or_default();
            let what = format!("{previous} is said to be before {msgid}, but {before} is");
            self.breaks(rule, what, &[])
        })
    }

    /// The push service is told.
    pub(super) fn pushed(&mut self, to: Account, chat: &Chat<'_>) -> Verdict {
        self.now.what = Seen::Pushed(to);
        let id = self.recognize(chat, false)?;
        let message = &self.ledger[id];
        demand(to == message.parties.receiver, || {
            let rule = effect::PUSH.of(message.is_v2());
            self.breaks(rule, format!("{to} is pushed, but is no receiver"), &[message.said])
        })?;
        demand(message.variants(chat.hash, false).next().is_some(), || {
            self.breaks("H6.3", format!("{to} is pushed an unpersistent message"), &[message.said])
        })?;
        self.is_saved(message, |missing| format!("{to} is pushed before {missing} is stored"))
    }
}

impl Row {
    pub(super) const fn witness(&self, account: Account) -> Witness {
        Witness { number: self.number, what: Seen::Stored(account, MsgId(self.msgid)) }
    }
}
