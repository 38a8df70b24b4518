//! Faults that a host or its store might have, to show that the judge sees each.

/// One planted fault.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Plant {
    /// ACK before the saves.
    AckEarly,
    /// Push before the saves.
    PushEarly,
    /// Notify the receiver when its own copy is stored, and not again.
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
    /// Something comes between a METADATA and its message.
    SeparatePairs,
    /// A live copy without its METADATA.
    DropMetadata,
    /// A METADATA without its message.
    DropMessage,
    /// No live copy for the receiver.
    ForgetCopy,
    /// Another server is given notifies alone.
    LoseCopies,
    /// What is the newest when the effects are applied passes for what was before.
    GuessPrevious,
    /// A repeat is answered with today's newest.
    RepeatPrevious,
    /// Live copies to clients of version 1.
    CopyToV1,
    /// Server flags of a client stay in the live copy.
    KeepServerFlags,
    /// An ACK says that the message was refused.
    AckStatus,
    /// A message goes to version 2 under a command of version 1.
    TranslateNothing,
    /// A translation takes the customer for the seller.
    SwapParties,
    /// A translation names another shop.
    WrongShop,
    /// A device's own messages do not say so.
    HideSelf,
    /// Answer a SYNC as a whole, however long the queue.
    KnowNoBounds,
    /// Do not say that a queue goes on.
    StopHalfway,
    /// Notify a client that has to ask on anyway.
    NotifyBehind,
    /// Do not remember what a web client speaks, and say that it is remembered.
    ForgetDialect,
    /// Take no notice of what a client shows to speak.
    TellNoDialect,
    /// A SYNC_NOTIFY does not fit into a full outbox.
    DropNotify,
    /// A SYNC_NOTIFY that waits is not replaced by a newer one.
    OlderNotify,
    /// The METADATA of a live copy that is left out is written all the same.
    LeaveMetadata,
    /// An ACK does not fit into a full outbox.
    DropAck,
}

impl Plant {
    /// Whether the fault is in what waits for slow connections.
    pub(crate) fn is_of_outboxes(self) -> bool {
        matches!(self, Self::DropNotify | Self::OlderNotify | Self::LeaveMetadata | Self::DropAck)
    }
}
