//! What a host passes on without looking into it: messages to other servers, and raw frames.

use std::iter;

use bytes::{Bytes, BytesMut};
use kefu_proto::{
    AppId, Body, ChatMessage, Command, CustomerMessage, DecodeError, DecodeOutboundError, Encode,
    Flags, Frame, FrameDecoder, FrameLimit, Message, MsgId, Outbound, OwnedOutbound, Seq, StoreId,
    UnixTime, UserId, Version,
};

const PING: Frame = Frame::new(Command::PING, Bytes::new());

#[test]
fn what_an_effect_carries_reaches_another_server() {
    let [question, answer] = chats();
    let carried = [
        Outbound::Chat(&question),
        Outbound::SyncNotify(MsgId(i64::MIN)),
        Outbound::Ack(Seq(-1).into()),
        Outbound::Chat(&answer),
    ];
    let mut bytes = BytesMut::new();
    for outbound in carried {
        let owned = outbound.into_owned();
        assert_eq!(owned.get(), outbound);
        let (mut lent, mut own) = (Vec::new(), Vec::new());
        outbound.encode(&mut lent).unwrap();
        owned.encode(&mut own).unwrap();
        assert_eq!(own, lent);
        bytes.extend_from_slice(&own);
    }
    let came = iter::from_fn(|| OwnedOutbound::decode(&mut bytes, FrameLimit::CLIENT).unwrap());
    assert!(came.eq(carried.map(Outbound::into_owned)));
    assert!(bytes.is_empty());
}

#[test]
fn lent_and_owned_messages_are_written_alike() {
    let [question, _] = chats();
    let carried = [
        (Outbound::Chat(&question), 24),
        (Outbound::SyncNotify(MsgId(6)), 29),
        (Outbound::Ack(Seq(-1).into()), 5),
    ];
    for (outbound, command) in carried {
        let mut frame = Vec::new();
        outbound.encode(&mut frame).unwrap();
        assert_eq!((frame[8], frame.len() > 12), (command, true));
        is_written_as(&frame, &outbound);
        is_written_as(&frame, &&outbound);
        is_written_as(&frame, &outbound.into_owned());
    }
}

fn is_written_as(frame: &[u8], message: &impl Encode) {
    let (mut whole, mut body) = (Vec::new(), Vec::new());
    message.encode(&mut whole).unwrap();
    message.encode_body(&mut body).unwrap();
    assert_eq!((&whole[..], &body[..]), (frame, &frame[12..]));
    assert_eq!(message.encoded_body_len(), body.len());
}

#[test]
fn an_owned_message_shares_the_content() {
    let [question, _] = chats();
    let owned = Outbound::Chat(&question).into_owned();
    let Outbound::Chat(chat) = owned.get() else { panic!("a chat message went in") };
    assert_eq!(chat.content().as_ptr(), question.content().as_ptr());
}

#[test]
fn a_message_that_is_not_complete_waits() {
    let mut whole = Vec::new();
    chats()[0].encode(&mut whole).unwrap();
    for length in 0..whole.len() {
        let mut read = BytesMut::from(&whole[..length]);
        assert_eq!(OwnedOutbound::decode(&mut read, FrameLimit::CLIENT), Ok(None));
        assert_eq!(read, whole[..length]);
    }
}

#[test]
fn what_no_effect_carries_is_an_error() {
    let decode = |message: &dyn Fn(&mut BytesMut)| {
        let mut read = BytesMut::new();
        message(&mut read);
        OwnedOutbound::decode(&mut read, FrameLimit::new(40)).unwrap_err()
    };
    let not_outbound = |command| DecodeOutboundError::NotOutbound { command };
    for body in [Body::Ping, Body::Sync(MsgId(1)), Body::SyncKey(MsgId(1))] {
        let error = decode(&|read| Message::from(body.clone()).encode(read).unwrap());
        assert_eq!(error, not_outbound(body.command()));
    }
    let unlisted = Frame::new(Command(99), Bytes::from_static(b"?"));
    assert_eq!(decode(&|read| unlisted.encode(read).unwrap()), not_outbound(Command(99)));

    let command = Command::SYNC_NOTIFY;
    let short = Frame::new(command, Bytes::from_static(b"1234567"));
    let too_short = DecodeError::TooShort { command, needed: 8, actual: 7 };
    assert_eq!(decode(&|read| short.encode(read).unwrap()), too_short.into());

    let length = DecodeError::Length { length: 41, limit: FrameLimit::new(40) };
    assert_eq!(decode(&|read| chats()[0].encode(read).unwrap()), length.into());
}

/// S9.1: over WebSocket each message is one frame.
#[test]
fn a_raw_frame_is_cut_where_a_decoded_one_ends() {
    let decoder = FrameDecoder::new(FrameLimit::CLIENT);
    let mut stream = BytesMut::new();
    let [question, answer] = chats();
    question.encode(&mut stream).unwrap();
    PING.encode(&mut stream).unwrap();
    answer.encode(&mut stream).unwrap();
    stream.extend_from_slice(b"\0\0\x80\0\0\0\0\x01\x0d\x01\0\0"); // a length that is refused

    let (mut decoded, mut cut) = (stream.clone(), stream.clone());
    for _ in 0..3 {
        let frame = decoder.decode(&mut decoded).unwrap().unwrap();
        let start = stream.len() - cut.len();
        let bytes = decoder.cut(&mut cut).unwrap().unwrap();
        assert_eq!(cut, decoded);
        assert_eq!(bytes, stream[start..stream.len() - cut.len()]);
        assert_eq!(bytes[12..], frame.body);
    }
    let before = cut.clone();
    assert_eq!(decoder.cut(&mut cut).unwrap_err(), decoder.decode(&mut decoded).unwrap_err());
    assert_eq!(cut, before);
}

#[test]
fn of_a_frame_that_is_not_complete_nothing_is_cut() {
    let mut whole = BytesMut::new();
    chats()[0].encode(&mut whole).unwrap();
    for length in 0..whole.len() {
        let mut read = BytesMut::from(&whole[..length]);
        assert_eq!(FrameDecoder::new(FrameLimit::CLIENT).cut(&mut read), Ok(None));
        assert_eq!(read, whole[..length]);
    }
}

/// The connection that writes them numbers them (H9.2, W7).
#[test]
fn what_a_host_makes_itself_has_no_number() {
    let message = Message::from(Body::SyncNotify(MsgId(4)));
    assert_eq!((message.seq, message.version), (Seq(0), Version(0)));
    assert_eq!((message.flags, message.body), (Flags::NONE, Body::SyncNotify(MsgId(4))));
    assert_eq!((PING.seq, PING.version, PING.flags), (Seq(0), Version(0), Flags::NONE));
    assert_eq!((PING.command, PING.body), (Command::PING, Bytes::new()));
}

/// A customer's question and a seller's answer.
fn chats() -> [ChatMessage; 2] {
    let text = CustomerMessage {
        customer_appid: AppId(7),
        customer_id: UserId(1),
        store_id: StoreId(5),
        seller_id: UserId(2),
        timestamp: UnixTime::from(1),
        content: Bytes::from_static(b"hello"),
    };
    [Body::Customer(text.clone()), Body::CustomerSupport(text)].map(|body| {
        let (seq, version, flags) = (Seq(3), Version(1), Flags(0xf1));
        ChatMessage::try_from(Message { seq, version, flags, body }).unwrap()
    })
}
