//! Which dialect a connection has, and when it changes (D1).

use bytes::BytesMut;
use kefu_proto::{
    Account, AppId, AuthToken, Authentication, Body, Config, DeviceId, Dialect, Encode, Flags,
    FrameDecoder, FrameLimit, Identity, Login, LoginStep, Message, MsgId, Online, Parsed, Platform,
    Request, Seq, ShortBytes, UnixTime, Version,
};

use super::super::connection::client::{chat, frame_of, log_in, online as server_with, received};
use super::told::{CUSTOMER, SELLER, from_to};

/// D1.1, D1.2, D1.3.
#[test]
fn d1_1_d1_2_d1_3_what_a_login_tells() {
    let (v1, v2) = (Some(Dialect::V1), Some(Dialect::V2));
    for (version, platform, spare, told) in [
        (2, Platform::ANDROID, 0, v2),
        (2, Platform::WEB, 2, v2),
        (255, Platform(0), 0, v2),
        (1, Platform::IOS, 0, v1),
        (1, Platform::ANDROID, 0, v1),
        (0, Platform::ANDROID, 7, v1),
        (1, Platform::WEB, 2, v1),
        (0, Platform(9), 2, v1),
        (1, Platform::WEB, 0, None),
        (1, Platform::WEB, 1, None),
        (1, Platform::WEB, 3, None),
        (0, Platform(-1), 0, None),
    ] {
        let waiting = authentication(version, platform, spare);
        assert_eq!(waiting.dialect(), told, "{version} {platform} {spare}");
    }
}

/// The hint stands in the AUTH_TOKEN's own header, wherever it comes.
#[test]
fn d1_3_the_hint_is_that_of_the_login_itself() {
    let ping = b"\0\0\0\0\0\0\0\x01\x0d\x01\0\x02";
    for (spare, told) in [(0, None), (2, Some(Dialect::V1))] {
        let mut read = BytesMut::from(&ping[..]);
        read.extend_from_slice(&login(1, Platform::WEB, spare));
        let LoginStep::Authenticate(waiting) = Login::new(config(), FrameLimit::CLIENT)
            .receive(&mut read, &mut BytesMut::new())
            .unwrap()
        else {
            panic!("a login was sent")
        };
        assert_eq!(waiting.dialect(), told);
    }
}

/// D1.4, D1.5.
#[test]
fn d1_4_d1_5_as_sent_unless_the_host_knows_better() {
    let accepted = |waiting: Authentication| {
        let customer = Identity::new(CUSTOMER, DeviceId(3)).unwrap();
        waiting.accept(customer, &mut BytesMut::new()).unwrap().dialect()
    };
    assert_eq!(accepted(authentication(1, Platform::WEB, 0)), Dialect::AsSent);
    for set in [Dialect::V1, Dialect::V2, Dialect::AsSent] {
        for (version, platform) in [(1, Platform::WEB), (1, Platform::ANDROID), (2, Platform::IOS)]
        {
            let mut waiting = authentication(version, platform, 0);
            waiting.set_dialect(set);
            assert_eq!((waiting.dialect(), accepted(waiting)), (Some(set), set));
        }
    }
}

/// D1.6, D1.8: the latest that the rules accept decides, and the host is told when that changes.
#[test]
fn d1_6_d1_8_what_a_client_sends_decides() {
    let version2 = from_to(CUSTOMER, SELLER, Flags::NONE);
    let refused = from_to(SELLER, CUSTOMER, Flags::NONE);
    let unpersistent = chat(Flags::UNPERSISTENT);
    let mut online = online(CUSTOMER, 1, Dialect::AsSent);
    for (message, kept, dialect) in [
        (&refused, None, Dialect::AsSent),
        (&version2, Some(Dialect::V2), Dialect::V2),
        (&version2, None, Dialect::V2),
        (&refused, None, Dialect::V2),
        (&unpersistent, Some(Dialect::V1), Dialect::V1),
        (&chat(Flags::NONE), None, Dialect::V1),
        (&refused, None, Dialect::V1),
        (&version2, Some(Dialect::V2), Dialect::V2),
    ] {
        let mut read = BytesMut::from(&frame_of(message)[..]);
        let handled = online.receive(&mut read, UnixTime::from(1)).unwrap();
        // It has changed already: the effects of this message are written in the new dialect.
        assert_eq!(online.dialect(), dialect);
        match handled {
            // Also if the host's own rules refuse it.
            Some(Request::Deliver(delivery)) => drop(delivery.refuse()),
            Some(Request::Refused(_)) => assert_eq!(message, &refused),
            other => panic!("{other:?}"),
        }
        let told = match online.receive(&mut read, UnixTime::from(1)).unwrap() {
            Some(Request::KeepDialect(dialect)) => Some(dialect),
            None => None,
            other => panic!("{other:?}"),
        };
        assert_eq!(told, kept);
    }
}

/// The message that has decided is not held up, and what comes behind it is not lost, even if
/// that ends the connection (S7.2).
#[test]
fn d1_8_the_host_is_told_behind_the_message_and_before_the_end() {
    let mut online = online(CUSTOMER, 1, Dialect::AsSent);
    let mut read = BytesMut::from(&frame_of(&from_to(CUSTOMER, SELLER, Flags::NONE))[..]);
    read.extend_from_slice(b"\0\0\0\x01\0\0\0\x02\x0d\x01\0\0?");
    let now = UnixTime::from(1);
    assert!(matches!(online.receive(&mut read, now), Ok(Some(Request::Deliver(_)))));
    let told = online.receive(&mut read, now);
    assert!(matches!(told, Ok(Some(Request::KeepDialect(Dialect::V2)))));
    assert!(online.receive(&mut read, now).is_err());
}

/// D1.8 in a host: a web client that has shown what it knows is answered so when it comes back.
#[test]
fn d1_8_a_host_remembers_a_web_client() {
    let mut server = server_with("seller");
    let web = |server: &mut super::super::connection::memory::Server, who: &str| {
        let mut bytes = login(1, Platform::WEB, 0);
        bytes.extend(super::super::connection::client::frame(2, Body::Sync(MsgId(0))));
        server.receive(who, &bytes);
        let commands = received(server, who).into_iter().map(|(_, _, body)| body.command().0);
        commands.collect::<Vec<_>>()
    };
    log_in(&mut server, "phone", b"tok-7-1");
    server.receive("phone", &frame_of(&chat(Flags::NONE)));
    assert_eq!(web(&mut server, "first"), [3, 27, 24, 28], "as sent");
    server.receive("first", &frame_of(&from_to(CUSTOMER, SELLER, Flags::NONE)));
    assert_eq!(server.dialects[&(CUSTOMER, Platform::WEB.0)], Dialect::V2);
    assert_eq!(web(&mut server, "second"), [3, 27, 64, 64, 28], "as shown");
}

/// A connection of `who`, logged in with frames of this version.
pub(super) fn online(who: Account, version: u8, dialect: Dialect) -> Online {
    let mut waiting = authentication(version, Platform::WEB, 0);
    waiting.set_dialect(dialect);
    waiting.accept(Identity::new(who, DeviceId(3)).unwrap(), &mut BytesMut::new()).unwrap()
}

/// All messages in what was written: flags and bodies.
pub(super) fn read(out: &mut BytesMut) -> Vec<(Flags, Body)> {
    let decoder = FrameDecoder::new(FrameLimit::CLIENT);
    std::iter::from_fn(|| decoder.decode(out).unwrap())
        .map(|frame| match frame.parse().unwrap() {
            Parsed::Message(Message { flags, body, .. }) => (flags, body),
            Parsed::Unlisted(frame) => panic!("{frame:?}"),
        })
        .collect()
}

fn authentication(version: u8, platform: Platform, spare: u8) -> Authentication {
    let mut read = BytesMut::from(&login(version, platform, spare)[..]);
    let login = Login::new(config(), FrameLimit::CLIENT);
    let LoginStep::Authenticate(waiting) = login.receive(&mut read, &mut BytesMut::new()).unwrap()
    else {
        panic!("a login was sent")
    };
    waiting
}

fn login(version: u8, platform: Platform, spare: u8) -> Vec<u8> {
    let auth = AuthToken {
        platform,
        token: ShortBytes::new(&b"tok-7-1"[..]).unwrap(),
        device_id: ShortBytes::new(&b""[..]).unwrap(),
    };
    let (seq, version) = (Seq(1), Version(version));
    let message = Message { seq, version, flags: Flags::NONE, body: Body::AuthToken(auth) };
    let mut bytes = Vec::new();
    message.encode(&mut bytes).unwrap();
    bytes[11] = spare;
    bytes
}

fn config() -> Config {
    Config::new(AppId(1453)).unwrap()
}
