//! A host that answers whatever the choices say.

use bytes::Bytes;
use kefu_proto::{Account, AppId, AuthToken, Body, Command, CustomerMessage, DeviceId, Effect};
use kefu_proto::{Effects, Flags, Identity, MsgId, Online, Outbound, Request, Saved, Saves};
use kefu_proto::{StoreId, StoredMessage, SyncRequest, UnixTime, UserId};

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

const CUSTOMER: Account = Account { appid: AppId(7), uid: UserId(1) };
const SELLER: Account = Account { appid: KEFU_APP, uid: UserId(2) };

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
        _ => Account { appid: AppId(choices.number()), uid: UserId(choices.number()) },
    };
    Identity::new(account, DeviceId(choices.number())).ok()
}

impl Host<'_, '_> {
    pub(super) fn finish(&mut self, online: &mut Online, begun: (Request, Expected)) {
        match begun {
            (Request::Store(saves), Expected::Deliver(expected)) => {
                self.store(online, saves, &expected);
            }
            (Request::Apply(effects), Expected::Deliver(expected)) => {
                self.apply(online, &effects, &expected, None);
            }
            (Request::Reply(message), _) => self.outbox.write(online, &message, &Body::Pong),
            (Request::Sync(request), Expected::Sync(asked)) => self.sync(online, request, asked),
            _ => {}
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
            assert_eq!(save.queue, queues[msgids.len()]);
            assert_eq!((save.device_id, save.message), (device_id, &expected.chat));
            if fails_at == Some(msgids.len()) {
                return Err(msgids.len());
            }
            msgids.push(self.next_msgid());
            Ok(*msgids.last().unwrap())
        });
        match (effects, &msgids[..]) {
            (Ok(effects), &[receiver, sender]) => {
                assert_eq!(fails_at, None);
                self.apply(online, &effects, expected, Some(Saved { receiver, sender }));
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
        saved: Option<Saved>,
    ) {
        let (to, own) = (*receiver, online.identity().account());
        let ack = Effect::EnqueueMessage { message: Outbound::Ack(chat.seq) };
        let expected = match saved {
            None => vec![Effect::SendAppMessage { to, message: Outbound::Chat(chat) }, ack],
            Some(Saved { receiver, sender }) => vec![
                Effect::PushMessage { to, message: Outbound::Chat(chat) },
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
                    self.outbox.write(online, &message, &message.to_message().body);
                }
                Effect::EnqueueMessage { message } => {
                    self.outbox.write(online, &message, &Body::Ack(chat.seq));
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
        let (begin, mut pages) = request.begin(kept);
        self.outbox.write(online, &begin, &Body::SyncBegin(after));
        for _ in 0..self.choices.of(6) {
            let (row, is_own) = self.row(identity, after);
            let is_next = row.msgid > after;
            let frame = pages.row(row.clone());
            assert_eq!(frame.is_some(), is_next && !is_own);
            after = after.max(row.msgid);
            assert_eq!(pages.after(), after);
            if let Some(frame) = frame {
                let expected = (row.command, Flags::NONE, &row.body[..]);
                self.outbox.write_raw(online, &frame, expected);
            }
        }
        self.outbox.write(online, &pages.end(), &Body::SyncEnd(after));
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
            // Said by nobody: too short, of no chat, of no kind.
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
