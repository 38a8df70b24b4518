//! What a client may not say is ignored by a connection (S5.2).

use bytes::BytesMut;
use kefu_proto::{FrameLimit, Request, UnixTime};

use crate::case::ConnectionOf;
use crate::client;
use crate::difference::Differences;

/// Feeds a whole frame to a connection, which must not make a request of it: nothing at all, or
/// the host's own for an unlisted command.
pub(crate) fn check(frame: &[u8], found: &mut Differences) {
    let whoever = ConnectionOf { appid: 7, uid: 1, device_id: 1, version: 2 };
    let mut online = match client::log_in(1453, whoever, FrameLimit::MAX) {
        Ok(online) => online,
        Err(error) => return found.note("login", "accepted", error),
    };
    match online.receive(&mut BytesMut::from(frame), UnixTime::from(0)) {
        Ok(None | Some(Request::Unlisted(_))) => {}
        Ok(Some(request)) => found.note("request", "ignored", format_args!("{request:?}")),
        Err(closed) => found.note("request", "ignored", closed),
    }
}
