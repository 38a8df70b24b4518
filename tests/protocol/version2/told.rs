//! What a handler makes of a CUSTOMER_V2, for other tests.

use kefu_proto::{
    Account, AppId, Appended, Body, Config, Copies, CustomerMessageV2, Delivery, DeviceId, Effect,
    Effects, Flags, Identity, Message, MsgId, OwnedOutbound, Refusal, Seq, Session, UnixTime,
    UserId, Version,
};

pub(super) const CUSTOMER: Account = Account::new(AppId(7), UserId(1));
pub(super) const SELLER: Account = Account::new(AppId(1453), UserId(2));
pub(super) const NOW: i32 = 1_700_000_000;

/// What a session of `who` says to `message`.
pub(super) fn handle(who: Account, message: Message) -> Result<Delivery, Refusal> {
    let config = Config::new(AppId(1453)).unwrap();
    let session = Session::new(config, Identity::new(who, DeviceId(11)).unwrap());
    session.handle(message, UnixTime::from(NOW))
}

/// A CUSTOMER_V2 with seq 9 in a frame of version 1, as web clients send it.
pub(super) fn from_to(sender: Account, receiver: Account, flags: Flags) -> Message {
    let content = b"hi"[..].into();
    let timestamp = UnixTime::from(1);
    let body = Body::CustomerV2(CustomerMessageV2 { sender, receiver, timestamp, content });
    Message { seq: Seq(9), version: Version(1), flags, body }
}

/// Stored under 41 and 52, behind 40 and 50 where that is known.
pub(super) fn stored(delivery: Delivery, knows_receiver: bool, knows_sender: bool) -> Effects {
    let answer = |msgid, previous, is_known: bool| Appended {
        msgid: MsgId(msgid),
        previous: is_known.then_some(MsgId(previous)),
    };
    let copies =
        Copies { receiver: answer(41, 40, knows_receiver), sender: answer(52, 50, knows_sender) };
    let mut answers = [copies.receiver, copies.sender].into_iter();
    let effects = delivery.save_with(|_| answers.next().ok_or(())).unwrap();
    assert_eq!(effects.copies(), Some(copies));
    effects
}

fn effects() -> Effects {
    stored(handle(CUSTOMER, from_to(CUSTOMER, SELLER, Flags::TEXT)).unwrap(), true, true)
}

/// The copy for the seller, behind 40: METADATA and a CUSTOMER_V2.
pub(super) fn live_copy(content: &'static [u8]) -> OwnedOutbound {
    let mut message = from_to(CUSTOMER, SELLER, Flags::TEXT);
    if let Body::CustomerV2(body) = &mut message.body {
        body.content = content.into();
    }
    let effects = stored(handle(CUSTOMER, message).unwrap(), true, true);
    let copy = effects.iter().find_map(|effect| match effect {
        Effect::SendAppMessage { message, .. } => Some(message.into_owned()),
        _ => None,
    });
    copy.unwrap()
}

/// METADATA and the ACK of 9.
pub(super) fn live_ack() -> OwnedOutbound {
    effects().iter().last().unwrap().message().into_owned()
}
