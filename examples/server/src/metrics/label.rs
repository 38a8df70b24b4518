//! The labels, and their values.

use kefu_proto::LeftOut;

use crate::metrics::series::Label;
use crate::store::{PushBound, SaveFailure};

/// What a connection does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ConnectionState {
    /// It has not logged in.
    Waiting,
    /// It has logged in.
    Online,
    /// Only its final frames are still sent.
    Closing,
}

impl Label for ConnectionState {
    const LABEL: &'static str = "state";
    const ALL: &'static [Self] = &[Self::Waiting, Self::Online, Self::Closing];

    fn value(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Online => "online",
            Self::Closing => "closing",
        }
    }
}

/// Why a message of others was not sent to a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum OutboxDrop {
    /// A live copy found no room. Its user finds the message by a sync.
    LiveCopy,
    /// An unpersistent message found no room.
    Unpersistent,
}

impl From<LeftOut> for OutboxDrop {
    fn from(kind: LeftOut) -> Self {
        match kind {
            LeftOut::LiveCopy => Self::LiveCopy,
            _ => Self::Unpersistent,
        }
    }
}

impl Label for OutboxDrop {
    const ALL: &'static [Self] = &[Self::LiveCopy, Self::Unpersistent];

    fn value(self) -> &'static str {
        match self {
            Self::LiveCopy => "live_copy",
            Self::Unpersistent => "unpersistent",
        }
    }
}

impl Label for SaveFailure {
    const ALL: &'static [Self] = &Self::ALL;

    fn value(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Corrupt => "corrupt",
            Self::NoSpace => "no_space",
            Self::TooLong => "too_long",
            Self::Timeout => "timeout",
        }
    }
}

impl Label for PushBound {
    const ALL: &'static [Self] = &Self::ALL;

    fn value(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::All => "all",
        }
    }
}
