//! What the rules say, computed by plain means: what a case that differs on purpose is compared
//! with. Nothing here asks kefu-proto, which is what is being tested.

pub(crate) mod chat;
pub(crate) mod frame;
pub(crate) mod handler;
pub(crate) mod read;

/// Whose rules.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Rules {
    /// Those of the server that was recorded.
    Original(crate::case::Format),
    /// Those of `src/spec.md`.
    Ours,
}

/// The commands of W3.
pub(crate) const LISTED: [u8; 14] = [3, 5, 13, 14, 15, 24, 25, 26, 27, 28, 29, 34, 37, 64];

/// Those that only a server sets (H13.4): SELF, PUSH and `SUPER_GROUP`.
pub(crate) const SERVER_FLAGS: u8 = 0x08 | PUSH | 0x20;
pub(crate) const SELF: u8 = 0x08;
pub(crate) const PUSH: u8 = 0x10;
