//! Values as their users see them: what they print, what they are made of, and what they are not.

use std::error::Error;
use std::fmt::{Debug, Display};

use bytes::Bytes;
use kefu_proto::{Account, AppId, AuthToken, Body, ChatMessage, Command, Config, CustomerMessage};
use kefu_proto::{DecodeError, DeviceId, Effect, Effects, EffectsIter, EncodeError, Flags};
use kefu_proto::{Frame, FrameDecoder, FrameLimit, FrameWriter, Identity, Incoming, LoginStatus};
use kefu_proto::{Message, MsgId, Online, Outbound, Party, Platform, Refusal, SaveMessage, Saves};
use kefu_proto::{Seq, Session, ShortBytes, StoreId, TimeOutOfRange, TooLong, UnixTime, UserId};
use kefu_proto::{Version, ZeroId};

/// Neither this nor its bytes may be printed.
const SECRET: &[u8] = b"secret";

#[test]
fn debug_shows_no_content() {
    let chat = chat_message();
    never_secret(&chat.body);
    never_secret(&chat);
    never_secret(&Message::from(chat.clone()));
    never_secret(&Incoming::Message(chat.clone().into()));
    let body = Bytes::from_static(SECRET);
    let (seq, version, flags) = (chat.seq, chat.version, chat.flags);
    let frame = Frame { seq, command: Command(99), version, flags, body };
    never_secret(&frame);
    assert!(format!("{frame:?}").ends_with("flags: Flags(0), body_len: 6 }"));
    never_secret(&Incoming::Unlisted(frame));
    assert!(format!("{:?}", chat.body).contains("content_len: 6"));
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
        let message = ChatMessage { flags, ..chat_message() };
        let delivery = session().handle(message.into(), UnixTime::from(1)).unwrap();
        never_secret(&delivery);
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
        "frame of -1 bytes refused: the limit is below 32768",
    );
    says(
        DecodeError::TooShort { command, needed: 4, actual: 3 },
        "body of AUTH_TOKEN ends after 3 bytes: at least 4 needed",
    );
    says(
        DecodeError::NotEmpty { command: Command::PONG, actual: 1 },
        "body of PONG has 1 bytes: none allowed",
    );
    says(
        DecodeError::NegativeLength { length: -128 },
        "length -128 inside the body of AUTH_TOKEN is negative",
    );
    says(
        EncodeError::BodyTooLong { length: 32_768, limit },
        "body of 32768 bytes cannot be written: the limit is below 32768",
    );
    says(
        EncodeError::BufferTooSmall { needed: 12, available: 11 },
        "12 bytes cannot be written: the buffer has room for 11",
    );
    says(TooLong { length: 128 }, "byte string of 128 bytes: at most 127 fit");
    says(TimeOutOfRange { secs: 1 << 31 }, "2147483648 seconds since 1970 do not fit 32 bits");
    says(ZeroId::KefuAppId, "kefu_appid is 0: the kefu app is not configured");
    says(ZeroId::AppId, "appid is 0: the session is not logged in");
    says(ZeroId::UserId, "uid is 0: the session is not logged in");
}

/// H11.2.
#[test]
fn refusals_name_their_rule_and_have_a_word_for_counters() {
    let apps = (AppId(8), AppId(7));
    let users = (UserId(9), UserId(1));
    for (refusal, text, reason) in [
        (
            Refusal::OtherCommand { command: Command::SYNC_KEY },
            "H1.1: SYNC_KEY is not handled here",
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
        (Refusal::SellerIdZero, "H2.3: seller_id is 0", "seller_id_zero"),
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
    shows(Account { appid: AppId(7), uid: UserId(-1) }, "7/-1");
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

/// H12.1, H12.2.
#[test]
fn nobody_is_logged_in_as_0() {
    let identity = |appid, uid| {
        Identity::new(Account { appid: AppId(appid), uid: UserId(uid) }, DeviceId(0)).err()
    };
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
fn w5_short_bytes_are_at_most_127() {
    for len in [0, 1, 126, 127] {
        let short = ShortBytes::new(vec![0xff; len]).unwrap();
        assert_eq!((usize::from(short.len()), short.is_empty()), (len, len == 0));
        assert_eq!(short.as_bytes(), vec![0xff; len]);
        assert_eq!(ShortBytes::try_from(Bytes::from(short.clone())), Ok(short));
    }
    for length in [128, 129, 255, 256, 70_000] {
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
    shared::<Saves>();
    shared::<kefu_proto::Delivery>();
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
    let account = Account { appid: AppId(7), uid: UserId(1) };
    assert_eq!(session().identity(), Identity::new(account, DeviceId(11)).unwrap());
    assert_eq!(Ok(session().config()), Config::new(AppId(1453)));
}

/// Exact, so that whoever changes what a million of them take knows it.
#[test]
fn a_session_is_small() {
    assert_eq!(size_of::<Session>(), 32);
    // With its decoder, its numbering and the reason why it is over.
    assert_eq!(size_of::<Online>(), 80);
}

/// Checks the plain and the pretty form: neither the text nor its bytes as a list.
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
    let account = Account { appid: AppId(7), uid: UserId(1) };
    let identity = Identity::new(account, DeviceId(11)).unwrap();
    Session::new(Config::new(AppId(1453)).unwrap(), identity)
}

fn chat_message() -> ChatMessage {
    let body = CustomerMessage {
        customer_appid: AppId(7),
        customer_id: UserId(1),
        store_id: StoreId(1),
        seller_id: UserId(2),
        timestamp: UnixTime::from(0),
        content: Bytes::from_static(SECRET),
    };
    let (seq, version, flags) = (Seq(3), Version(1), Flags::NONE);
    ChatMessage { seq, version, flags, from: Party::Customer, body }
}
