//! Values as their users see them: what they print, what they are made of, and what they are not.

use std::error::Error;
use std::fmt::{Debug, Display};

use bytes::Bytes;
use kefu_proto::{Accepted, Account, AppId, AuthToken, Body, ChatMessage, Command, Config};
use kefu_proto::{
    CustomerMessage, CustomerMessageV2, DecodeError, DecodeOutboundError, Delivery, DeviceId,
    Effect, Effects, EffectsIter,
};
use kefu_proto::{EncodeError, Flags, Frame, FrameDecoder, FrameLimit, FrameWriter, Identity};
use kefu_proto::{
    LoginStatus, Message, MsgId, Online, Outbound, OwnedOutbound, ParseAccountError, Parsed,
    Platform,
};
use kefu_proto::{Refusal, SaveMessage, Saves, Seq, Session, ShortBytes, StoreId, TimeOutOfRange};
use kefu_proto::{TooLong, UnixTime, UserId, Version, ZeroId};

/// Neither this nor its bytes may be printed.
const SECRET: &[u8] = b"secret";

#[test]
fn debug_shows_no_content() {
    let chat = chat_message();
    never_secret(&text());
    never_secret(&chat);
    never_secret(&Message::from(chat.clone()));
    never_secret(&Parsed::Message(chat.clone().into()));
    never_secret(&Outbound::Chat(&chat).into_owned());
    let frame = Frame::new(Command(99), Bytes::from_static(SECRET));
    never_secret(&frame);
    assert!(format!("{frame:?}").ends_with("flags: Flags(0), body_len: 6 }"));
    never_secret(&Parsed::Unlisted(frame));
    assert!(format!("{:?}", text()).contains("content_len: 6"));
    let account = Account::new(AppId(7), UserId(1));
    let version2 = CustomerMessageV2 {
        sender: account,
        receiver: account,
        timestamp: UnixTime::from(1),
        content: Bytes::from_static(SECRET),
    };
    never_secret(&version2);
    assert!(format!("{version2:?}").contains("content_len: 6"));
}

#[test]
fn debug_shows_no_token() {
    let secret = || ShortBytes::new(SECRET).unwrap();
    let platform = Platform::IOS;
    let login = AuthToken { platform, token: secret(), device_id: secret() };
    let body = Body::AuthToken(login.clone());
    never_secret(&secret());
    never_secret(&login);
    never_secret(&body);
    let (seq, version, flags) = (Seq(1), Version(1), Flags::NONE);
    never_secret(&Message { seq, version, flags, body });
    assert_eq!(format!("{:?}", secret()), "ShortBytes(6 bytes)");
}

#[test]
fn debug_of_what_the_handler_returns_shows_no_content() {
    for flags in [Flags::NONE, Flags::UNPERSISTENT] {
        let mut message = chat_message();
        message.flags = flags;
        let delivery = session().handle(message.into(), UnixTime::from(1)).unwrap();
        never_secret(&delivery);
        let accepted = session().handle(chat_message().into(), UnixTime::from(1)).unwrap().accept();
        never_secret(&accepted);
        let effects = delivery.save_with(|save| {
            never_secret(&save);
            Ok::<_, ()>(MsgId(1))
        });
        let effects = effects.unwrap();
        never_secret(&effects);
        never_secret(&effects.iter());
        for effect in &effects {
            never_secret(&effect);
        }
    }
}

#[test]
fn errors_say_what_is_wrong() {
    let limit = FrameLimit::CLIENT;
    let command = Command::AUTH_TOKEN;
    says(
        DecodeError::Length { length: -1, limit },
        "a body of -1 bytes is refused: it must have at least 0 and less than 32768",
    );
    says(
        DecodeError::TooShort { command, needed: 4, actual: 3 },
        "the body of AUTH_TOKEN has 3 bytes: it needs at least 4",
    );
    says(
        DecodeError::NotEmpty { command: Command::PONG, actual: 1 },
        "the body of PONG has 1 bytes: it must be empty",
    );
    says(
        DecodeOutboundError::NotOutbound { command: Command::PING },
        "PING cannot be passed on: only chat messages, SYNC_NOTIFY and ACK can",
    );
    says(
        EncodeError::BodyTooLong { length: 32_768, limit },
        "a body of 32768 bytes cannot be written: it must have less than 32768",
    );
    says(
        EncodeError::BufferTooSmall { needed: 12, available: 11 },
        "12 bytes cannot be written: the buffer has room for 11",
    );
    says(TooLong { length: 256 }, "a byte string of 256 bytes does not fit: at most 255 do");
    says(TimeOutOfRange { secs: 1 << 31 }, "2147483648 seconds since 1970 do not fit 32 bits");
    says(ZeroId::KefuAppId, "kefu_appid is 0: the kefu app is not configured");
    says(ZeroId::AppId, "appid is 0: nobody is logged in");
    says(ZeroId::UserId, "uid is 0: nobody is logged in");
}

/// H11.2.
#[test]
fn refusals_name_their_rule_and_have_a_word_for_counters() {
    let apps = (AppId(8), AppId(7));
    let users = (UserId(9), UserId(1));
    for (refusal, text, reason) in [
        (
            Refusal::OtherCommand { command: Command::SYNC_KEY },
            "H1.1: SYNC_KEY is not a chat message",
            "other_command",
        ),
        (
            Refusal::CustomerAppIdMismatch { claimed: apps.0, session: apps.1 },
            "H2.1: customer_appid 8 is not the session's appid 7",
            "customer_appid_mismatch",
        ),
        (
            Refusal::CustomerIdMismatch { claimed: users.0, session: users.1 },
            "H2.2: customer_id 9 is not the session's uid 1",
            "customer_id_mismatch",
        ),
        (
            Refusal::SellerIdZero,
            "H2.3: seller_id is 0: the message names no seller",
            "seller_id_zero",
        ),
        (
            Refusal::NotKefuApp { session: apps.1, kefu_appid: AppId(1453) },
            "H3.1: the session's appid 7 is not the kefu app 1453",
            "not_kefu_app",
        ),
        (
            Refusal::SellerIdMismatch { claimed: users.0, session: users.1 },
            "H3.2: seller_id 9 is not the session's uid 1",
            "seller_id_mismatch",
        ),
    ] {
        says(refusal, text);
        assert_eq!(refusal.reason(), reason);
    }
}

#[test]
fn ids_and_commands_are_displayed_as_the_protocol_writes_them() {
    shows(Account::new(AppId(7), UserId(-1)), "7/-1");
    shows(AppId(i64::MIN), "-9223372036854775808");
    shows(UserId(1), "1");
    shows(StoreId(2), "2");
    shows(DeviceId(3), "3");
    shows(MsgId(4), "4");
    shows(Seq(-5), "-5");
    shows(Version(255), "255");
    shows(LoginStatus::REFUSED, "1");
    shows(Platform::WEB, "3");
    shows(UnixTime::MAX, "2147483647");
    shows(FrameLimit::MAX, "2147483648");
    shows(Command::CUSTOMER_SUPPORT, "CUSTOMER_SUPPORT");
    shows(Command(7), "command 7");
}

#[test]
fn an_account_reads_as_it_is_displayed() {
    for appid in [i64::MIN, -1, 0, 7, i64::MAX] {
        for uid in [i64::MIN, 0, 1, i64::MAX] {
            let account = Account::new(AppId(appid), UserId(uid));
            assert_eq!(account.to_string().parse(), Ok(account));
        }
    }
    assert_eq!("+7/01".parse(), Ok(Account::new(AppId(7), UserId(1))));
}

#[test]
fn a_number_reads_as_it_is_displayed() {
    assert_eq!("-7".parse(), Ok(AppId(-7)));
    assert_eq!(MsgId(i64::MAX).to_string().parse(), Ok(MsgId(i64::MAX)));
    assert!("7/1".parse::<UserId>().is_err() && "".parse::<Seq>().is_err());
    assert!("2147483648".parse::<Seq>().is_err(), "32 bits");
}

#[test]
fn what_is_no_account_is_refused_with_the_part_that_is_wrong() {
    let refused = |text: &str| text.parse::<Account>().unwrap_err();
    for text in ["", "7", "7:1", "7 1"] {
        assert_eq!(refused(text), ParseAccountError::NoSlash, "{text:?}");
    }
    for text in ["/1", "a/1", " 7/1", "7 /1", "9223372036854775808/1", "7.0/1"] {
        assert!(matches!(refused(text), ParseAccountError::AppId(_)), "{text:?}");
    }
    for text in ["7/", "7/b", "7/1/", "7/1/2", "7/1 ", "7/-9223372036854775809"] {
        assert!(matches!(refused(text), ParseAccountError::UserId(_)), "{text:?}");
    }
    shows(refused("7"), "not an account: write it as appid/uid, such as 7/1");
    let error = refused("seven/1");
    assert!(error.source().is_some());
    shows(error, "not an account: the appid is not a 64-bit integer");
    shows(refused("7/"), "not an account: the uid is not a 64-bit integer");
}

/// H12.1, H12.2.
#[test]
fn nobody_is_logged_in_as_0() {
    let identity =
        |appid, uid| Identity::new(Account::new(AppId(appid), UserId(uid)), DeviceId(0)).err();
    assert_eq!(Config::new(AppId(0)), Err(ZeroId::KefuAppId));
    assert_eq!(identity(0, 0), Some(ZeroId::AppId));
    assert_eq!(identity(0, 1), Some(ZeroId::AppId));
    assert_eq!(identity(1, 0), Some(ZeroId::UserId));
    for id in [i64::MIN, -1, 1, i64::MAX] {
        assert_eq!(identity(id, id), None);
        assert_eq!(Config::new(AppId(id)).map(|config| config.kefu_appid()), Ok(AppId(id)));
    }
}

/// W5.7.
#[test]
fn w5_short_bytes_are_at_most_255() {
    for len in [0, 1, 127, 128, 254, 255] {
        let short = ShortBytes::new(vec![0xff; len]).unwrap();
        assert_eq!((usize::from(short.len()), short.is_empty()), (len, len == 0));
        assert_eq!(short.as_bytes(), vec![0xff; len]);
        assert_eq!(ShortBytes::try_from(Bytes::from(short.clone())), Ok(short));
    }
    for length in [256, 257, 70_000] {
        assert_eq!(ShortBytes::new(vec![0; length]), Err(TooLong { length }));
    }
}

/// W8.1, W8.2.
#[test]
fn w8_flags_are_sets_of_bits() {
    for bits in 0..=255 {
        let flags = Flags(bits);
        assert!(flags.contains(Flags::NONE) && flags.contains(flags));
        assert_eq!(flags.contains(Flags::UNPERSISTENT), bits % 4 >= 2);
        assert_eq!(flags.contains(Flags::TEXT | Flags(0x80)), bits >= 128 && bits % 2 == 1);
        assert_eq!(flags | Flags::UNPERSISTENT, Flags(bits | 2));
    }
}

#[test]
fn every_value_can_be_moved_to_another_thread() {
    fn shared<T: Debug + Send + Sync + 'static>() {}
    fn copied<T: Clone + Send + Sync + 'static>() {}
    copied::<Effects>();
    copied::<ChatMessage>();
    copied::<Session>();
    copied::<OwnedOutbound>();
    shared::<Saves>();
    shared::<Accepted>();
    shared::<Delivery>();
    shared::<Refusal>();
    shared::<Message>();
    shared::<Frame>();
    shared::<FrameDecoder>();
    shared::<FrameWriter>();
    shared::<Effect<'static>>();
    shared::<EffectsIter<'static>>();
    shared::<Outbound<'static>>();
    shared::<SaveMessage<'static>>();
}

#[test]
fn a_session_tells_what_it_was_made_of() {
    let account = Account::new(AppId(7), UserId(1));
    assert_eq!(session().identity(), Identity::new(account, DeviceId(11)).unwrap());
    assert_eq!(Ok(session().config()), Config::new(AppId(1453)));
}

/// Exact, so that a change of what a million of them take is noticed.
#[test]
fn a_session_is_small() {
    assert_eq!(size_of::<Session>(), 32);
    // With its decoder, its numbering, the reason why it is over, its dialect, the end and the
    // bounds of its syncs, and the SYNC_NOTIFY that waits for one.
    assert_eq!(size_of::<Online>(), 136);
}

/// Checks the plain and the pretty form for the text and for its bytes as a list.
fn never_secret(value: &impl Debug) {
    for shown in [format!("{value:?}"), format!("{value:#?}")] {
        let words =
            shown.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
        let words = words.collect::<Vec<_>>();
        assert!(!words.contains(&"secret"), "{shown}");
        // `s`, `e`, `c` as numbers.
        assert!(!words.windows(3).any(|three| three == ["115", "101", "99"]), "{shown}");
    }
}

fn says(error: impl Error, text: &str) {
    assert!(error.source().is_none());
    shows(error, text);
}

fn shows(value: impl Display, text: &str) {
    assert_eq!(value.to_string(), text);
}

fn session() -> Session {
    let account = Account::new(AppId(7), UserId(1));
    let identity = Identity::new(account, DeviceId(11)).unwrap();
    Session::new(Config::new(AppId(1453)).unwrap(), identity)
}

fn chat_message() -> ChatMessage {
    let (seq, version, flags) = (Seq(3), Version(1), Flags::NONE);
    let message = Message { seq, version, flags, body: Body::Customer(text()) };
    ChatMessage::try_from(message).unwrap()
}

fn text() -> CustomerMessage {
    CustomerMessage {
        customer_appid: AppId(7),
        customer_id: UserId(1),
        store_id: StoreId(1),
        seller_id: UserId(2),
        timestamp: UnixTime::from(0),
        content: Bytes::from_static(SECRET),
    }
}
