//! The layouts of bodies again, written without the crate (W3–W5, W9, W10).

use std::net::Ipv4Addr;

use kefu_proto::{
    Ack, AckStatus, AuthStatus, Body, Command, CustomerMessage, CustomerMessageV2, DecodeError,
};
use kefu_proto::{LoginStatus, Metadata, Seq, Version};

/// The body's bytes, without anything that a reader would ignore.
pub(crate) fn body_bytes(body: &Body, version: Version) -> Vec<u8> {
    match body {
        Body::AuthStatus(auth) => {
            let ip = if version.0 == 0 { &auth.server_ip.octets()[..] } else { &[] };
            [&auth.status.0.to_be_bytes()[..], ip].concat()
        }
        Body::Ack(ack) => {
            let status = if version.0 > 1 { &ack.status.0.to_be_bytes()[..] } else { &[] };
            [&ack.seq.0.to_be_bytes()[..], status].concat()
        }
        Body::Ping | Body::Pong => vec![],
        Body::AuthToken(auth) => {
            let mut bytes = auth.platform.0.to_be_bytes().to_vec();
            for string in [auth.token.as_bytes(), auth.device_id.as_bytes()] {
                bytes.push(u8::try_from(string.len()).unwrap());
                bytes.extend_from_slice(string);
            }
            bytes
        }
        Body::Customer(chat) | Body::CustomerSupport(chat) => chat_bytes(chat),
        Body::CustomerV2(chat) => chat_v2_bytes(chat),
        Body::Metadata(metadata) => metadata_bytes(*metadata),
        Body::Sync(key)
        | Body::SyncBegin(key)
        | Body::SyncEnd(key)
        | Body::SyncNotify(key)
        | Body::SyncKey(key) => key.0.to_be_bytes().to_vec(),
        other => panic!("no layout is known of {other:?}"),
    }
}

pub(crate) fn chat_bytes(chat: &CustomerMessage) -> Vec<u8> {
    let ids = [chat.customer_appid.0, chat.customer_id.0, chat.store_id.0, chat.seller_id.0];
    let time = chat.timestamp.as_secs().to_be_bytes();
    [&ids.map(i64::to_be_bytes).concat()[..], &time, &chat.content].concat()
}

pub(crate) fn chat_v2_bytes(chat: &CustomerMessageV2) -> Vec<u8> {
    let CustomerMessageV2 { sender, receiver, timestamp, content } = chat;
    let ids = [sender.appid.0, sender.uid.0, receiver.appid.0, receiver.uid.0];
    let time = timestamp.as_secs().to_be_bytes();
    [&ids.map(i64::to_be_bytes).concat()[..], &time, content].concat()
}

pub(crate) fn metadata_bytes(metadata: Metadata) -> Vec<u8> {
    let keys = [metadata.sync_key.0, metadata.prev_sync_key.0, 0, 0];
    keys.map(i64::to_be_bytes).concat()
}

/// W3.5, W3.6: what is missing is 0.
pub(crate) fn ack(body: &[u8], version: Version) -> Ack {
    let seq = body.first_chunk().map_or(0, |seq| i32::from_be_bytes(*seq));
    let status = body.get(4).filter(|_| version.0 > 1);
    let status = status.map_or(0, |&status| i8::from_be_bytes([status]));
    Ack { seq: Seq(seq), status: AckStatus(status) }
}

pub(crate) fn auth_status(accepted: bool) -> Body {
    let status = if accepted { LoginStatus(0) } else { LoginStatus(1) };
    Body::AuthStatus(AuthStatus { status, server_ip: Ipv4Addr::UNSPECIFIED })
}

/// What is wrong with a body, if anything is.
pub(crate) fn fault(command: Command, version: Version, body: &[u8]) -> Option<DecodeError> {
    let actual = body.len();
    let fixed = match command.0 {
        3 if version.0 == 0 => 8,
        3 => 4,
        13 | 14 if actual > 0 => return Some(DecodeError::NotEmpty { command, actual }),
        15 => return auth_token_fault(body),
        24 | 25 | 64 => 36,
        26..=29 | 34 => 8,
        37 => 32,
        // ACK, too: a short one means 0.
        _ => 0,
    };
    (actual < fixed).then_some(DecodeError::TooShort { command, needed: fixed, actual })
}

fn auth_token_fault(body: &[u8]) -> Option<DecodeError> {
    let (command, actual) = (Command::AUTH_TOKEN, body.len());
    if actual < 4 {
        return Some(DecodeError::TooShort { command, needed: 4, actual });
    }
    let mut end = 1;
    for _ in ["token", "device"] {
        let Some(&length) = body.get(end) else {
            return Some(DecodeError::TooShort { command, needed: end + 1, actual });
        };
        end += 1 + usize::from(length);
        if end > actual {
            return Some(DecodeError::TooShort { command, needed: end, actual });
        }
    }
    None
}
