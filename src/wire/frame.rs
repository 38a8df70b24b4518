//! One frame: a header and the bytes of a body.

use core::fmt;

use bytes::{BufMut, Bytes};

use super::encode::{Head, Layout};
use super::field::{Command, Flags, Version};
use super::view::View;
use crate::id::Seq;

/// A frame whose body has not been read.
///
/// [`parse`](Self::parse) reads it; that is defined in `message`, since the wire knows no bodies.
/// `Debug` shows the length of the body, never its bytes.
#[derive(Clone, Eq, PartialEq)]
pub struct Frame {
    /// The sender's number for this frame.
    pub seq: Seq,
    /// What the body is.
    pub command: Command,
    /// The sender's version of the protocol.
    pub version: Version,
    /// The message's flags.
    pub flags: Flags,
    /// The body.
    pub body: Bytes,
}

impl Frame {
    /// A frame with a number, a version and flags of 0: what is left to the connection that writes
    /// it (W7). This is also what a stored command and body amount to (H10.1).
    #[must_use]
    pub const fn new(command: Command, body: Bytes) -> Self {
        Self { seq: Seq(0), command, version: Version(0), flags: Flags::NONE, body }
    }
}

impl Layout for Frame {
    #[inline]
    fn head(&self) -> Head {
        let Self { seq, command, version, flags, .. } = *self;
        Head { seq, command, version, flags }
    }

    #[inline]
    fn body_len(&self, _: Version) -> usize {
        self.body.len()
    }

    fn put_body(&self, _: Version, dst: &mut impl BufMut) {
        dst.put_slice(&self.body);
    }

    #[inline]
    fn view(&self) -> View<'_> {
        View::Bytes(&self.body)
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Frame")
            .field("seq", &self.seq)
            .field("command", &self.command)
            .field("version", &self.version)
            .field("flags", &self.flags)
            .field("body_len", &self.body.len())
            .finish()
    }
}
