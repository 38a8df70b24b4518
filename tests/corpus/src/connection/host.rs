//! A host that answers whatever the choices say.

use bytes::Bytes;
use kefu_proto::{Accepted, Account, AppId, AuthToken, Body, Command, CustomerMessage, Delivery};
use kefu_proto::{DeviceId, Effect, Effects, Flags, Identity, Message, MsgId, Online, Outbound};
use kefu_proto::{Request, Saves, StoreId, StoredMessage, SyncAnswer, SyncRequest, SyncRow};
use kefu_proto::{UnixTime, UserId};

use super::KEFU_APP;
use super::model::{self, Delivered, Expected};
use super::outbox::Outbox;
use crate::input::Choices;
use crate::reference;

pub(super) struct Host<'h, 'i> {
    pub(super) outbox: &'h mut Outbox,
    pub(super) choices: &'h mut Choices<'i>,
    /// How many copies have been stored under the next number.
    pub(super) saved: i64,
}

const CUSTOMER: Account = Account::new(AppId(7), UserId(1));
const SELLER: Account = Account::new(KEFU_APP, UserId(2));

/// Who a client is; `None` is refused.
pub(super) fn identify(login: &AuthToken, choices: &mut Choices<'_>) -> Option<Identity> {
    let account = match choices.of(5) {
        0 => match login.token.as_bytes() {
            b"tok-7-1" => CUSTOMER,
            b"tok-1453-2" => SELLER,
            _ => return None,
        },
        1 => return None,
        2 => CUSTOMER,
        3 => SELLER,
        _ => Account::new(AppId(choices.number()), UserId(choices.number())),
    };
    Identity::new(account, DeviceId(choices.number())).ok()
}

impl Host<'_, '_> {
    pub(super) fn finish(&mut self, online: &mut Online, begun: (Request, Expected)) {
        match begun {
            (Request::Deliver(delivery), Expected::Deliver(expected)) => {
                self.deliver(online, delivery, &expected);
            }
            (Request::Reply(message), _) => self.outbox.write(online, &message, &Body::Pong),
            (Request::Sync(request), Expected::Sync(asked)) => self.sync(online, request, asked),
            _ => {}
        }
    }

    fn deliver(&mut self, online: &mut Online, delivery: Delivery, expected: &Delivered) {
        match delivery.accept() {
            Accepted::Persistent(saves) => self.store(online, saves, expected),
            Accepted::Transient(effects) => self.apply(online, &effects, expected, None),
        }
    }

    /// H7, H8: both copies, or none of the rest.
    fn store(&mut self, online: &mut Online, saves: Saves, expected: &Delivered) {
        let (account, device_id) = (online.identity().account(), online.identity().device_id());
        let queues = [expected.receiver, account];
        let fails_at = match self.choices.of(4) {
            0 | 3 => None,
            first_or_second => Some(usize::from(first_or_second - 1)),
        };
        let mut msgids = vec![];
        let effects = saves.save_with(|save| {
            assert_eq!(save.queue(), queues[msgids.len()]);
            assert_eq!((save.device_id(), save.message()), (device_id, &expected.chat));
            if fails_at == Some(msgids.len()) {
                return Err(msgids.len());
            }
            msgids.push(self.next_msgid());
            Ok(*msgids.last().unwrap())
        });
        match (effects, &msgids[..]) {
            (Ok(effects), &[receiver, sender]) => {
                assert_eq!(fails_at, None);
                self.apply(online, &effects, expected, Some([receiver, sender]));
            }
            (failed, _) => assert_eq!(failed.err(), fails_at),
        }
    }

    /// A store's own numbers, or any.
    fn next_msgid(&mut self) -> MsgId {
        self.saved += 1;
        MsgId(self.saved.saturating_add(self.choices.number()))
    }

    /// H6, H7: in order, and ending with the ACK.
    fn apply(
        &mut self,
        online: &mut Online,
        effects: &Effects,
        Delivered { receiver, chat }: &Delivered,
        msgids: Option<[MsgId; 2]>,
    ) {
        let (to, own) = (*receiver, online.identity().account());
        let ack = Effect::EnqueueMessage { message: Outbound::Ack(chat.seq.into()) };
        let expected = match msgids {
            None => vec![Effect::SendAppMessage { to, message: Outbound::Chat(chat) }, ack],
            Some([receiver, sender]) => vec![
                Effect::PushMessage { to, message: chat },
                Effect::SendAppMessage { to, message: Outbound::SyncNotify(receiver) },
                Effect::SendMessage { to: own, message: Outbound::SyncNotify(sender) },
                ack,
            ],
        };
        assert!(effects.iter().eq(expected), "{effects:?}");
        self.outbox.acks_owed.push(chat.seq);
        for effect in effects {
            match effect {
                Effect::SendAppMessage { to, message } if to == own => {
                    self.outbox.write(online, &message, &body_of(message));
                }
                Effect::EnqueueMessage { message } => {
                    self.outbox.write(online, &message, &Body::Ack(chat.seq.into()));
                }
                Effect::PushMessage { .. }
                | Effect::SendAppMessage { .. }
                | Effect::SendMessage { .. } => {}
            }
        }
    }

    /// S2, S6: any rows in any order, as if one page held them all.
    fn sync(&mut self, online: &mut Online, request: SyncRequest, asked: MsgId) {
        let identity = online.identity();
        assert_eq!(request.queue(), identity.account());
        let kept = MsgId(self.choices.number());
        let mut after = if asked.0 == 0 { kept } else { asked };
        let begun = online.begin_sync(request, kept, &mut self.outbox.out);
        let error = begun.as_ref().err().copied();
        self.outbox.wrote(error, &Body::SyncBegin(after));
        let Ok(mut answer) = begun else { return };
        for _ in 0..self.choices.of(6) {
            after = self.sync_row(online, &mut answer, after);
            assert_eq!((answer.queue(), answer.after()), (identity.account(), Some(after)));
        }
        let finished = online.finish_sync(answer, &mut self.outbox.out);
        self.outbox.wrote(finished.err(), &Body::SyncEnd(after));
    }

    /// Returns where the answer goes on: a row that cannot be written may be given again.
    fn sync_row(&mut self, online: &mut Online, answer: &mut SyncAnswer, after: MsgId) -> MsgId {
        let (row, is_own) = self.row(online.identity(), after);
        let came = online.sync_row(answer, row.clone(), &mut self.outbox.out);
        if is_own || row.msgid <= after {
            assert_eq!(came, Ok(SyncRow::LeftOut));
            self.outbox.check();
            return after.max(row.msgid);
        }
        self.outbox.wrote_raw(came.err(), (row.command, Flags::NONE, &row.body[..]));
        if came.is_err() {
            return after;
        }
        assert_eq!(came, Ok(SyncRow::Taken));
        row.msgid
    }

    /// A row somewhere near the last, and whether this user has sent it from this device.
    fn row(&mut self, identity: Identity, after: MsgId) -> (StoredMessage, bool) {
        let msgid = MsgId(after.0.saturating_add(self.choices.number()));
        let own = identity.account();
        let customer = if self.choices.of(2) == 0 { CUSTOMER } else { own };
        let seller = if self.choices.of(2) == 0 { SELLER } else { own };
        let chat = CustomerMessage {
            customer_appid: customer.appid,
            customer_id: customer.uid,
            store_id: StoreId(1),
            seller_id: seller.uid,
            timestamp: UnixTime::from(0),
            content: Bytes::from_static(b"{}"),
        };
        let mut body = reference::chat_bytes(&chat);
        let whole = body.len();
        let (command, length) = match self.choices.of(5) {
            0 => (Command::CUSTOMER, whole),
            1 => (Command::CUSTOMER_SUPPORT, whole),
            // Without a sender: too short, no chat message, an unknown command.
            2 => (Command::CUSTOMER_SUPPORT, 35),
            3 => (Command::SYNC_KEY, whole),
            _ => (Command(64), whole),
        };
        body.truncate(length);
        let other_device = self.choices.of(2) == 1;
        let device_id = DeviceId(identity.device_id().0 ^ i64::from(other_device));
        let is_own = !other_device && length == whole && model::is_by(own, command, &chat);
        (StoredMessage { msgid, device_id, command, body: body.into() }, is_own)
    }
}

fn body_of(message: Outbound<'_>) -> Body {
    match message {
        Outbound::Chat(chat) => Message::from(chat.clone()).body,
        Outbound::SyncNotify(msgid) => Body::SyncNotify(msgid),
        other => panic!("{other:?} to a user's connections"),
    }
}
