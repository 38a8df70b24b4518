//! How long a body may be (W2).

use core::fmt;

/// The exclusive upper bound of a body's length (W2.1): a body of this many bytes is refused.
///
/// Displayed as the number of bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FrameLimit(u32);

impl FrameLimit {
    /// The limit of a client connection (W2.2): bodies of at most 32,767 bytes, so contents of at
    /// most 32,731.
    pub const CLIENT: Self = Self(32 * 1024);
    /// No limit but that of the length field: bodies of at most 2³¹ − 1 bytes.
    pub const MAX: Self = Self(1 << 31);

    /// Refuses bodies of `bytes` and more. More than [`MAX`](Self::MAX) means the same as `MAX`.
    #[must_use]
    pub const fn new(bytes: u32) -> Self {
        if bytes > Self::MAX.0 { Self::MAX } else { Self(bytes) }
    }

    /// The first length that is refused, in bytes.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl fmt::Display for FrameLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
