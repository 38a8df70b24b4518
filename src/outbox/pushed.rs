//! What became of a message.

/// What became of a message that an [`Outbox`](crate::Outbox) was given.
///
/// Non-exhaustive: there may be more. A host may ignore it, or count what is left out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Pushed {
    /// It waits.
    Kept,
    /// It is a SYNC_NOTIFY, and one waited already: the one with the greater msgid waits (S13.2).
    Merged,
    /// It does not wait, and will not be written.
    LeftOut(LeftOut),
}

/// What kind of message did not fit.
///
/// Non-exhaustive: a later version of the protocol may leave out more.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum LeftOut {
    /// A live copy, with its METADATA. The client reads the message in a sync (S13.3).
    LiveCopy,
    /// An unpersistent message, which is lost for this connection (S13.4).
    Unpersistent,
}
