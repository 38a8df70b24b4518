//! Replays a queue case: messages that one connection is given.

use std::error::Error;
use std::net::Ipv4Addr;

use bytes::{Bytes, BytesMut};
use kefu_proto::{Account, Ack, AckStatus, AppId, AuthStatus, Body, CustomerMessageV2, Encode};
use kefu_proto::{Flags, FrameLimit, FrameWriter, LoginStatus, Message, Metadata, MsgId};
use kefu_proto::{OwnedOutbound, Seq, UnixTime, UserId, Version};

use super::{compare_frames, with_addresses};
use crate::case::{self, QueueCase, Queued};
use crate::difference::Differences;
use crate::reference::frame::{shifted, split};

pub(crate) fn replay(case: &QueueCase, found: &mut Differences) {
    match written(case) {
        Ok(stream) => {
            let expected = with_addresses(&case.frames, found);
            // A writer begins with its first frame. Where the recorded one is further, its numbers
            // are counted on, and past the last as W7.2 says.
            let came = shifted(&split(&stream), case.start_seq.unwrap_or(0));
            compare_frames("frames", &expected, &came, found);
        }
        Err(error) => found.note("frames", "messages that can be written", error),
    }
}

fn written(case: &QueueCase) -> Result<BytesMut, Box<dyn Error>> {
    let mut writer = FrameWriter::new(FrameLimit::CLIENT);
    writer.set_version(Version(case.version));
    let mut out = BytesMut::new();
    for queued in case.steps.iter().flat_map(|step| &step.messages) {
        let message = message(queued)?;
        match queued.meta {
            None => writer.write(&message, &mut out)?,
            Some(keys) => writer.write(&pair(keys, &message)?, &mut out)?,
        };
    }
    Ok(out)
}

/// As another server passes them on: a METADATA and its message are one value.
fn pair(keys: case::Keys, message: &Message) -> Result<OwnedOutbound, Box<dyn Error>> {
    let (sync_key, prev_sync_key) = (MsgId(keys.sync_key), MsgId(keys.prev_sync_key));
    let metadata = Message::from(Body::Metadata(Metadata { sync_key, prev_sync_key }));
    let mut bytes = BytesMut::new();
    metadata.encode(&mut bytes)?;
    // The version that has a place for a status. The writer gives the frame its own.
    Message { version: Version::V2, ..message.clone() }.encode(&mut bytes)?;
    OwnedOutbound::decode(&mut bytes, FrameLimit::CLIENT)?.ok_or_else(|| "no pair".into())
}

fn message(queued: &Queued) -> Result<Message, Box<dyn Error>> {
    let body = match &queued.body {
        Some(fields) => body(queued.cmd, fields),
        None => match queued.cmd {
            13 => Some(Body::Ping),
            14 => Some(Body::Pong),
            _ => None,
        },
    };
    let body = body.filter(|body| body.command().0 == queued.cmd);
    let body = body.ok_or("a body that does not fit its command")?;
    let (seq, version, flags) = (Seq(queued.seq), Version(queued.version), Flags(queued.flag));
    Ok(Message { seq, version, flags, body })
}

/// What a server sends.
fn body(cmd: u8, fields: &case::Body) -> Option<Body> {
    Some(match fields {
        case::Body::AuthStatus { status, .. } => Body::AuthStatus(AuthStatus {
            status: LoginStatus(*status),
            server_ip: Ipv4Addr::UNSPECIFIED,
        }),
        case::Body::Ack { ack_seq, status } => {
            Body::Ack(Ack { seq: Seq(*ack_seq), status: AckStatus(status.unwrap_or(0)) })
        }
        case::Body::CustomerV2 { .. } => Body::CustomerV2(customer_v2(fields)?),
        case::Body::Metadata { sync_key, prev_sync_key } => Body::Metadata(Metadata {
            sync_key: MsgId(*sync_key),
            prev_sync_key: MsgId(*prev_sync_key),
        }),
        case::Body::SyncKey { sync_key } => {
            let key = MsgId(*sync_key);
            match cmd {
                26 => Body::Sync(key),
                27 => Body::SyncBegin(key),
                28 => Body::SyncEnd(key),
                29 => Body::SyncNotify(key),
                _ => Body::SyncKey(key),
            }
        }
        _ => return None,
    })
}

fn customer_v2(fields: &case::Body) -> Option<CustomerMessageV2> {
    let case::Body::CustomerV2 {
        sender_appid,
        sender,
        receiver_appid,
        receiver,
        timestamp,
        content_hex,
    } = fields
    else {
        return None;
    };
    Some(CustomerMessageV2 {
        sender: Account::new(AppId(*sender_appid), UserId(*sender)),
        receiver: Account::new(AppId(*receiver_appid), UserId(*receiver)),
        timestamp: UnixTime::from(*timestamp),
        content: Bytes::from(content_hex.0.clone()),
    })
}
