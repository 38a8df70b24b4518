//! What becomes of a message, from any sender (H1–H10).

use bytes::BytesMut;
use kefu_proto::strategy::{self, SaveFailed};
use kefu_proto::{
    Accepted, Account, Ack, AckStatus, ChatMessage, Command, Config, Delivery, Effect, Encode,
};
use kefu_proto::{
    EncodeError, Flags, FrameDecoder, FrameLimit, Identity, Message, Outbound, Parsed,
};
use kefu_proto::{Refusal, Session, UnixTime};
use proptest::prelude::*;

use crate::exchange::{Exchange, Stop, delivered, exchange};
use crate::{ids, with};

proptest! {
    /// H2.1, H2.2, H2.3, H2.4, H3.1, H3.2, H3.3.
    #[test]
    fn h2_h3_a_message_is_refused_where_a_guard_is_broken_and_nowhere_else(
        (config, identity, message) in strategy::login().prop_flat_map(|(config, identity)| {
            let from_anyone = strategy::chat_message();
            let message = prop_oneof![from_anyone, strategy::refused(config, identity)];
            (Just(config), Just(identity), message)
        }),
    ) {
        let refusal = handled(config, identity, &message).err();
        let broken = broken(config, identity, &message);
        prop_assert_eq!(refusal.map(|refusal| refusal.reason()), broken);
    }

    /// H11.1.
    #[test]
    fn a_refused_message_asks_for_nothing(exchange in exchange()) {
        let log = exchange.run();
        if let Err(Stop::Refused(_)) = log.end {
            prop_assert_eq!(log.steps, [""; 0]);
        } else {
            prop_assert!(!log.steps.is_empty());
        }
    }

    /// H6.1, H6.2, H6.3, H7.1, H7.2, H7.3, H7.4, H7.5, H7.6, H7.7, H8.2, H14.1–H14.10.
    #[test]
    fn h6_h7_the_order_of_the_steps_with_the_saves_first(exchange in exchange()) {
        let log = exchange.run();
        let saves = ["SaveMessage"; 2];
        let expected = match log.end {
            Ok(_) if exchange.is_transient() => vec!["SendAppMessage", "EnqueueMessage"],
            Ok(_) => [&saves[..], &exchange.effects()].concat(),
            Err(Stop::Refused(_)) => vec![],
            Err(Stop::NotSaved(_)) if exchange.script.receiver.is_none() => saves[..1].into(),
            Err(Stop::NotSaved(_)) => saves.into(),
        };
        prop_assert_eq!(log.steps, expected);
    }

    /// H8.1.
    #[test]
    fn h8_a_failed_save_ends_the_delivery_with_the_stores_own_error(exchange in exchange()) {
        let persistent = !exchange.is_transient();
        match exchange.run().end {
            Ok(_) => prop_assert!(!persistent || exchange.script.copies().is_some()),
            Err(Stop::Refused(_)) => {}
            Err(Stop::NotSaved(SaveFailed)) => {
                prop_assert!(persistent && exchange.script.copies().is_none());
            }
        }
    }

    /// H5.1, H5.2.
    #[test]
    fn h5_no_effect_reaches_anyone_but_the_two_parties(exchange in delivered()) {
        let [receiver, sender] = exchange.parties();
        let effects = exchange.run().end.unwrap();
        for effect in &effects {
            let party = match effect {
                Effect::PushMessage { .. } | Effect::SendAppMessage { .. } => Some(receiver),
                Effect::SendMessage { .. } => Some(sender),
                Effect::EnqueueMessage { .. } => None,
            };
            prop_assert_eq!(effect.to(), party);
        }
        prop_assert_eq!(sender, exchange.identity.account());
    }

    /// H5.1, H5.2, H7.1, H7.2.
    #[test]
    fn h7_each_copy_is_saved_in_its_own_queue_with_the_sessions_device(exchange in exchange()) {
        let [receiver, sender] = exchange.parties();
        let device = exchange.identity.device_id();
        let saves = exchange.run().saves;
        let expected = [(receiver, device), (sender, device)];
        let told = saves.iter().map(|(queue, device, _)| (*queue, *device));
        prop_assert!(told.eq(expected.into_iter().take(saves.len())));
    }

    /// H6.2, H7.6, H9.1.
    #[test]
    fn h9_only_the_ack_goes_to_the_own_connection_and_it_comes_last(exchange in delivered()) {
        let seq = exchange.message.seq;
        let effects = exchange.run().end.unwrap();
        let own = |effect: &Effect<'_>| matches!(effect, Effect::EnqueueMessage { .. });
        prop_assert_eq!(effects.iter().filter(own).count(), 1);
        let ack = match effects.iter().last().map(|last| (last.to(), last.message())) {
            Some((None, Outbound::Ack(ack))) => ack,
            Some((None, Outbound::LiveAck(ack))) if exchange.is_v2() => ack.ack(),
            other => return Err(TestCaseError::fail(format!("{other:?}"))),
        };
        prop_assert_eq!(ack, seq.into());
    }

    /// H7.4, H7.5.
    #[test]
    fn h7_each_notify_carries_the_id_of_its_own_queue(exchange in delivered()) {
        let effects = exchange.run().end.unwrap();
        let notifies = effects.iter().filter_map(|effect| match effect.message() {
            Outbound::SyncNotify(msgid) => Some((effect.name(), msgid)),
            _ => None,
        });
        let notifies = notifies.collect::<Vec<_>>();
        if exchange.is_transient() {
            prop_assert_eq!(notifies, []);
            prop_assert_eq!(effects.copies(), None);
        } else {
            let copies = exchange.script.copies().unwrap();
            let [receiver, sender] = [copies.receiver.msgid, copies.sender.msgid];
            prop_assert_eq!(notifies, [("SendAppMessage", receiver), ("SendMessage", sender)]);
            prop_assert_eq!(effects.copies(), Some(copies));
        }
    }

    /// H4.1, H6.1, H7.3, W8.2.
    #[test]
    fn h4_the_hosts_time_is_everywhere_and_nothing_else_changes(exchange in delivered()) {
        let stamped = exchange.stamped();
        let log = exchange.run();
        for (_, _, saved) in &log.saves {
            prop_assert_eq!(saved, &stamped);
        }
        let effects = log.end.unwrap();
        prop_assert_eq!(effects.message(), &stamped);
        let mut chats = 0;
        for effect in &effects {
            if let Outbound::Chat(message) = effect.message() {
                chats += 1;
                prop_assert_eq!(message, &stamped);
            }
        }
        prop_assert_eq!(chats, 1);
    }

    /// H4.1.
    #[test]
    fn h4_the_clients_time_is_never_seen(exchange in exchange(), other in strategy::unix_time()) {
        let mut elsewhen = exchange.clone();
        let message = &exchange.message;
        elsewhen.message = with(message, ids(message), other, message.content().clone());
        prop_assert_eq!(exchange.run(), elsewhen.run());
    }

    /// H10.1.
    #[test]
    fn h10_what_is_stored_does_not_depend_on_the_rest_of_the_header(
        exchange in exchange(),
        seq in strategy::seq(),
        version in strategy::version(),
        flags in strategy::flags(),
    ) {
        let mut other = exchange.clone();
        let flags = Flags(flags.0 & !Flags::UNPERSISTENT.0);
        let body = Message::from(exchange.message.clone()).body;
        other.message = ChatMessage::try_from(Message { seq, version, flags, body }).unwrap();
        if !exchange.is_transient() {
            prop_assert_eq!(exchange.stored(), other.stored());
        }
    }

    #[test]
    fn both_ways_of_saving_give_the_same_effects(exchange in exchange()) {
        let handled = || exchange.session().handle(exchange.message.clone().into(), exchange.now);
        let Some(saved) = exchange.script.copies() else { return Ok(()) };
        let Ok(Accepted::Persistent(saves)) = handled().map(Delivery::accept) else {
            return Ok(());
        };
        let effects = handled()?.save_with(exchange.script.store())?;
        let [receiver, sender] = saves.requests();
        prop_assert_eq!([receiver.queue(), sender.queue()], exchange.parties());
        prop_assert_eq!([receiver.message(), sender.message()], [effects.message(); 2]);
        prop_assert_eq!(saves.message(), effects.message());
        prop_assert_eq!(saves.confirm(saved), effects);
    }

    #[test]
    fn whoever_asks_is_told_the_same_two_parties(exchange in exchange()) {
        let Ok(delivery) = exchange.session().handle(exchange.message.clone().into(), exchange.now)
        else {
            return Ok(());
        };
        let parties = exchange.parties();
        prop_assert_eq!([delivery.receiver(), delivery.sender()], parties);
        let effects = match delivery.accept() {
            Accepted::Transient(effects) => effects,
            Accepted::Persistent(saves) => {
                prop_assert_eq!([saves.receiver(), saves.sender()], parties);
                for save in saves.requests() {
                    prop_assert_eq!([save.receiver(), save.sender()], parties);
                }
                let Some(copies) = exchange.script.copies() else { return Ok(()) };
                saves.confirm(copies)
            }
        };
        prop_assert_eq!([effects.receiver(), effects.sender()], parties);
    }

    /// W2.4, H6.1, H7.3: what a host puts in the place of the content, or refuses.
    #[test]
    fn other_content_changes_the_content_alone(
        exchange in delivered(),
        content in strategy::content(),
        limit in 0..100_u32,
    ) {
        let handle = || exchange.session().handle(exchange.message.clone().into(), exchange.now);
        let mut delivery = handle()?;
        let (length, limit) = (36 + content.len(), FrameLimit::new(limit));
        let changed = delivery.set_content(content.clone(), limit);
        if length < usize::try_from(limit.get()).unwrap() {
            prop_assert_eq!(changed, Ok(()));
            let message = &exchange.message;
            let message = with(message, ids(message), message.timestamp(), content);
            let other = Exchange { message, ..exchange.clone() };
            let effects = delivery.save_with(exchange.script.store()).unwrap();
            prop_assert_eq!(effects, other.run().end.unwrap());
        } else {
            prop_assert_eq!(changed, Err(EncodeError::BodyTooLong { length, limit }));
            prop_assert_eq!(delivery, handle()?);
        }
    }

    /// H11.1, H11.3, H11.4: silence in version 1, in version 2 an ACK that says so.
    #[test]
    fn h11_what_the_host_refuses_has_no_effect_but_an_ack(
        exchange in delivered(),
        status in strategy::ack_status(),
    ) {
        let handle = || exchange.session().handle(exchange.message.clone().into(), exchange.now);
        let effects = handle()?.refuse_with(status);
        prop_assert_eq!(effects.copies(), None);
        let seq = exchange.message.seq;
        let ack = Effect::EnqueueMessage { message: Outbound::Ack(Ack { seq, status }) };
        let expected = if exchange.is_v2() { vec![ack] } else { vec![] };
        prop_assert_eq!(effects.len(), expected.len());
        prop_assert!(effects.iter().eq(expected));
        prop_assert_eq!(handle()?.refuse(), handle()?.refuse_with(AckStatus::BLOCKED));
    }

    #[test]
    fn the_list_counts_itself_and_ends(exchange in delivered()) {
        let effects = exchange.run().end.unwrap();
        prop_assert_eq!(effects.len(), exchange.effects().len());
        prop_assert!(!effects.is_empty());
        let mut iter = effects.iter();
        for left in (1..=effects.len()).rev() {
            prop_assert_eq!(iter.size_hint(), (left, Some(left)));
            prop_assert!(iter.next().is_some());
        }
        for _ in 0..3 {
            prop_assert_eq!((iter.len(), iter.next()), (0, None));
        }
        prop_assert!((&effects).into_iter().eq(effects.clone().iter()));
    }

    #[test]
    fn the_content_is_never_copied(exchange in exchange()) {
        let content = exchange.message.content().clone();
        let mut read = BytesMut::new();
        exchange.message.encode(&mut read).unwrap();
        let start = read[12 + 36..].as_ptr();
        let frame = FrameDecoder::new(FrameLimit::CLIENT).decode(&mut read).unwrap().unwrap();
        let Ok(Parsed::Message(message)) = frame.parse() else { unreachable!() };
        let Ok(delivery) = exchange.session().handle(message, exchange.now) else { return Ok(()) };
        let mut answers = exchange.script.store();
        let effects = delivery.save_with(|save| {
            let stored = save.message().content();
            assert_eq!((stored.as_ptr(), stored.len()), (start, content.len()));
            answers(save)
        });
        for effect in effects.iter().flatten() {
            let owned = effect.message().into_owned();
            if let (Outbound::Chat(chat), Outbound::Chat(owned)) = (effect.message(), owned.get()) {
                for sent in [chat.content(), owned.content()] {
                    prop_assert_eq!((sent.as_ptr(), sent.len()), (start, content.len()));
                    prop_assert_eq!(sent, &content);
                }
            }
        }
    }
}

fn handled(config: Config, identity: Identity, message: &ChatMessage) -> Result<(), Refusal> {
    let message = Message::from(message.clone());
    Session::new(config, identity).handle(message, UnixTime::from(1)).map(drop)
}

/// H2, H3, H13: the first guard that a message breaks.
fn broken(config: Config, identity: Identity, message: &ChatMessage) -> Option<&'static str> {
    guards(config, identity, message)
        .into_iter()
        .find_map(|(broken, reason)| broken.then_some(reason))
}

/// H2, H3, H13: every guard that a message has to pass, in order, and whether it breaks it.
pub(crate) fn guards(
    config: Config,
    identity: Identity,
    message: &ChatMessage,
) -> Vec<(bool, &'static str)> {
    let Account { appid, uid } = identity.account();
    let kefu_appid = config.kefu_appid();
    let ids = ids(message);
    match message.command() {
        Command::CUSTOMER => vec![
            (ids[0] != appid.0, "customer_appid_mismatch"),
            (ids[1] != uid.0, "customer_id_mismatch"),
            (ids[3] == 0, "seller_id_zero"),
        ],
        Command::CUSTOMER_SUPPORT => {
            vec![(appid != kefu_appid, "not_kefu_app"), (ids[3] != uid.0, "seller_id_mismatch")]
        }
        _ => vec![
            (ids[..2] != [appid.0, uid.0], "sender_mismatch"),
            (![ids[0], ids[2]].contains(&kefu_appid.0), "no_kefu_side"),
        ],
    }
}
