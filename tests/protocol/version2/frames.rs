//! What version 2 has on the wire, byte by byte (W3, W5, W8–W10).

use bytes::BytesMut;
use kefu_proto::{
    Account, Ack, AckStatus, AppId, Body, Command, CustomerMessageV2, DecodeError, Encode,
    EncodeError, Flags, Frame, FrameLimit, FrameWriter, Message, Metadata, MsgId, Parsed, Seq,
    UnixTime, UserId, Version,
};

/// W3.5: five bytes in version 2 and later, four before.
#[test]
fn w3_5_an_ack_has_a_status_in_version_2() {
    let ack = Ack { seq: Seq(7), status: AckStatus(-3) };
    for (version, body) in [
        (0, &b"\0\0\0\x07"[..]),
        (1, b"\0\0\0\x07"),
        (2, b"\0\0\0\x07\xfd"),
        (3, b"\0\0\0\x07\xfd"),
        (255, b"\0\0\0\x07\xfd"),
    ] {
        let message = message(version, Body::Ack(ack));
        let mut written = Vec::new();
        message.encode_body(&mut written).unwrap();
        assert_eq!((message.encoded_body_len(), &written[..]), (body.len(), body), "{version}");
        let read = if body.len() == 5 { ack } else { Ack::from(ack.seq) };
        assert_eq!(parse(version, Command::ACK, body), Ok(Body::Ack(read)), "{version}");
    }
}

/// W3.6, W5.3.
#[test]
fn w3_6_what_an_ack_is_too_short_for_is_0() {
    for (version, body, seq, status) in [
        (2, &b""[..], 0, 0),
        (2, b"\0\0\x07", 0, 0),
        (2, b"\0\0\0\x07", 7, 0),
        (2, b"\0\0\0\x07\x02", 7, 2),
        (2, b"\0\0\0\x07\x02\x09", 7, 2),
        (1, b"\0\0\0\x07\x02", 7, 0),
        (0, b"\0\0\0\x07\x02", 7, 0),
    ] {
        let ack = Ack { seq: Seq(seq), status: AckStatus(status) };
        assert_eq!(parse(version, Command::ACK, body), Ok(Body::Ack(ack)), "{body:?}");
    }
}

/// W9.1, W9.2.
#[test]
fn w9_1_the_places_of_a_customer_v2() {
    let message = CustomerMessageV2 {
        sender: Account::new(AppId(7), UserId(-1)),
        receiver: Account::new(AppId(1453), UserId(2)),
        timestamp: UnixTime::from(0x0102_0304),
        content: b"\xff\0"[..].into(),
    };
    let body = b"\0\0\0\0\0\0\0\x07\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0\0\0\x05\xad\
                 \0\0\0\0\0\0\0\x02\x01\x02\x03\x04\xff\0";
    let mut written = Vec::new();
    Message::from(Body::CustomerV2(message.clone())).encode_body(&mut written).unwrap();
    assert_eq!(written, body);
    assert_eq!(parse(2, Command::CUSTOMER_V2, body), Ok(Body::CustomerV2(message)));
    // W5.1
    let (command, short) = (Command::CUSTOMER_V2, &body[..35]);
    let too_short = DecodeError::TooShort { command, needed: 36, actual: 35 };
    assert_eq!(parse(2, command, short), Err(too_short));
}

/// W10.1, W10.2.
#[test]
fn w10_1_the_places_of_a_metadata() {
    let metadata = Metadata { sync_key: MsgId(-2), prev_sync_key: MsgId(0x0102) };
    let keys = *b"\xff\xff\xff\xff\xff\xff\xff\xfe\0\0\0\0\0\0\x01\x02";
    let mut written = Vec::new();
    Message::from(Body::Metadata(metadata)).encode_body(&mut written).unwrap();
    assert_eq!(written, [keys, [0; 16]].concat());
    for rest in [vec![0; 16], vec![9; 16], vec![9; 17]] {
        let body = [&keys[..], &rest].concat();
        assert_eq!(parse(2, Command::METADATA, &body), Ok(Body::Metadata(metadata)));
    }
    let (command, short) = (Command::METADATA, [&keys[..], &[0; 15]].concat());
    let too_short = DecodeError::TooShort { command, needed: 32, actual: 31 };
    assert_eq!(parse(2, command, &short), Err(too_short));
}

/// W10.3: two frames with two numbers, or nothing and no number.
#[test]
fn w10_3_a_pair_is_written_whole_or_not_at_all() {
    let pair = super::told::live_copy(b"hi");
    let len = 12 + 32 + 12 + 38;
    let mut writer = FrameWriter::default();
    writer.set_version(Version(2));
    let needed = len;
    let full = EncodeError::BufferTooSmall { needed, available: len - 1 };
    assert_eq!(writer.write(&pair, &mut &mut vec![0; len - 1][..]), Err(full));
    let mut out = Vec::new();
    assert_eq!(writer.write(&pair, &mut out), Ok(Seq(2)));
    assert_eq!(out.len(), len);
    assert_eq!(out[..12], [0, 0, 0, 32, 0, 0, 0, 1, 37, 2, 0, 0]);
    assert_eq!(out[44..56], [0, 0, 0, 38, 0, 0, 0, 2, 64, 2, 0x11, 0]);
    // W2.4: both frames have to be below the limit.
    for (limit, length) in [(32, 38), (38, 38)] {
        let limit = FrameLimit::new(limit);
        let mut small = FrameWriter::new(limit);
        let mut out = Vec::new();
        let too_long = EncodeError::BodyTooLong { length, limit };
        assert_eq!(small.write(&pair, &mut out), Err(too_long));
        assert_eq!(out, b"");
    }
    let ack = super::told::live_ack();
    for (limit, length) in [(4, 4), (5, 32), (32, 32)] {
        let limit = FrameLimit::new(limit);
        let mut out = [0; 100];
        let written = FrameWriter::new(limit).write(&ack, &mut &mut out[..]);
        assert_eq!(written, Err(EncodeError::BodyTooLong { length, limit }));
        assert_eq!(out, [0; 100]);
    }
    for (room, written) in
        [(59, Err(EncodeError::BufferTooSmall { needed: 60, available: 59 })), (60, Ok(Seq(2)))]
    {
        let mut writer = FrameWriter::new(FrameLimit::new(33));
        assert_eq!(writer.write(&ack, &mut &mut vec![0; room][..]), written);
    }
}

/// W8.3, W8.1.
#[test]
fn w8_3_the_flags_of_version_2() {
    assert_eq!([Flags::SELF, Flags::PUSH, Flags::SUPER_GROUP], [8, 0x10, 0x20].map(Flags));
    assert_eq!(Flags(0xff).without(Flags(0x38)), Flags(0xc7));
    assert_eq!(Flags(0x0f).without(Flags(0x38)), Flags(0x07));
}

fn message(version: u8, body: Body) -> Message {
    Message { seq: Seq(1), version: Version(version), flags: Flags::NONE, body }
}

fn parse(version: u8, command: Command, body: &[u8]) -> Result<Body, DecodeError> {
    let body = BytesMut::from(body).freeze();
    match (Frame { version: Version(version), ..Frame::new(command, body) }).parse()? {
        Parsed::Message(message) => Ok(message.body),
        Parsed::Unlisted(frame) => panic!("{frame:?} is in the table"),
    }
}
