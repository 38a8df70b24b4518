//! Messages of the crate in the fields of a case.

use kefu_proto::{
    AppId, CustomerMessage, CustomerMessageV2, Encode, MsgId, Outbound, Parsed, UserId,
};

use crate::case::{Body, Decoded, Format, Hex, Keys};

pub(crate) fn decoded(parsed: &Parsed, format: Format) -> Decoded {
    Decoded {
        cmd: parsed.command().0,
        seq: parsed.seq().0,
        version: parsed.version().0,
        flag: parsed.flags().0,
        body: match parsed {
            Parsed::Message(message) => body(&message.body, format),
            Parsed::Unlisted(_) => None,
        },
    }
}

/// The kinds of sync keys and of chat messages differ only by the command, which is compared
/// separately.
fn body(body: &kefu_proto::Body, format: Format) -> Option<Body> {
    use kefu_proto::Body as Crate;

    let (is_v1, is_v2) = (format == Format::V1, format == Format::V2);
    Some(match body {
        Crate::AuthStatus(auth) => Body::AuthStatus {
            status: auth.status.0,
            ip: is_v1.then(|| i32::from_be_bytes(auth.server_ip.octets())),
        },
        Crate::Ack(ack) => Body::Ack { ack_seq: ack.seq.0, status: is_v2.then_some(ack.status.0) },
        Crate::AuthToken(auth) => Body::AuthToken {
            platform_id: auth.platform.0,
            token_hex: Hex(auth.token.as_bytes().to_vec()),
            device_id_hex: Hex(auth.device_id.as_bytes().to_vec()),
        },
        Crate::Customer(message) | Crate::CustomerSupport(message) => customer(message),
        Crate::CustomerV2(message) => customer_v2(message),
        Crate::Metadata(metadata) => Body::Metadata {
            sync_key: metadata.sync_key.0,
            prev_sync_key: metadata.prev_sync_key.0,
        },
        Crate::Sync(key)
        | Crate::SyncBegin(key)
        | Crate::SyncEnd(key)
        | Crate::SyncNotify(key)
        | Crate::SyncKey(key) => Body::SyncKey { sync_key: key.0 },
        // PING and PONG.
        _ => return None,
    })
}

fn customer(message: &CustomerMessage) -> Body {
    Body::Customer {
        customer_appid: message.customer_appid.0,
        customer_id: message.customer_id.0,
        store_id: message.store_id.0,
        seller_id: message.seller_id.0,
        timestamp: message.timestamp.as_secs(),
        content_hex: Hex(message.content.to_vec()),
    }
}

fn customer_v2(message: &CustomerMessageV2) -> Body {
    let (sender, receiver) = (message.sender, message.receiver);
    let (AppId(sender_appid), UserId(sender)) = (sender.appid, sender.uid);
    let (AppId(receiver_appid), UserId(receiver)) = (receiver.appid, receiver.uid);
    Body::CustomerV2 {
        sender_appid,
        sender,
        receiver_appid,
        receiver,
        timestamp: message.timestamp.as_secs(),
        content_hex: Hex(message.content.to_vec()),
    }
}

/// What travels beside a message.
pub(crate) fn keys(message: Outbound<'_>) -> Option<Keys> {
    let metadata = match message {
        Outbound::LiveCopy(copy) => copy.metadata(),
        Outbound::LiveAck(ack) => ack.metadata(),
        _ => return None,
    };
    let (MsgId(sync_key), MsgId(prev_sync_key)) = (metadata.sync_key, metadata.prev_sync_key);
    Some(Keys { sync_key, prev_sync_key })
}
