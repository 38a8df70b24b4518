//! Why connections end.

use kefu_proto::Closed;

/// Why a connection has ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum End {
    /// The client closed it.
    Left,
    /// There were too many connections, and none gave way.
    TooMany,
    /// It had not logged in, and gave way to another.
    Evicted,
    /// It did not begin with a header of the PROXY protocol.
    Proxy,
    /// The TLS handshake failed, or took too long.
    Tls,
    /// Nobody logged in in time.
    LoginDeadline,
    /// The client was silent for too long (S4).
    Idle,
    /// The client does not read what is sent to it.
    Slow,
    /// The client sent what cannot be decoded (W2, W5).
    Undecodable,
    /// The network failed.
    Io,
    /// The store cannot be read.
    Store,
    /// The server stops.
    Stopping,
}

impl End {
    /// A constant name for metrics.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Left => "left",
            Self::TooMany => "too_many",
            Self::Evicted => "evicted",
            Self::Proxy => "proxy",
            Self::Tls => "tls",
            Self::LoginDeadline => "login_deadline",
            Self::Idle => "idle",
            Self::Slow => "slow",
            Self::Undecodable => "undecodable",
            Self::Io => "io",
            Self::Store => "store",
            Self::Stopping => "stopping",
        }
    }

    /// Whether the client may still read, so that the final frames are worth sending.
    pub const fn client_reads(self) -> bool {
        !matches!(self, Self::Slow | Self::Io | Self::Evicted)
    }
}

impl From<Closed> for End {
    fn from(closed: Closed) -> Self {
        tracing::debug!(%closed, "closing a connection");
        Self::Undecodable
    }
}
