//! The layouts of bodies again, written without the crate (W3–W5).

use kefu_proto::{Body, Command, CustomerMessage, DecodeError, Version};

/// The body's bytes, without anything that a reader would ignore.
pub(crate) fn body_bytes(body: &Body, version: Version) -> Vec<u8> {
    match body {
        Body::AuthStatus(auth) => {
            let ip = if version.0 == 0 { &auth.server_ip.octets()[..] } else { &[] };
            [&auth.status.0.to_be_bytes()[..], ip].concat()
        }
        Body::Ack(ack) => ack.seq.0.to_be_bytes().to_vec(),
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

/// What is wrong with a body, if anything is.
pub(crate) fn fault(command: Command, version: Version, body: &[u8]) -> Option<DecodeError> {
    let actual = body.len();
    let fixed = match command.0 {
        3 if version.0 == 0 => 8,
        3 => 4,
        13 | 14 if actual > 0 => return Some(DecodeError::NotEmpty { command, actual }),
        15 => return auth_token_fault(body),
        24 | 25 => 36,
        26..=29 | 34 => 8,
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
        if length > 127 {
            let length = i8::from_be_bytes([length]);
            return Some(DecodeError::NegativeLength { length });
        }
        end += 1 + usize::from(length);
        if end > actual {
            return Some(DecodeError::TooShort { command, needed: end, actual });
        }
    }
    None
}
