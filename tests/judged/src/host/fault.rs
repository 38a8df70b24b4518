//! The faults that a host can have.

/// One fault; a host has one at most.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Fault {
    /// Any token will do: an unknown one is seller 1's.
    AcceptAnybody,
    /// What a message that is refused gets.
    AckRefused,
    AckFirst,
    AckWrongSeq,
    /// All devices of an account have one number.
    DevicesAreOne,
    /// No chat message has any effect.
    Deaf,
    DropContent,
    /// After each answer it says that there is more.
    EndlessSync,
    /// Every login gets what only version 2 knows.
    EverybodyIsV2,
    FailedSaveAnswers,
    KeepAnyKey,
    KeepClientsTime,
    /// A connection that is closed stays where messages are sent to.
    NeverForget,
    /// Receivers are notified only when nothing else happens.
    LateNotify,
    /// A client of version 1 gets METADATA and a CUSTOMER_V2.
    LiveCopyToV1,
    NoNotify,
    /// The sender's other devices are not notified.
    NoNotifyOfSender,
    NoPong,
    NoSecondCopy,
    NoSelf,
    NotifyEverybody,
    NotifyOwnConnection,
    /// A notify comes between METADATA and its message.
    SeparateMetadata,
    /// Who is nobody's business gets what is sent live.
    ShowEverybody,
    SwapCopies,
    SyncAnotherQueue,
    SyncSkips,
    SyncSwaps,
    /// Frames have the client's numbers, or none.
    WrongNumbers,
}
