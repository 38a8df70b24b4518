//! The effects of a CUSTOMER_V2 (H13, H14).

use kefu_proto::strategy;
use kefu_proto::{Effect, Encode, Flags, Message, Metadata, MsgId, Outbound};
use proptest::prelude::*;

use crate::exchange::{Exchange, delivered};
use crate::{ids, with};

proptest! {
    /// H14.1–H14.10: in full, for each of the two copies with `previous` and without.
    #[test]
    fn h14_the_effects_in_full(exchange in of_version_2()) {
        let [receiver, sender] = exchange.parties();
        let [to_receiver, to_sender] = exchange.answers();
        let effects = exchange.run().end.unwrap();
        let mut effects = effects.iter();

        let Some(Effect::PushMessage { to, message }) = effects.next() else {
            return Err(TestCaseError::fail("no push"));
        };
        prop_assert_eq!((to, message), (receiver, &exchange.stamped()));
        let flags = exchange.message.flags.without(OF_SERVERS) | Flags::PUSH;
        if let Some(previous) = to_receiver.previous {
            let Some(Effect::SendAppMessage { to, message }) = effects.next() else {
                return Err(TestCaseError::fail("no copy to the receiver"));
            };
            prop_assert_eq!(to, receiver);
            is_copy(&exchange, message, flags, to_receiver.msgid, previous)?;
        }
        let message = Outbound::SyncNotify(to_receiver.msgid);
        prop_assert_eq!(effects.next(), Some(Effect::SendAppMessage { to: receiver, message }));
        if let Some(previous) = to_sender.previous {
            let Some(Effect::SendMessage { to, message }) = effects.next() else {
                return Err(TestCaseError::fail("no copy to the sender"));
            };
            prop_assert_eq!(to, sender);
            is_copy(&exchange, message, flags, to_sender.msgid, previous)?;
        }
        let message = Outbound::SyncNotify(to_sender.msgid);
        prop_assert_eq!(effects.next(), Some(Effect::SendMessage { to: sender, message }));
        match (effects.next().map(|effect| (effect.to(), effect.message())), to_sender.previous) {
            (Some((None, Outbound::Ack(ack))), None) => {
                prop_assert_eq!(ack, exchange.message.seq.into());
            }
            (Some((None, Outbound::LiveAck(ack))), Some(prev_sync_key)) => {
                prop_assert_eq!(ack.ack(), exchange.message.seq.into());
                let sync_key = to_sender.msgid;
                prop_assert_eq!(ack.metadata(), Metadata { sync_key, prev_sync_key });
            }
            other => prop_assert!(false, "{other:?}"),
        }
        prop_assert_eq!(effects.next(), None);
    }

    /// H14.10: version 1 knows no live copies, whatever the store knows.
    #[test]
    fn h14_a_message_of_version_1_has_no_metadata(exchange in delivered()) {
        if !exchange.is_v2() {
            let effects = exchange.run().end.unwrap();
            for effect in &effects {
                let message = effect.message();
                prop_assert!(
                    matches!(message, Outbound::Chat(_) | Outbound::SyncNotify(_) | Outbound::Ack(_)),
                    "{message:?}"
                );
            }
        }
    }

    /// H13.4: a client cannot pose as a server.
    #[test]
    fn h13_the_flags_of_servers_are_taken_from_a_client(exchange in of_version_2(), more: u8) {
        let mut other = exchange.clone();
        let mut message = Message::from(other.message);
        message.flags.0 ^= more & OF_SERVERS.0;
        other.message = message.try_into().unwrap();
        prop_assert_eq!(other.run(), exchange.run());
    }

    /// H13.5
    #[test]
    fn h13_a_message_of_version_2_is_stored_whatever_its_flags(exchange in of_version_2()) {
        prop_assert_eq!(exchange.run().saves.len(), 2);
    }

    /// H13.3: nothing else is tested.
    #[test]
    fn h13_the_receiver_may_be_anybody(exchange in of_version_2(), uid in strategy::user_id()) {
        let mut other = exchange.clone();
        let [sender_appid, sender, receiver_appid, _] = ids(&exchange.message);
        let ids = [sender_appid, sender, receiver_appid, uid.0];
        let (now, content) = (exchange.now, exchange.message.content().clone());
        other.message = with(&exchange.message, ids, now, content);
        prop_assert!(other.run().end.is_ok());
    }
}

const OF_SERVERS: Flags = Flags(0x08 | 0x10 | 0x20);

/// Whether it is the message under these flags, and this metadata.
fn is_copy(
    exchange: &Exchange,
    message: Outbound<'_>,
    flags: Flags,
    sync_key: MsgId,
    prev_sync_key: MsgId,
) -> Result<(), TestCaseError> {
    let Outbound::LiveCopy(copy) = message else {
        return Err(TestCaseError::fail(format!("{message:?}")));
    };
    prop_assert_eq!(copy.metadata(), Metadata { sync_key, prev_sync_key });
    let stamped = exchange.stamped();
    let mut expected = Vec::new();
    stamped.encode_body(&mut expected).unwrap();
    let mut body = Vec::new();
    copy.encode_body(&mut body).unwrap();
    prop_assert_eq!(body, expected);
    let head = (copy.seq(), copy.command(), copy.version(), copy.flags());
    prop_assert_eq!(head, (stamped.seq, stamped.command(), stamped.version, flags));
    Ok(())
}

fn of_version_2() -> impl Strategy<Value = Exchange> {
    delivered().prop_filter("of version 2", Exchange::is_v2)
}
