//! The layouts of the bodies, byte by byte (W3–W5): a round trip alone would not notice two swapped
//! fields.

use std::net::Ipv4Addr;

use bytes::{Bytes, BytesMut};
use kefu_proto::{
    Account, Ack, AckStatus, AppId, AuthStatus, AuthToken, Body, Command, CustomerMessage,
    CustomerMessageV2, DecodeError, Encode, EncodeError, Flags, Frame, FrameLimit, LoginStatus,
    Message, Metadata, MsgId, Parsed, Platform, Seq, ShortBytes, StoreId, UnixTime, UserId,
    Version,
};

use crate::codec::{body, bytes, decoded};

/// W1.1 for the numbers in bodies, W3.1, W3.2, W4.1.
#[test]
fn w3_the_layout_of_every_body() {
    let key = MsgId(0x0102_0304_0506_0708);
    let key_bytes: &[u8] = &[1, 2, 3, 4, 5, 6, 7, 8];
    let status = LoginStatus(0x1122_3344);
    let auth = AuthStatus { status, server_ip: Ipv4Addr::new(10, 0, 0, 1) };
    for (command, message, expected) in [
        (3, Body::AuthStatus(auth), &b"\x11\x22\x33\x44\x0a\0\0\x01"[..]),
        (5, Body::Ack(Seq(-2).into()), b"\xff\xff\xff\xfe"),
        (13, Body::Ping, b""),
        (14, Body::Pong, b""),
        (15, Body::AuthToken(login(b"tok", b"a phone")), b"\x02\x03tok\x07a phone"),
        (24, Body::Customer(chat(b"hi\xff")), CHAT),
        (25, Body::CustomerSupport(chat(b"hi\xff")), CHAT),
        (26, Body::Sync(key), key_bytes),
        (27, Body::SyncBegin(key), key_bytes),
        (28, Body::SyncEnd(key), key_bytes),
        (29, Body::SyncNotify(key), key_bytes),
        (34, Body::SyncKey(key), key_bytes),
        (37, Body::Metadata(Metadata { sync_key: key, prev_sync_key: MsgId(-2) }), METADATA),
        (64, Body::CustomerV2(chat_v2(b"hi\xff")), CHAT),
    ] {
        let message = numbered(message);
        assert_eq!(message.command(), Command(command));
        assert_eq!(body(&message), expected, "{message:?}");
        assert_eq!(parsed(message.command(), expected), Ok(message));
    }
}

/// customer 7/1, store 3, seller 2, second 0x59682F00, then the content.
const CHAT: &[u8] = b"\0\0\0\0\0\0\0\x07\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x03\0\0\0\0\0\0\0\x02\
    \x59\x68\x2f\0hi\xff";

/// key, previous, then 16 bytes that say nothing.
const METADATA: &[u8] = b"\x01\x02\x03\x04\x05\x06\x07\x08\xff\xff\xff\xff\xff\xff\xff\xfe\
    \0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

/// W10.2.
#[test]
fn w10_what_follows_the_keys_is_needed_and_ignored() {
    let command = Command::METADATA;
    let mut body = METADATA.to_vec();
    let expected = parsed(command, &body);
    body[16..].fill(0xff);
    assert_eq!(parsed(command, &body), expected);
    body.push(1);
    assert_eq!(parsed(command, &body), expected);
    let refused = DecodeError::TooShort { command, needed: 32, actual: 31 };
    assert_eq!(parsed(command, &METADATA[..31]), Err(refused));
}

/// W3.5, W5.3.
#[test]
fn w3_an_ack_has_a_status_from_version_2_on() {
    let ack = |status| Body::Ack(Ack { seq: Seq(7), status: AckStatus(status) });
    for (version, status, expected) in [
        (0, 0, &[0, 0, 0, 7][..]),
        (1, 0, &[0, 0, 0, 7]),
        (2, 3, &[0, 0, 0, 7, 3]),
        (3, -1, &[0, 0, 0, 7, 0xff]),
    ] {
        let message = Message { version: Version(version), ..numbered(ack(status)) };
        assert_eq!(body(&message), expected);
        assert_eq!(decoded(&bytes(&message)).parse(), Ok(Parsed::Message(message)));
    }
    for (version, body, status) in
        [(1, &[0, 0, 0, 7, 3][..], 0), (2, &[0, 0, 0, 7], 0), (2, &[0, 0, 0, 7, 3, 9], 3)]
    {
        let frame = Frame { version: Version(version), ..Frame::new(Command::ACK, body.into()) };
        let Ok(Parsed::Message(message)) = frame.parse() else { panic!("{body:?}") };
        assert_eq!(message.body, ack(status));
    }
}

#[test]
fn w4_2_any_content_passes_unchanged() {
    for content in [&b""[..], b"\0", b"\xff\xfe", "\u{4f60}".as_bytes(), b"{\"text\":\"hi\"}"] {
        for body in [
            Body::Customer(chat(content)),
            Body::CustomerSupport(chat(content)),
            Body::CustomerV2(chat_v2(content)),
        ] {
            let message = numbered(body);
            assert_eq!(decoded(&bytes(&message)).parse(), Ok(Parsed::Message(message)));
        }
    }
}

/// W5.2, W5.5, W5.6, W5.7.
#[test]
fn w5_the_lengths_in_an_auth_token() {
    let command = Command::AUTH_TOKEN;
    let short = |needed, actual| DecodeError::TooShort { command, needed, actual };
    for (body, expected) in [
        (&[][..], short(4, 0)),
        // Both strings are empty and nothing follows: too short all the same.
        (&[2, 0, 0], short(4, 3)),
        // The token, the length behind it, the device string end too early.
        (&[2, 3, b't', 0], short(5, 4)),
        (&[2, 127, b't', 0], short(129, 4)),
        (&[2, 2, b't', b'u'], short(5, 4)),
        (&[2, 0, 2, b'd'], short(5, 4)),
        (&[2, 1, b't', 1], short(5, 4)),
        // No length is negative.
        (&[2, 0xff, 0, 0], short(257, 4)),
        (&[2, 0x80, 0, 0], short(130, 4)),
        (&[2, 0, 0xff, b'd'], short(258, 4)),
        (&[2, 1, b't', 0x81], short(133, 4)),
    ] {
        assert_eq!(parsed(command, body), Err(expected), "{body:?}");
    }
    for (body, token, device_id) in [
        (&[2, 1, b't', 0][..], &b"t"[..], &b""[..]),
        (&[2, 0, 1, b'd'], b"", b"d"),
        (&[2, 0, 0, 9], b"", b""),
        (&[2, 1, b't', 1, b'd', 0xff], b"t", b"d"),
    ] {
        let message = numbered(Body::AuthToken(login(token, device_id)));
        assert_eq!(parsed(command, body), Ok(message), "{body:?}");
    }
}

#[test]
fn w6_1_platforms_are_numbers_and_others_are_kept() {
    assert_eq!([Platform::IOS, Platform::ANDROID, Platform::WEB].map(i8::from), [1, 2, 3]);
    for platform in [i8::MIN, 0, 4, i8::MAX].map(Platform) {
        let message = numbered(Body::AuthToken(AuthToken { platform, ..login(b"tok", b"") }));
        assert_eq!(parsed(message.command(), &body(&message)), Ok(message));
    }
}

/// W5.3, and W5.2 for one that is longer.
#[test]
fn w5_an_ack_too_short_for_a_number_means_0() {
    for (body, seq) in
        [(&[][..], 0), (&[1, 2, 3], 0), (&[0x80, 0, 0, 1], i32::MIN + 1), (&[0, 0, 0, 1, 0xff], 1)]
    {
        assert_eq!(parsed(Command::ACK, body), Ok(numbered(Body::Ack(Seq(seq).into()))));
    }
}

/// W2.2, W2.4.
#[test]
fn w2_the_largest_content_of_a_client_connection_is_32_731_bytes() {
    let chat = |len| numbered(Body::Customer(chat(&vec![b'x'; len])));
    let largest = chat(32_731);
    assert_eq!(decoded(&bytes(&largest)).parse(), Ok(Parsed::Message(largest)));
    let (length, limit) = (32_768, FrameLimit::CLIENT);
    let mut out = BytesMut::new();
    let refused = chat(32_732).encode(&mut out);
    assert_eq!(refused, Err(EncodeError::BodyTooLong { length, limit }));
    assert_eq!(out.capacity(), 0);
}

fn parsed(command: Command, body: &[u8]) -> Result<Message, DecodeError> {
    let (seq, version, flags) = (Seq(1), Version(0), Flags::NONE);
    let body = Bytes::copy_from_slice(body);
    match (Frame { seq, command, version, flags, body }).parse()? {
        Parsed::Message(message) => Ok(message),
        Parsed::Unlisted(frame) => panic!("{frame:?}"),
    }
}

fn numbered(body: Body) -> Message {
    Message { seq: Seq(1), version: Version(0), flags: Flags::NONE, body }
}

fn login(token: &'static [u8], device_id: &'static [u8]) -> AuthToken {
    let [token, device_id] = [token, device_id].map(|bytes| ShortBytes::new(bytes).unwrap());
    AuthToken { platform: Platform::ANDROID, token, device_id }
}

/// With the ids that a [`chat`] has, in their order.
fn chat_v2(content: &[u8]) -> CustomerMessageV2 {
    CustomerMessageV2 {
        sender: Account::new(AppId(7), UserId(1)),
        receiver: Account::new(AppId(3), UserId(2)),
        timestamp: UnixTime::from(0x5968_2f00),
        content: Bytes::copy_from_slice(content),
    }
}

fn chat(content: &[u8]) -> CustomerMessage {
    CustomerMessage {
        customer_appid: AppId(7),
        customer_id: UserId(1),
        store_id: StoreId(3),
        seller_id: UserId(2),
        timestamp: UnixTime::from(0x5968_2f00),
        content: Bytes::copy_from_slice(content),
    }
}
