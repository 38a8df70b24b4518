//! A host that answers whatever the choices say.

use kefu_proto::Seq;
use kefu_proto::{Accepted, Account, AckStatus, AppId, Appended, AuthToken, Body, Delivery};
use kefu_proto::{DeviceId, Effect, Effects, Identity, MsgId, Online, Outbound, Request, Saves};
use kefu_proto::{SyncBounds, SyncRequest, UserId};

use super::effects::{self, Ending};
use super::model::{Delivered, Expected};
use super::rows;
use crate::answer::Answer;
use crate::chat::{CUSTOMER, SELLER};
use crate::input::Choices;
use crate::outbox::Outbox;

pub(super) struct Host<'h, 'i> {
    pub(super) outbox: &'h mut Outbox,
    pub(super) choices: &'h mut Choices<'i>,
    pub(super) bounds: SyncBounds,
    /// How many copies have been stored under the next number.
    pub(super) saved: i64,
    /// Of messages that were stored twice, that need no storing, or that were refused with one.
    pub(super) acks_owed: Vec<Seq>,
}

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
            (Request::Reply(message), _) => {
                let _ = self.outbox.write(online, &message, &Body::Pong.into());
            }
            (Request::Sync(request), Expected::Sync(asked)) => self.sync(online, request, asked),
            _ => {}
        }
    }

    /// Another session has something to say.
    pub(super) fn tell_of_others(&mut self, online: &mut Online) {
        let key = MsgId(self.choices.number());
        let (notify, expected) = (Outbound::SyncNotify(key), Body::SyncNotify(key));
        let _ = self.outbox.write(online, &notify, &expected.into());
    }

    fn deliver(&mut self, online: &mut Online, delivery: Delivery, expected: &Delivered) {
        if !delivery.is_persistent() {
            let Accepted::Transient(effects) = delivery.accept() else { panic!("to be stored") };
            return self.apply(online, &effects, expected, Ending::Transient);
        }
        let fails_at = match self.choices.of(4) {
            0 => None,
            3 => return self.refuse(online, delivery, expected),
            first_or_second => Some(usize::from(first_or_second - 1)),
        };
        let Accepted::Persistent(saves) = delivery.accept() else { panic!("not to be stored") };
        self.store(online, saves, expected, fails_at);
    }

    /// H11.3, H11.4
    fn refuse(&mut self, online: &mut Online, delivery: Delivery, expected: &Delivered) {
        let status = AckStatus(i8::from_be_bytes([self.choices.byte()]));
        let effects = delivery.refuse_with(status);
        self.apply(online, &effects, expected, Ending::Refused(status));
    }

    /// H7, H8: both copies, or none of the rest.
    fn store(
        &mut self,
        online: &mut Online,
        saves: Saves,
        expected: &Delivered,
        fails_at: Option<usize>,
    ) {
        let (account, device_id) = (online.identity().account(), online.identity().device_id());
        let queues = [expected.receiver, account];
        let mut copies = vec![];
        let effects = saves.save_with(|save| {
            assert_eq!(save.queue(), queues[copies.len()]);
            assert_eq!((save.device_id(), save.message()), (device_id, &expected.chat));
            if fails_at == Some(copies.len()) {
                return Err(copies.len());
            }
            copies.push(self.append(expected.is_v2()));
            Ok(*copies.last().unwrap())
        });
        match (effects, &copies[..]) {
            (Ok(effects), &[receiver, sender]) => {
                assert_eq!(fails_at, None);
                self.apply(online, &effects, expected, Ending::Stored { receiver, sender });
            }
            (failed, _) => assert_eq!(failed.err(), fails_at),
        }
    }

    /// A store's own numbers, or any. In version 1 it does not matter what was there before.
    fn append(&mut self, is_v2: bool) -> Appended {
        let before = MsgId(self.saved);
        self.saved += 1;
        let msgid = MsgId(self.saved.saturating_add(self.choices.number()));
        let knows = if is_v2 { self.choices.of(3) } else { 0 };
        let previous = match knows {
            0 => Some(before),
            1 => None,
            _ => Some(MsgId(self.choices.number())),
        };
        Appended { msgid, previous }
    }

    /// H6, H7, H14: in order, and ending with the ACK.
    fn apply(
        &mut self,
        online: &mut Online,
        effects: &Effects,
        delivered: &Delivered,
        ending: Ending,
    ) {
        let own = online.identity().account();
        let expected = effects::expected(delivered, own, ending);
        assert!(effects.iter().map(effects::told).eq(expected.iter().cloned()), "{effects:?}");
        for (effect, told) in effects.iter().zip(expected) {
            let (comes_here, is_ack) = match effect {
                Effect::EnqueueMessage { .. } => (true, true),
                Effect::SendAppMessage { to, .. } => (to == own, false),
                Effect::PushMessage { .. } | Effect::SendMessage { .. } => (false, false),
            };
            if !comes_here {
                continue;
            }
            let frames = self.outbox.frames_of(&told.outgoing);
            let written = self.outbox.write(online, &effect.message(), &told.outgoing);
            if is_ack && written.is_ok() && !frames.is_empty() {
                self.acks_owed.push(delivered.seq);
            }
        }
    }

    /// S2, S6, S12, D4: any rows in any order, as if one page held them all.
    fn sync(&mut self, online: &mut Online, request: SyncRequest, asked: MsgId) {
        let identity = online.identity();
        assert_eq!(request.queue(), identity.account());
        let kept = MsgId(self.choices.number());
        let rows = self.choices.of(6);
        let begun = online.begin_sync(request, kept, &mut self.outbox.out);
        let expected = Answer::begin(self.outbox, identity, self.bounds, (asked, kept));
        assert_eq!(begun.as_ref().err(), expected.as_ref().err());
        self.outbox.check();
        let (Ok(mut answer), Ok(mut expected)) = (begun, expected) else { return };
        for _ in 0..rows {
            if self.choices.of(8) == 7 {
                self.tell_of_others(online);
            }
            let after = expected.after().unwrap_or(kept);
            let row = rows::near(after, identity, self.choices);
            let came = online.sync_row(&mut answer, row.clone(), &mut self.outbox.out);
            assert_eq!(came, expected.row(self.outbox, &row));
            assert_eq!((answer.queue(), answer.after()), (identity.account(), expected.after()));
            assert_eq!(answer.room(), expected.room());
            self.outbox.check();
        }
        assert_eq!(answer.wants_newest(), expected.wants_newest());
        if answer.wants_newest() {
            let newest = MsgId(self.choices.number());
            answer.set_newest(newest);
            expected.set_newest(newest);
        }
        let finished = online.finish_sync(answer, &mut self.outbox.out);
        assert_eq!(finished, expected.finish(self.outbox));
        self.outbox.check();
    }
}
