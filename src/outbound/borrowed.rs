//! What an effect carries.

use bytes::BufMut;

use super::pair::{LiveAck, LiveCopy};
use crate::id::{MsgId, Seq};
use crate::message::{Ack, ChatMessage, sync};
use crate::wire::{
    Command, EncodeError, Flags, FrameLimit, Head, Layout, Version, View, put_frame,
};

/// A message on its way out.
///
/// It encodes itself ([`Encode`](crate::Encode)). It borrows from the list of effects:
/// [`into_owned`](Self::into_owned) makes a value for queues, other connections and other servers.
///
/// Non-exhaustive: a later version of the protocol sends more. A host hands it on and need not look
/// inside.
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Outbound<'m> {
    /// The chat message under the server's time: what is pushed (H7.3, H14.3), or an unpersistent
    /// message with the seq, version and flags that its sender gave it (H6.1).
    Chat(&'m ChatMessage),
    /// The addressee's queue now goes up to this msgid (H7.4, H7.5).
    SyncNotify(MsgId),
    /// The sender's message has been dealt with (H9.1).
    Ack(Ack),
    /// A copy for clients of version 2 that have missed nothing (H14.4, H14.6).
    LiveCopy(LiveCopy<'m>),
    /// The sender's CUSTOMER_V2 has been dealt with (H14.8).
    LiveAck(LiveAck<'m>),
}

impl Layout for Outbound<'_> {
    #[inline]
    fn head(&self) -> Head {
        match self {
            Self::Chat(message) => message.head(),
            Self::SyncNotify(_) => SYNC_NOTIFY,
            Self::Ack(ack) => ack.head(),
            Self::LiveCopy(copy) => copy.head(),
            Self::LiveAck(ack) => ack.head(),
        }
    }

    #[inline]
    fn body_len(&self, version: Version) -> usize {
        match self {
            Self::Chat(message) => message.body_len(version),
            Self::SyncNotify(_) => sync::LEN,
            Self::Ack(ack) => Layout::body_len(ack, version),
            Self::LiveCopy(copy) => copy.body_len(version),
            Self::LiveAck(ack) => ack.body_len(version),
        }
    }

    fn put_body(&self, version: Version, dst: &mut impl BufMut) {
        match self {
            Self::Chat(message) => message.put_body(version, dst),
            Self::SyncNotify(key) => sync::put(*key, dst),
            Self::Ack(ack) => ack.put_body(version, dst),
            Self::LiveCopy(copy) => copy.put_body(version, dst),
            Self::LiveAck(ack) => ack.put_body(version, dst),
        }
    }

    #[inline]
    fn frames(&self) -> i32 {
        match self {
            Self::Chat(_) | Self::SyncNotify(_) | Self::Ack(_) => 1,
            Self::LiveCopy(copy) => copy.frames(),
            Self::LiveAck(ack) => ack.frames(),
        }
    }

    #[inline]
    fn view(&self) -> View<'_> {
        match self {
            Self::Chat(message) => message.view(),
            Self::Ack(ack) => ack.view(),
            Self::LiveAck(ack) => ack.view(),
            // The form of these is chosen by their commands and by being pairs.
            Self::SyncNotify(_) | Self::LiveCopy(_) => View::Opaque,
        }
    }

    // Each kind by itself: where the length is known, header and body are a few stores.
    #[inline]
    fn put_frame(
        &self,
        head: Head,
        limit: FrameLimit,
        dst: &mut impl BufMut,
    ) -> Result<(), EncodeError> {
        match self {
            Self::Chat(message) => message.put_frame(head, limit, dst),
            Self::SyncNotify(key) => {
                put_frame(head, sync::LEN, limit, dst, |dst| sync::put(*key, dst))
            }
            Self::Ack(ack) => ack.put_frame(head, limit, dst),
            // `?; Ok(())`, here and below: a result straight from a call is in memory, and would
            // put those of the other arms there too.
            Self::LiveCopy(copy) => {
                copy.put_frame(head, limit, dst)?;
                Ok(())
            }
            Self::LiveAck(ack) => {
                ack.put_frame(head, limit, dst)?;
                Ok(())
            }
        }
    }
}

/// H9.2: the connection numbers what the server makes itself.
const SYNC_NOTIFY: Head =
    Head { seq: Seq(0), command: Command::SYNC_NOTIFY, version: Version(0), flags: Flags::NONE };
