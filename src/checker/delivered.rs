//! Notifies, live copies and unpersistent messages (H6, H7, H14, D3).

use std::format;

use super::effect::Effect;
use super::event::ConnectionId;
use super::form::{Form, Shop};
use super::ledger::{Copy, Message, MessageId, Order};
use super::line::{Keys, Line, Session};
use super::state::{State, Verdict, demand};
use super::violation::Violation;
use super::wire::{Chat, Head, command::CUSTOMER_V2, flag};
use super::wrote::name;
use crate::dialect::Dialect;
use crate::id::{Account, StoreId};

impl State {
    /// A SYNC_NOTIFY is written.
    pub(super) fn notified(&mut self, line: &mut Line, account: Account, msgid: i64) -> Verdict {
        let connection = line.id;
        if line.owed.take() == Some(msgid) {
            // S12.4: by a live copy the client may be beyond it.
            line.is_behind = line.copied_at <= line.answered_since;
            return Ok(());
        }
        // S12.3: where the queue goes on, and the store is not seen.
        let goes_on = line.synced.and_then(|end| end.checked_add(1)) == Some(msgid);
        if line.chain.ended.is_some() && goes_on {
            line.chain.ended = None;
            line.was_notified(msgid, self.now.number);
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
    fn is_consistent(
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

    /// A live copy is written, or given to a connection (H14.4, H14.6).
    pub(super) fn copied(
        &mut self,
        line: &mut Line,
        account: Account,
        (head, chat): (Head, &Chat<'_>),
        keys: Keys,
    ) -> Verdict {
        let connection = line.id;
        let id = self.recognize(chat, false)?;
        let message = &self.ledger[id];
        let (copy, rule) = self.is_party(connection, account, message)?;
        let what = || format!("the live copy on {connection}");
        let variant = message
            .variants(chat.hash, false)
            .find(|variant| variant.form.command == CUSTOMER_V2 && variant.form.ids == chat.ids);
        let Some(variant) = variant else {
            let what = format!("{} is of a message of version 1", what());
            return Err(self.breaks("H14.10", what, &[message.said]));
        };
        let fits = message
            .variants(variant.content, false)
            .any(|it| head.flags == it.form.flags & !flag::OF_SERVERS | flag::PUSH);
        demand(fits, || {
            let what = format!("{} has the flags {:#04x}", what(), head.flags);
            let poses = head.flags & flag::OF_SERVERS != flag::PUSH;
            self.breaks(if poses { "H13.4" } else { rule }, what, &[message.said])
        })?;
        demand(line.dialects().may_have_pairs(), || {
            let what = format!("{}, whose dialect is V1", what());
            self.breaks("D3.1", what, &[message.said])
        })?;
        self.is_saved(message, |missing| format!("{} before {missing} is stored", what()))?;
        self.continues(connection, (rule, copy), id, keys)?;
        self.reaches(line, id, (rule, true))
    }

    /// The message itself is given to a connection, or written: once, unless it was said again.
    pub(super) fn reaches(
        &mut self,
        line: &mut Line,
        id: MessageId,
        (rule, written): (&'static str, bool),
    ) -> Verdict {
        line.was_reached(id);
        let again = self.ledger[id].reaches(line.id, written);
        let Message { said, tries, parties, .. } = self.ledger[id];
        // What somebody sends to himself comes as both copies.
        let may_repeat = tries > 1 || parties.sender == parties.receiver;
        demand(!again || may_repeat, || {
            self.breaks(rule, format!("a message comes to {} once more", line.id), &[said])
        })
    }

    /// H5: the account is one of the two. Which copy is its, and the rule for a live one.
    fn is_party(
        &self,
        connection: ConnectionId,
        account: Account,
        message: &Message,
    ) -> Result<(Copy, &'static str), Violation> {
        if account == message.parties.receiver {
            return Ok((Copy::Receivers, "H14.4"));
        }
        if account == message.parties.sender {
            return Ok((Copy::Senders, "H14.6"));
        }
        let what = format!("{connection} of {account} gets a message that is not its");
        Err(self.breaks("H14.4", what, &[message.said]))
    }

    /// The keys are those of a copy of this message in its queue, and of the row before it.
    pub(super) fn continues(
        &mut self,
        connection: ConnectionId,
        (rule, copy): (&'static str, Copy),
        id: MessageId,
        Keys { key, previous }: Keys,
    ) -> Verdict {
        let message = &self.ledger[id];
        let account = message.account_of(copy);
        demand((0..key).contains(&previous), || {
            let what = format!("METADATA says that {previous} is before {key}");
            self.breaks(rule, what, &[message.said])
        })?;
        let (said, tries) = (message.said, message.tries);
        if !self.sees_store {
            let queue = self.queue(account);
            let known = queue.known.add_pair((key, previous), id);
            queue.newest = queue.newest.max(key);
            queue.due = queue.due.max(key);
            demand(known != Err(key), || {
                let what = format!("{key} is the id of another message in the queue of {account}");
                let rule = match copy {
                    Copy::Receivers => "H14.1",
                    Copy::Senders => "H14.2",
                };
                self.breaks(rule, what, &[said])
            })?;
            return self.is_consistent(connection, key, known);
        }
        let queue = self.queue_of(account);
        if key <= queue.unknown {
            return Ok(());
        }
        let row = queue.row(key).filter(|row| row.message == id);
        demand(row.is_some(), || {
            let what = format!("METADATA says {key}, which is no copy of the message");
            self.breaks(rule, what, &[said])
        })?;
        let before = queue.previous(key);
        demand(before.is_none_or(|before| before == previous), || {
            let before = before.unwrap_or_default();
            let what = format!("METADATA says that {previous} is before {key}, but it is {before}");
            let rule = if tries > 1 { "S10.4" } else { rule };
            self.breaks(rule, what, &[said])
        })
    }

    /// A chat message is written that is no live copy: to its receiver if it is unpersistent (H6),
    /// otherwise in a sync (S2).
    pub(super) fn delivered(
        &mut self,
        line: &mut Line,
        session: &Session,
        (head, chat): (Head, &Chat<'_>),
    ) -> Verdict {
        let connection = line.id;
        let is_transient = self.is_transient(line, (head, chat));
        if line.reading.is_some() && !is_transient {
            return self.synced(line, session, (head, chat));
        }
        let id = self.recognize(chat, is_transient)?;
        let message = &self.ledger[id];
        demand(is_transient, || {
            let what = format!("{} on {connection} outside of a sync", name(head));
            let rule = match line.dialects().may_have_pairs() {
                _ if !message.is_v2() => "H14.10",
                true => "W10.3",
                false => "D3.1",
            };
            self.breaks(rule, what, &[message.said])
        })?;
        demand(session.account == message.parties.receiver, || {
            let what = format!("{} on {connection}, which is not its receiver's", name(head));
            self.breaks("H6.1", what, &[message.said])
        })?;
        let mut worst = None;
        let fits = line.dialects().iter().any(|dialect| {
            message.variants(chat.hash, true).any(|variant| {
                let fits = self.fits(variant.form, dialect, (head, chat), true);
                let wrong = fits.err();
                worst = worst.or(wrong);
                wrong.is_none()
            })
        });
        demand(fits, || {
            let rule = worst.unwrap_or("H6.1");
            let what = format!("{} on {connection} is not what was sent", name(head));
            self.breaks(rule, what, &[message.said])
        })?;
        self.reaches(line, id, ("H6.1", true))
    }

    /// Whether it is an unpersistent message, perhaps one that has lost its flag.
    fn is_transient(&self, line: &Line, (head, chat): (Head, &Chat<'_>)) -> bool {
        let has_flag = head.flags & flag::UNPERSISTENT != 0;
        self.find(chat).is_some_and(|(_, message)| {
            let may_be = |unpersistent| message.variants(chat.hash, unpersistent).next().is_some();
            may_be(true) && (has_flag || line.reading.is_none() || !may_be(false))
        })
    }

    /// The message that this is, if it was said and may have an effect, at the server's time (H4.1).
    pub(super) fn recognize(
        &self,
        chat: &Chat<'_>,
        transient: bool,
    ) -> Result<MessageId, Violation> {
        let found = self.find(chat).filter(|(_, message)| {
            let content = chat.hash;
            let mut variants =
                message.variants(content, transient).chain(message.variants(content, !transient));
            variants.next().is_some()
        });
        let Some((id, message)) = found else {
            let what = "a message that nobody has sent like this".into();
            return Err(self.breaks("W4.2", what, &[]));
        };
        if let Some(rule) = message.dead {
            let (said, what) = (message.said, "a message that must have no effect has one");
            let rule = if rule.starts_with('H') { ("H11.1", rule) } else { (rule, rule) };
            let what = format!("{what} ({})", rule.1);
            return Err(self.breaks(rule.0, what, &[said]));
        }
        demand(self.clock.has_shown(chat.stamp, message.since), || {
            let what = format!("a message bears the time {}, not the server's", chat.stamp);
            self.breaks("H4.1", what, &[message.said])
        })?;
        Ok(id)
    }

    /// Whether a message of this form is so in a dialect; if not, the rule that it breaks.
    pub(super) fn fits(
        &self,
        form: Form,
        dialect: Dialect,
        (head, chat): (Head, &Chat<'_>),
        live: bool,
    ) -> Result<(), &'static str> {
        let shop = |customer, seller| match self.shop(customer, seller) {
            Shop::Only(_) if live => Shop::Only(StoreId(0)),
            shop => shop,
        };
        let (expected, shop) = form.translated(dialect, self.kefu_app, shop);
        let translated = expected.command != form.command;
        if expected.command != head.command {
            return Err(match (live, dialect) {
                (true, _) => "D3.4",
                (false, Dialect::V1) => "D4.1",
                (false, Dialect::V2) => "D4.2",
                (false, Dialect::AsSent) => "D4.4",
            });
        }
        if !expected.has_ids(chat.ids, shop, translated) {
            return Err(match (translated, form.command) {
                (false, _) => {
                    if live {
                        "H6.1"
                    } else {
                        "H10.1"
                    }
                }
                (true, CUSTOMER_V2)
                    if expected.ids[0] == chat.ids[0] && expected.ids[1] == chat.ids[1] =>
                {
                    "D2.4"
                }
                (true, CUSTOMER_V2) => "D2.3",
                (true, super::wire::command::CUSTOMER) => "D2.1",
                (true, _) => "D2.2",
            });
        }
        let flags = if live { expected.flags } else { head.flags };
        if flags == head.flags { Ok(()) } else { Err("W7.4") }
    }
}
