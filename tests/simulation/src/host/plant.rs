//! Faults that a host or its store might have, to show that the judge sees each.

/// One planted fault.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Plant {
    /// ACK before the saves.
    AckEarly,
    /// Push before the saves.
    PushEarly,
    /// Notify the receiver when its own copy is stored.
    NotifyEarly,
    /// Notify with the id of the other queue's copy.
    SwapIds,
    /// Leave out the notify of the receiver.
    ForgetReceiver,
    /// Leave out the notify of the sender's other login points.
    ForgetSender,
    /// Answer the sender's save, but do not do it.
    ForgetSenderCopy,
    /// Drop, in the end, what a client has read.
    DropRead,
    /// The idempotent store does not remember what it has.
    ForgetMarks,
    /// The receiver's copy goes to the same user of another app.
    StoreAtStranger,
    /// Unpersistent messages go to everybody.
    ShowEverybody,
    /// Push to the same user of another app.
    PushStranger,
    /// ACK a refused message.
    AckRefused,
    /// Take no notice of H2 and H3 where a customer writes.
    StoreRefused,
    /// Go on behind a malformed frame.
    GoOnAfterMalformed,
    /// Store unpersistent messages as well.
    StoreUnpersistent,
    /// Never ACK long messages.
    NeverAckLong,
    /// Later saves overtake earlier ones.
    SavesOvertake,
    /// Store less than was sent.
    ChangeContent,
    /// Store a client's idea of the time.
    ClientTime,
    /// Send a device its own messages.
    SyncOwn,
    /// Leave out a row of a sync.
    SyncSkips,
    /// A sync does not see the newest row.
    StaleSync,
    /// The kept key is always the last one that was asked for.
    KeyFalls,
    /// Answer no sync.
    IgnoreSync,
    /// Write frames under the message's own numbers.
    OwnNumbers,
    /// Drop a message's flags.
    DropFlags,
    /// Let everybody in.
    AcceptAll,
    /// ACK every message twice.
    AckTwice,
    /// Change unlisted frames.
    ChangeUnlisted,
}
