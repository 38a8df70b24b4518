//! Why a case may end differently here than it did in the original.

use std::fmt::{self, Display};

use serde::Deserialize;

/// A fact about the inputs of a case. What it changes is told by the documents of the recordings.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd)]
#[serde(rename_all = "kebab-case")]
pub enum Mark {
    ZeroIdentity,
    ClockRange,
    UnlistedCommand,
    /// Never recorded: a reader's `error:cmd` tells it.
    #[serde(skip_deserializing)]
    ErrorCmd,
    AckStatus,
    LaterCommand,
    DeprecatedCommand,
    ServerFlag,
    AuthStatusV0,
    SameDevice,
    ToSelf,
    UnreadableBody,
    Translated,
    // These change nothing: such a case ends as recorded.
    ZeroReceiver,
    MinReceiver,
    MsgidRange,
    SeqRange,
}

/// With the rules that make the difference.
impl Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ZeroIdentity => "zero-identity (H12)",
            Self::ClockRange => "clock-range (H4.2)",
            Self::UnlistedCommand => "unlisted-command (W3.4)",
            Self::ErrorCmd => "error:cmd (S5.2)",
            Self::AckStatus => "ack-status (W3.5)",
            Self::LaterCommand => "later-command (W9, W10)",
            Self::DeprecatedCommand => "deprecated-command (H2, H3)",
            Self::ServerFlag => "server-flag (H13.4)",
            Self::AuthStatusV0 => "auth-status-v0 (W3.3)",
            Self::SameDevice => "same-device (H7.5)",
            Self::ToSelf => "to-self (H7.4)",
            Self::UnreadableBody => "unreadable-body (D4.8)",
            Self::Translated => "translated (D2)",
            Self::ZeroReceiver => "zero-receiver",
            Self::MinReceiver => "min-receiver",
            Self::MsgidRange => "msgid-range",
            Self::SeqRange => "seq-range",
        })
    }
}
