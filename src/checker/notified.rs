//! SYNC_NOTIFY: for whom, of which id, and when (H7.4, H7.5, H14.5, H14.7, S12.3, S12.4).

use std::format;

use super::effect::Effect;
use super::event::ConnectionId;
use super::ledger::{Copy, Order};
use super::line::Line;
use super::state::{State, Verdict, demand};
use crate::id::Account;

impl State {
    /// A SYNC_NOTIFY is written.
    pub(super) fn notified(&mut self, line: &mut Line, account: Account, msgid: i64) -> Verdict {
        let connection = line.id;
        if line.owed.take() == Some(msgid) {
            // S12.4: by a live copy the client may be beyond it.
            line.is_behind = line.copied_at <= line.answered_since;
            if line.is_behind {
                line.asks_anyway();
            }
            return Ok(());
        }
        // S12.3: where it is not known whether the queue goes on.
        let next = line.synced.and_then(|end| end.checked_add(1));
        let may_go_on = line.may_go_on.take() == Some(msgid);
        if may_go_on || line.chain.ended.is_some() && next == Some(msgid) {
            line.chain.ended = None;
            line.may_be_behind = true;
            line.was_notified(msgid, self.now.number);
            line.asks_anyway();
            return Ok(());
        }
        demand(!line.is_behind || line.has_asked(), || {
            let what = format!("SYNC_NOTIFY {msgid} on {connection}, which has to ask on first");
            self.breaks("S12.4", what, &[])
        })?;
        self.may_be_notified(connection, account, msgid)?;
        let again = line.notifies_again(msgid);
        demand(!again || self.may_repeat(account, msgid) || self.is_spare(line), || {
            let what = format!("{connection} is notified of {msgid} once more");
            self.breaks("H7.4", what, &[])
        })?;
        if !self.sees_store {
            line.credit.used += u64::from(!again);
            if let Err(violation) = self.has_credit(line, account) {
                demand(self.is_spare(line), || violation)?;
                line.credit.used -= 1;
            }
            let known = self.queue(account).known.add(msgid);
            self.is_consistent(connection, msgid, known)?;
        }
        line.was_notified(msgid, self.now.number);
        let queue = self.queue(account);
        queue.newest = queue.newest.max(msgid);
        queue.due = queue.due.max(msgid);
        Ok(())
    }

    /// Whether one more notify may come that nothing accounts for.
    fn is_spare(&self, line: &mut Line) -> bool {
        let is_spare = line.credit.spared < self.terms.spare_notifies && !self.sees_store;
        line.credit.spared += u32::from(is_spare);
        is_spare
    }

    /// Whether a message was sent again, so that its notifies come again (S10.3).
    fn may_repeat(&self, account: Account, msgid: i64) -> bool {
        let queue = self.queue_of(account);
        let message = queue.row(msgid).map(|row| &self.ledger[row.message]);
        message.map_or(queue.has_repeats, |message| message.tries > 1)
    }

    /// What is said of an id fits what was said of others.
    pub(super) fn is_consistent(
        &self,
        connection: ConnectionId,
        msgid: i64,
        known: Result<(), i64>,
    ) -> Verdict {
        demand(known.is_ok(), || {
            let other = known.err().unwrap_or_default();
            let what = format!("what {connection} is told of {msgid} contradicts {other}");
            self.breaks("H14.9", what, &[])
        })
    }

    /// Inside: a SYNC_NOTIFY is given to a connection.
    pub(super) fn given_notify(
        &mut self,
        line: &mut Line,
        account: Account,
        msgid: i64,
    ) -> Verdict {
        let connection = line.id;
        self.may_be_notified(connection, account, msgid)?;
        line.given = line.given.max(msgid);
        line.given_at = self.now.number;
        if !line.sees_received {
            line.was_notified(msgid, self.now.number);
        }
        let queue = self.queue(account);
        queue.due = queue.due.max(msgid);
        Ok(())
    }

    /// H7.4, H7.5: where the store is seen, the id is that of a row for this connection.
    fn may_be_notified(&self, connection: ConnectionId, account: Account, msgid: i64) -> Verdict {
        demand(msgid > 0, || {
            self.breaks("H7.4", format!("{connection} is notified of {msgid}"), &[])
        })?;
        let queue = self.queue_of(account);
        if !self.sees_store || msgid <= queue.unknown {
            return Ok(());
        }
        let Some(row) = queue.row(msgid) else {
            let what =
                format!("{connection} is notified of {msgid}, which {account} does not have");
            return Err(self.breaks("H7.4", what, &[]));
        };
        let message = &self.ledger[row.message];
        self.is_saved(message, |missing| {
            format!("{connection} is notified of {msgid} before {missing} is stored")
        })?;
        let own = match message.order {
            Order::On { connection: it, .. } => it == connection,
            Order::Nowhere | Order::Elsewhere => false,
        };
        let is_copy = message.parties.sender != message.parties.receiver;
        demand(!own || !is_copy, || {
            let rule = Effect::notify(Copy::Senders).of(message.is_v2());
            let what = format!("{connection} is notified of {msgid}, which it has sent itself");
            self.breaks(rule, what, &[message.said, row.witness(account)])
        })
    }

    /// H7: there are no others. Counted where nothing tells what each is about.
    fn has_credit(&self, line: &Line, account: Account) -> Verdict {
        let connection = line.id;
        let may_be = self.queue_of(account).addressed.saturating_sub(line.credit.before);
        let may_be = may_be.saturating_sub(line.credit.own);
        demand(line.credit.used <= may_be || !self.terms.sees_everybody, || {
            let rule = if line.credit.own > 0 { "H7.5" } else { "H7.4" };
            let what = format!(
                "{connection} of {account} has {} SYNC_NOTIFYs, and others have sent {may_be} messages",
                line.credit.used,
            );
            self.breaks(rule, what, &[])
        })
    }
}
