//! Messages of every command, frames and streams.

use core::net::Ipv4Addr;
use std::vec::Vec;

use bytes::Bytes;
use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::chat::{customer_message, customer_message_v2};
use super::number::{bytes, flags, msg_id, seq, version};
use crate::message::{
    Ack, AckStatus, AuthStatus, AuthToken, Body, LoginStatus, Message, Metadata, Platform,
    ShortBytes,
};
use crate::wire::{Command, Encode, Frame, Header, Version};

/// A message of any command of the table (W3) that reads as what it was when it is written and read
/// again.
///
/// Three kinds of [`Message`] would not, and are left out: an AUTH_STATUS whose version is not 0
/// loses its `server_ip`, an ACK of version 0 or 1 its status, and an AUTH_TOKEN whose token and
/// device string are both empty has a body of 3 bytes, which no reader accepts (W5).
pub fn message() -> impl Strategy<Value = Message> {
    (seq(), version(), flags(), body()).prop_map(|(seq, version, flags, mut body)| {
        match &mut body {
            Body::AuthStatus(auth) if version != Version(0) => {
                auth.server_ip = Ipv4Addr::UNSPECIFIED;
            }
            Body::Ack(ack) if version < Version::V2 => ack.status = AckStatus::OK,
            _ => {}
        }
        Message { seq, version, flags, body }
    })
}

fn body() -> impl Strategy<Value = Body> {
    let key = [Body::Sync, Body::SyncBegin, Body::SyncEnd, Body::SyncNotify, Body::SyncKey];
    prop_oneof![
        2 => select(&[Body::Ping, Body::Pong][..]),
        2 => (seq(), ack_status()).prop_map(|(seq, status)| Body::Ack(Ack { seq, status })),
        2 => (msg_id(), msg_id()).prop_map(|(sync_key, prev_sync_key)| {
            Body::Metadata(Metadata { sync_key, prev_sync_key })
        }),
        4 => (select(key.to_vec()), msg_id()).prop_map(|(body, key)| body(key)),
        2 => (status(), any::<u32>().prop_map(Ipv4Addr::from))
            .prop_map(|(status, server_ip)| Body::AuthStatus(AuthStatus { status, server_ip })),
        2 => auth_token().prop_map(Body::AuthToken),
        4 => customer_message().prop_map(Body::Customer),
        4 => customer_message().prop_map(Body::CustomerSupport),
        4 => customer_message_v2().prop_map(Body::CustomerV2),
    ]
    .boxed()
}

fn status() -> impl Strategy<Value = LoginStatus> {
    prop_oneof![Just(LoginStatus::OK), Just(LoginStatus::REFUSED), any::<i32>().prop_map_into()]
}

/// A status of an ACK: mostly success.
pub fn ack_status() -> impl Strategy<Value = AckStatus> {
    prop_oneof![2 => Just(AckStatus::OK), 1 => any::<i8>().prop_map_into()]
}

fn auth_token() -> impl Strategy<Value = AuthToken> {
    let platforms = &[Platform::IOS, Platform::ANDROID, Platform::WEB][..];
    let platform = prop_oneof![select(platforms), any::<i8>().prop_map_into()];
    // Not both empty.
    let lengths = prop_oneof![(1..=255_usize, 0..=255_usize), (Just(0), 1..=255_usize)];
    let strings =
        lengths.prop_flat_map(|(token, device)| (short_bytes(token), short_bytes(device)));
    (platform, strings).prop_map(|(platform, (token, device_id))| AuthToken {
        platform,
        token,
        device_id,
    })
}

fn short_bytes(len: usize) -> impl Strategy<Value = ShortBytes> {
    bytes(len..=len).prop_filter_map("at most 255 bytes", |bytes| ShortBytes::new(bytes).ok())
}

/// A frame of a client connection: mostly one that reads as a message, otherwise an
/// [`unlisted_frame`] or a [`malformed_frame`].
pub fn frame() -> impl Strategy<Value = Frame> {
    prop_oneof![
        4 => message().prop_map(|message| framed(&message)),
        1 => unlisted_frame(),
        1 => malformed_frame(),
    ]
    .boxed()
}

fn framed(message: &Message) -> Frame {
    let mut body = Vec::new();
    message.encode_body(&mut body).expect("a Vec has room for everything");
    let Message { seq, version, flags, .. } = *message;
    Frame { seq, command: message.command(), version, flags, body: body.into() }
}

/// A frame of a command that is not in the table (W3), with any body.
pub fn unlisted_frame() -> impl Strategy<Value = Frame> {
    let command = any::<u8>().prop_map(Command);
    let command = command.prop_filter("in the table", |command| command.name().is_none());
    headed(version(), command.prop_flat_map(|command| (Just(command), bytes(0..=48))))
}

/// A frame of a command of the table (W3) whose body does not parse (W5).
pub fn malformed_frame() -> impl Strategy<Value = Frame> {
    let ended = |commands: &'static [Command], lengths| (select(commands), bytes(lengths));
    prop_oneof![
        headed(version(), ended(CHATS, 0..=35)),
        headed(version(), ended(SYNC_KEYS, 0..=7)),
        headed(version(), ended(&[Command::METADATA], 0..=31)),
        headed(version(), ended(&[Command::PING, Command::PONG], 1..=16)),
        headed(version(), ended(&[Command::AUTH_STATUS], 0..=3)),
        headed(Just(Version(0)), ended(&[Command::AUTH_STATUS], 4..=7)),
        headed(version(), (Just(Command::AUTH_TOKEN), malformed_auth_token())),
    ]
    .boxed()
}

/// The commands of chat messages (W4, W9).
const CHATS: &[Command] = &[Command::CUSTOMER, Command::CUSTOMER_SUPPORT, Command::CUSTOMER_V2];

/// The commands whose body is a sync key (W3).
const SYNC_KEYS: &[Command] = &[
    Command::SYNC,
    Command::SYNC_BEGIN,
    Command::SYNC_END,
    Command::SYNC_NOTIFY,
    Command::SYNC_KEY,
];

/// Ends too early, or has a length that reaches past its end.
fn malformed_auth_token() -> impl Strategy<Value = Vec<u8>> {
    let cut = (auth_token(), any::<Index>()).prop_map(|(auth, end)| {
        let mut body = std::vec![0, auth.token.len()];
        body.extend_from_slice(auth.token.as_bytes());
        body.push(auth.device_id.len());
        body.extend_from_slice(auth.device_id.as_bytes());
        body.truncate(end.index(body.len()));
        body
    });
    let too_long = prop_oneof![Just(0xff), 5..=0xff_u8];
    let too_long = (bytes(0..=3), too_long, bytes(2..=4), any::<bool>()).prop_map(
        |(token, too_long, rest, second)| {
            let mut body = std::vec![0];
            if second {
                body.extend(u8::try_from(token.len()));
                body.extend_from_slice(&token);
            }
            body.push(too_long);
            body.extend_from_slice(&rest);
            body
        },
    );
    // Both strings are empty, and nothing follows.
    let empty = any::<u8>().prop_map(|platform| std::vec![platform, 0, 0]);
    prop_oneof![bytes(0..=3), empty, cut, too_long].boxed()
}

fn headed(
    version: impl Strategy<Value = Version>,
    body: impl Strategy<Value = (Command, Vec<u8>)>,
) -> impl Strategy<Value = Frame> {
    (seq(), version, flags(), body).prop_map(|(seq, version, flags, (command, body))| Frame {
        seq,
        command,
        version,
        flags,
        body: body.into(),
    })
}

/// What a hostile peer sends: frames of all kinds, and between them headers with a length that is
/// refused (W2), and noise. It may end in the middle of a frame.
pub fn byte_stream() -> impl Strategy<Value = Bytes> {
    let written = (frame(), any::<u8>()).prop_map(|(frame, last)| written(&frame, last));
    let refused = prop_oneof![i32::MIN..=-1, select(&[-1, 32 * 1024][..]), 32 * 1024..=i32::MAX];
    let refused = (refused, bytes(8..=20))
        .prop_map(|(length, rest)| [&length.to_be_bytes()[..], &rest].concat());
    let piece = prop_oneof![8 => written, 1 => refused, 1 => bytes(0..=24)].boxed();
    let cut = weighted(0.25, any::<Index>());
    (vec(piece, 0..=6), cut).prop_map(|(pieces, cut)| {
        let mut stream = pieces.concat();
        if let Some(end) = cut {
            stream.truncate(end.index(stream.len() + 1));
        }
        stream.into()
    })
}

fn written(frame: &Frame, last: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    frame.encode(&mut bytes).expect("within the limit, and a Vec has room for everything");
    // W1: real clients put something there.
    bytes[Header::LEN - 1] = last;
    bytes
}

/// A stream cut into what single reads return: none of the chunks is empty, and together they are
/// the stream.
pub fn chunks(stream: impl Into<Bytes>) -> impl Strategy<Value = Vec<Bytes>> {
    let stream = stream.into();
    let cuts = vec(0..=stream.len(), 0..=12);
    let everywhere = Just((0..=stream.len()).collect::<Vec<_>>());
    prop_oneof![7 => cuts, 1 => everywhere].prop_map(move |mut cuts| {
        cuts.extend([0, stream.len()]);
        cuts.sort_unstable();
        cuts.dedup();
        cuts.windows(2).map(|ends| stream.slice(ends[0]..ends[1])).collect()
    })
}
