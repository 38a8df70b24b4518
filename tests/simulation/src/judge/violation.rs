//! What can be wrong.

use std::fmt;

/// The invariants.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Rule {
    /// H7, H8: no ACK without both saves.
    AckAfterSaves,
    /// H7, H8: no notify without both saves.
    NotifyAfterSaves,
    /// H7, H8: no push without both saves.
    PushAfterSaves,
    /// H7: a notified id is readable in that queue.
    NotifiedIsReadable,
    /// H7: an ACK comes after the notifies to every connection that must have them (or H6, after
    /// the message).
    AckAfterNotify,
    /// Every acknowledged message is in both queues, for ever.
    BothCopies,
    /// With an idempotent store exactly once each.
    ExactlyOnce,
    /// H5: nobody but the two parties gets to see, store or be pushed a message.
    PartiesOnly,
    /// H2, H3: a refused message changes nothing.
    RefusedIsNothing,
    /// S1, S7: what is sent before a login or after a malformed frame changes nothing.
    IgnoredIsNothing,
    /// H6: an unpersistent message is not stored.
    UnpersistentIsNotStored,
    /// Every message repeated until its ACK is finally acknowledged.
    FinallyAcked,
    /// Messages sent in order on one connection are stored in this order.
    SenderOrder,
    /// H10, W4: what is stored and delivered is what was sent.
    SameBytes,
    /// H4: all but the timestamp, which is the server's.
    ServerTime,
    /// S2: own messages from this device are left out of a sync.
    OwnLeftOut,
    /// S2: a sync is complete and in order, from where it should begin to where it says it ends.
    WholeSync,
    /// S5: a sync ends no earlier than what was notified before.
    FreshSync,
    /// S3, S5: in the end every client has read its queue to the end.
    AllRead,
    /// W1, W7, S6: number, version, flags and last byte of every frame; its length; S8: one whole
    /// frame at a time.
    Header,
    /// S1: logins are answered by who they are.
    Login,
    /// ACK, PONG, SYNC_BEGIN: once for each that was asked for, and for nothing else.
    AskedFor,
    /// D1, D3: nothing in a form that the connection's dialect does not know.
    Dialect,
    /// D1.8: the host is told of every change, before anything behind it.
    DialectTold,
    /// D2: a translation keeps sender, receiver, time and content, and names the shop that the host
    /// says.
    Translation,
    /// W10: METADATA is followed by its message, and a live copy has one.
    Pair,
    /// H14: a live copy or an ACK names the copy and the one before it in that queue.
    Previous,
    /// H14: an ACK comes after the live copies, where the store knows what was the newest before.
    AckAfterCopy,
    /// D4.2: a device's own message says so.
    OwnMarked,
    /// S12.1: an answer ends at its bounds.
    Bounded,
    /// S12.3: where the queue goes on, the client is told.
    ToldToGoOn,
    /// S12.4: and then it is told nothing else until it asks.
    HeldBack,
    /// W3.4: unlisted commands reach the host as they came.
    Unlisted,
}

/// One of them broken, and how.
#[derive(Clone, Debug)]
pub(crate) struct Violation {
    pub(crate) rule: Rule,
    what: String,
}

pub(crate) type Verdict = Result<(), Violation>;

impl Rule {
    pub(crate) fn broken(self, what: impl fmt::Display) -> Violation {
        Violation { rule: self, what: what.to_string() }
    }

    /// `holds`, or the violation.
    pub(crate) fn demands(self, holds: bool, what: impl FnOnce() -> String) -> Verdict {
        if holds { Ok(()) } else { Err(self.broken(what())) }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is broken: {}", self.rule, self.what)
    }
}
