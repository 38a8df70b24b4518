//! Who may say what in version 2, and the eight effects (H13, H14).

use bytes::BytesMut;
use kefu_proto::{
    Account, AckStatus, AppId, Body, DeviceId, Effects, Encode, Flags, FrameDecoder, FrameLimit,
    FrameWriter, Message, MsgId, Parsed, Refusal, Role, Seq, UserId, Version,
};

use super::told::{CUSTOMER, NOW, SELLER, from_to, handle, stored};

const KEFU: AppId = AppId(1453);
const COLLEAGUE: Account = Account::new(KEFU, UserId(3));
const STRANGER: Account = Account::new(AppId(7), UserId(9));

/// H13.1, H13.2, H13.3: the first that is broken is named.
#[test]
fn h13_1_h13_2_the_guards_in_their_order() {
    let mismatch = |claimed, session| Some(Refusal::SenderMismatch { claimed, session });
    let (sender, receiver) = (AppId(7), AppId(7));
    let no_kefu_side = Some(Refusal::NoKefuSide { sender, receiver, kefu_appid: KEFU });
    let nobody = Account::new(AppId(0), UserId(0));
    for (session, sender, receiver, refused) in [
        (CUSTOMER, CUSTOMER, SELLER, None),
        (SELLER, SELLER, CUSTOMER, None),
        (SELLER, SELLER, COLLEAGUE, None),
        (SELLER, SELLER, SELLER, None),
        (SELLER, SELLER, nobody, None),
        (SELLER, SELLER, Account::new(AppId(-1), UserId(i64::MIN)), None),
        (CUSTOMER, CUSTOMER, Account::new(KEFU, UserId(0)), None),
        (CUSTOMER, STRANGER, SELLER, mismatch(STRANGER, CUSTOMER)),
        (CUSTOMER, SELLER, CUSTOMER, mismatch(SELLER, CUSTOMER)),
        (CUSTOMER, Account::new(AppId(8), UserId(1)), SELLER, {
            mismatch(Account::new(AppId(8), UserId(1)), CUSTOMER)
        }),
        (CUSTOMER, STRANGER, STRANGER, mismatch(STRANGER, CUSTOMER)),
        (CUSTOMER, CUSTOMER, STRANGER, no_kefu_side),
        (CUSTOMER, CUSTOMER, CUSTOMER, no_kefu_side),
    ] {
        let handled = handle(session, from_to(sender, receiver, Flags::NONE));
        let accepted =
            handled.as_ref().ok().map(|delivery| (delivery.sender(), delivery.receiver()));
        assert_eq!(handled.err(), refused, "{sender} to {receiver}");
        assert_eq!(accepted, refused.is_none().then_some((sender, receiver)));
    }
}

#[test]
fn h13_2_a_refusal_says_why() {
    let refused = |sender, receiver| {
        let refusal = handle(CUSTOMER, from_to(sender, receiver, Flags::NONE)).unwrap_err();
        (refusal.to_string(), refusal.reason())
    };
    let text = "H13.1: the sender 7/9 is not the session's account 7/1";
    assert_eq!(refused(STRANGER, SELLER), (text.to_owned(), "sender_mismatch"));
    let text = "H13.2: neither 7 nor 7 is of the kefu app 1453";
    assert_eq!(refused(CUSTOMER, STRANGER), (text.to_owned(), "no_kefu_side"));
}

/// Who is the seller: the sender, if of the kefu app (D2.3).
#[test]
fn d2_3_the_two_sides_of_a_customer_v2() {
    for (sender, receiver, seller, customer) in [
        (CUSTOMER, SELLER, SELLER, CUSTOMER),
        (SELLER, CUSTOMER, SELLER, CUSTOMER),
        (SELLER, COLLEAGUE, SELLER, COLLEAGUE),
    ] {
        let delivery = handle(sender, from_to(sender, receiver, Flags::NONE)).unwrap();
        assert_eq!((delivery.seller(), delivery.customer()), (seller, customer));
    }
}

/// H14.1, H14.2, H14.11, H13.5, H4.1: what is stored, whatever the flags.
#[test]
fn h14_1_h14_2_both_copies_are_stored_without_what_the_frame_said() {
    for flags in 0..=255 {
        let delivery = handle(CUSTOMER, from_to(CUSTOMER, SELLER, Flags(flags))).unwrap();
        assert!(delivery.is_persistent(), "{flags}");
        let mut saves = Vec::new();
        let effects = delivery
            .save_with(|save| {
                let message = save.message();
                let head = (message.seq(), message.version(), message.flags());
                assert_eq!(head, (Seq(0), Version(2), Flags::NONE));
                assert_eq!(message.timestamp().as_secs(), NOW);
                saves.push((save.queue(), save.role(), save.device_id()));
                Ok::<_, ()>(MsgId(1))
            })
            .unwrap();
        assert!(!effects.is_empty());
        let device = DeviceId(11);
        let expected = [(SELLER, Role::Receiver, device), (CUSTOMER, Role::Sender, device)];
        assert_eq!(saves, expected);
    }
}

/// H14.3, H14.4, H14.5, H14.6, H14.7, H14.8, H14.9, H14.11.
#[test]
fn h14_3_to_h14_9_the_effects_in_order_with_what_the_store_knows() {
    let all = [
        "PushMessage 1453/2 CUSTOMER_V2 seq 0 version 2 flags 00",
        "SendAppMessage 1453/2 METADATA 41 behind 40, CUSTOMER_V2 seq 0 version 2 flags 11",
        "SendAppMessage 1453/2 SYNC_NOTIFY 41",
        "SendMessage 7/1 METADATA 52 behind 50, CUSTOMER_V2 seq 0 version 2 flags 11",
        "SendMessage 7/1 SYNC_NOTIFY 52",
        "EnqueueMessage METADATA 52 behind 50, ACK 9 status 0",
    ];
    let alone = "EnqueueMessage ACK 9 status 0";
    for (receiver, sender, expected) in [
        (true, true, all.to_vec()),
        (true, false, vec![all[0], all[1], all[2], all[4], alone]),
        (false, true, vec![all[0], all[2], all[3], all[4], all[5]]),
        (false, false, vec![all[0], all[2], all[4], alone]),
    ] {
        let delivery = handle(CUSTOMER, from_to(CUSTOMER, SELLER, Flags::TEXT)).unwrap();
        let effects = stored(delivery, receiver, sender);
        assert_eq!(shown(&effects), expected);
        assert_eq!((effects.len(), effects.iter().len()), (expected.len(), expected.len()));
    }
}

/// H13.4, H13.5: of the client's flags all go out but those of servers, and PUSH is added.
#[test]
fn h13_4_only_a_server_sets_the_flags_of_servers() {
    for flags in 0..=255_u8 {
        let delivery = handle(SELLER, from_to(SELLER, CUSTOMER, Flags(flags))).unwrap();
        let effects = stored(delivery, true, true);
        let copies: Vec<_> = effects
            .iter()
            .map(|effect| effect.message())
            .filter(|message| message.command().name() == Some("CUSTOMER_V2"))
            .map(|message| message.flags().0)
            .collect();
        let live = flags & 0b1100_0111 | 0x10;
        assert_eq!(copies, [0, live, live], "{flags:08b}");
    }
}

/// H14.10: the others keep the effects of version 1, whatever the store knows.
#[test]
fn h14_10_there_is_no_live_copy_of_a_message_of_version_1() {
    let message = super::super::connection::client::chat(Flags::TEXT);
    let effects = stored(handle(CUSTOMER, message).unwrap(), true, true);
    let names: Vec<_> = effects.iter().map(|effect| effect.name()).collect();
    assert_eq!(names, ["PushMessage", "SendAppMessage", "SendMessage", "EnqueueMessage"]);
    assert!(shown(&effects).iter().all(|line| !line.contains("METADATA")));
}

/// H11.4: an ACK that says so in version 2, silence in version 1.
#[test]
fn h11_4_a_host_that_refuses_says_so() {
    let to_seller = || from_to(CUSTOMER, SELLER, Flags::NONE);
    let refused = |message: Message, status| handle(CUSTOMER, message).unwrap().refuse_with(status);
    for status in [AckStatus::NOT_MY_FRIEND, AckStatus(-1), AckStatus::OK] {
        let effects = refused(to_seller(), status);
        assert_eq!(shown(&effects), [format!("EnqueueMessage ACK 9 status {status}")]);
        assert_eq!((effects.copies(), effects.is_empty()), (None, false));
    }
    let effects = handle(CUSTOMER, to_seller()).unwrap().refuse();
    assert_eq!(shown(&effects), ["EnqueueMessage ACK 9 status 3"]);
    let version1 = super::super::connection::client::chat(Flags::NONE);
    assert!(refused(version1, AckStatus::BLOCKED).is_empty());
}

/// Each effect, and what its frames say on a connection of version 2.
fn shown(effects: &Effects) -> Vec<String> {
    effects
        .iter()
        .map(|effect| {
            let to = effect.to().map(|to| format!(" {to}")).unwrap_or_default();
            let message = effect.message();
            let mut out = BytesMut::new();
            let mut writer = FrameWriter::default();
            writer.set_version(Version(2));
            writer.write(&message, &mut out).unwrap();
            let mut frames = Vec::new();
            let decoder = FrameDecoder::new(FrameLimit::CLIENT);
            while let Some(frame) = decoder.decode(&mut out).unwrap() {
                let Parsed::Message(Message { body, .. }) = frame.parse().unwrap() else {
                    panic!("unlisted")
                };
                frames.push(match body {
                    Body::Metadata(of) => {
                        format!("METADATA {} behind {}", of.sync_key, of.prev_sync_key)
                    }
                    Body::SyncNotify(msgid) => format!("SYNC_NOTIFY {msgid}"),
                    Body::Ack(ack) => format!("ACK {} status {}", ack.seq, ack.status),
                    body => {
                        let (seq, version) = (message.seq(), message.version());
                        let flags = message.flags().0;
                        format!("{} seq {seq} version {version} flags {flags:02x}", body.command())
                    }
                });
            }
            format!("{}{to} {}", effect.name(), frames.join(", "))
        })
        .collect()
}
