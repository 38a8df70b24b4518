//! A METADATA and the message behind it, as one value (W10.3).

use bytes::BufMut;

use crate::message::metadata::put_pair;
use crate::message::{Ack, ChatMessage, Metadata};
use crate::wire::{EncodeError, Flags, FrameLimit, Head, Layout, Version, View};

/// A live copy of a CUSTOMER_V2 and where it stands in the queue of the account that gets it
/// (H14.4, H14.6).
///
/// On the wire it is two frames, METADATA and the message. Here they cannot be told apart, so
/// nothing can come between them, and a host that drops one drops both.
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LiveCopy<'m> {
    message: &'m ChatMessage,
    flags: &'m Flags,
    metadata: &'m Metadata,
}

impl<'m> LiveCopy<'m> {
    #[inline]
    pub(crate) const fn new(
        message: &'m ChatMessage,
        flags: &'m Flags,
        metadata: &'m Metadata,
    ) -> Self {
        Self { message, flags, metadata }
    }

    /// The msgid of the copy, and the one before it in that queue.
    #[must_use]
    pub const fn metadata(&self) -> Metadata {
        *self.metadata
    }

    /// The message, but for its flags.
    #[cfg(feature = "checker")]
    pub(crate) const fn message(&self) -> &'m ChatMessage {
        self.message
    }

    pub(super) fn into_owned(self) -> (ChatMessage, Metadata) {
        (ChatMessage { flags: *self.flags, ..self.message.clone() }, *self.metadata)
    }
}

impl Layout for LiveCopy<'_> {
    #[inline]
    fn head(&self) -> Head {
        Head { flags: *self.flags, ..self.message.head() }
    }

    #[inline]
    fn body_len(&self, version: Version) -> usize {
        self.message.body_len(version)
    }

    fn put_body(&self, version: Version, dst: &mut impl BufMut) {
        self.message.put_body(version, dst);
    }

    #[inline]
    fn frames(&self) -> i32 {
        2
    }

    #[inline]
    fn put_frame(
        &self,
        head: Head,
        limit: FrameLimit,
        dst: &mut impl BufMut,
    ) -> Result<(), EncodeError> {
        put_pair(*self.metadata, self.message, head, limit, dst)
    }
}

/// The ACK of a CUSTOMER_V2 and where the sender's copy stands in their queue (H14.8).
///
/// On the wire it is two frames, METADATA and the ACK.
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LiveAck<'m> {
    ack: Ack,
    metadata: &'m Metadata,
}

impl<'m> LiveAck<'m> {
    #[inline]
    pub(crate) const fn new(ack: Ack, metadata: &'m Metadata) -> Self {
        Self { ack, metadata }
    }

    /// Which message is acknowledged.
    #[must_use]
    pub const fn ack(&self) -> Ack {
        self.ack
    }

    /// The msgid of the sender's copy, and the one before it in that queue.
    #[must_use]
    pub const fn metadata(&self) -> Metadata {
        *self.metadata
    }
}

impl Layout for LiveAck<'_> {
    #[inline]
    fn head(&self) -> Head {
        self.ack.head()
    }

    #[inline]
    fn body_len(&self, version: Version) -> usize {
        Layout::body_len(&self.ack, version)
    }

    fn put_body(&self, version: Version, dst: &mut impl BufMut) {
        self.ack.put_body(version, dst);
    }

    #[inline]
    fn view(&self) -> View<'_> {
        self.ack.view()
    }

    #[inline]
    fn frames(&self) -> i32 {
        2
    }

    #[inline]
    fn put_frame(
        &self,
        head: Head,
        limit: FrameLimit,
        dst: &mut impl BufMut,
    ) -> Result<(), EncodeError> {
        // A copy: a reference into `self` would force every `Outbound` into memory.
        let ack = self.ack;
        put_pair(*self.metadata, &ack, head, limit, dst)
    }
}
