//! Replays a wire case: bytes read and written back.

use kefu_proto::{Encode, EncodeError, FrameLimit, Parsed};

use crate::case::{Body, Decoded, Hex, Mark, Verdict, WireCase};
use crate::difference::Differences;
use crate::reading::Reading;

pub(crate) fn replay(case: &WireCase) -> Differences {
    let mut found = Differences::default();
    let reading = Reading::of(&case.hex.0, FrameLimit::new(case.limit));
    reading.check("result", case.result, &case.marks, &case.hex.0, &mut found);
    if case.marks.iter().any(|mark| *mark != Mark::UnlistedCommand) {
        found.note("marks", "none but unlisted-command", "a mark of handler cases");
    }
    if !found.is_empty() {
        return found;
    }
    // The rest is recorded with `ok` alone, also for a command that is unlisted here.
    let parsed = reading.parsed.as_ref().filter(|_| case.result == Verdict::Ok);
    found.compare("consumed", &case.consumed, &parsed.map(|_| reading.consumed));
    found.compare("decoded", &case.decoded, &parsed.map(decoded));
    match parsed.map(written).transpose() {
        Ok(bytes) => found.compare("reencoded_hex", &case.reencoded_hex, &bytes),
        Err(error) => found.note("reencoded_hex", "a frame", error),
    }
    found
}

fn decoded(parsed: &Parsed) -> Decoded {
    Decoded {
        cmd: parsed.command().0,
        seq: parsed.seq().0,
        version: parsed.version().0,
        flag: parsed.flags().0,
        body: match parsed {
            Parsed::Message(message) => fields(&message.body),
            // Only an empty body can be `ok` in a recording; the frame itself has been compared.
            Parsed::Unlisted(_) => None,
        },
    }
}

fn written(parsed: &Parsed) -> Result<Hex, EncodeError> {
    let mut bytes = Vec::new();
    parsed.encode_within(FrameLimit::MAX, &mut bytes)?;
    Ok(Hex(bytes))
}

/// The fields of a body. The kinds of sync keys and chat messages differ only by the command, which
/// is compared separately.
fn fields(body: &kefu_proto::Body) -> Option<Body> {
    use kefu_proto::Body as Crate;

    Some(match body {
        Crate::AuthStatus(auth) => Body::AuthStatus {
            status: auth.status.0,
            ip: i32::from_be_bytes(auth.server_ip.octets()),
        },
        Crate::Ack(ack) => Body::Ack { ack_seq: ack.seq.0 },
        Crate::AuthToken(auth) => Body::AuthToken {
            platform_id: auth.platform.0,
            token_hex: Hex(auth.token.as_bytes().to_vec()),
            device_id_hex: Hex(auth.device_id.as_bytes().to_vec()),
        },
        Crate::Customer(message) | Crate::CustomerSupport(message) => Body::Customer {
            customer_appid: message.customer_appid.0,
            customer_id: message.customer_id.0,
            store_id: message.store_id.0,
            seller_id: message.seller_id.0,
            timestamp: message.timestamp.as_secs(),
            content_hex: Hex(message.content.to_vec()),
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
