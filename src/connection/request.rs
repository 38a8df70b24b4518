//! What a logged-in client wants.

use crate::delivery::Delivery;
use crate::dialect::Dialect;
use crate::id::MsgId;
use crate::message::Message;
use crate::rules::Refusal;
use crate::sync::SyncRequest;
use crate::wire::Frame;

/// What a logged-in client wants, to be finished in order.
///
/// Non-exhaustive: a later version of the protocol adds requests that a host may ignore. Of those
/// of today it may ignore `KeepDialect` and `Unlisted` alone.
#[derive(Debug)]
#[must_use = "a request is to be finished"]
#[non_exhaustive]
pub enum Request {
    /// A chat message that the rules accept: apply your own rules, store it, apply its effects. If
    /// a save fails, nothing follows (H8.1).
    Deliver(Delivery),
    /// A chat message that the rules refuse (H2, H3, H13): count it, log it. On the wire it is
    /// silence (H11.1).
    Refused(Refusal),
    /// A message to write to this connection.
    Reply(Message),
    /// Send what the queue holds after a sync key (S2).
    Sync(SyncRequest),
    /// Keep this sync key for the connection's user, unless a larger one is kept already (S3.1).
    KeepSyncKey(MsgId),
    /// The client has shown which dialect it knows (D1.8), with the message of the request before:
    /// keep it for its account and platform, for a login that tells nothing (see
    /// [`Authentication::set_dialect`](crate::Authentication::set_dialect)). It comes once for each
    /// change, from clients of all platforms. A host may ignore it; a web client then gets what was
    /// sent until it speaks.
    KeepDialect(Dialect),
    /// A command outside the protocol's table (W3.4): the host's own, or to be ignored.
    Unlisted(Frame),
}
