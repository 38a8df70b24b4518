//! Why connections end.

use kefu_proto::Closed;

/// Why a connection has ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum End {
    /// The client closed it.
    Left,
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
    /// The store or the auth Redis cannot be read.
    Store,
    /// There were too many connections.
    TooMany,
    /// The account has brought too many new devices.
    TooManyDevices,
    /// The server stops.
    Stopping,
}

impl End {
    /// Every reason has a metric from the start.
    pub const ALL: [Self; 11] = [
        Self::Left,
        Self::Tls,
        Self::LoginDeadline,
        Self::Idle,
        Self::Slow,
        Self::Undecodable,
        Self::Io,
        Self::Store,
        Self::TooMany,
        Self::TooManyDevices,
        Self::Stopping,
    ];

    /// A constant name for metrics.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Left => "left",
            Self::Tls => "tls",
            Self::LoginDeadline => "login_deadline",
            Self::Idle => "idle",
            Self::Slow => "slow",
            Self::Undecodable => "undecodable",
            Self::Io => "io",
            Self::Store => "store",
            Self::TooMany => "too_many",
            Self::TooManyDevices => "too_many_devices",
            Self::Stopping => "stopping",
        }
    }

    /// Whether the client may still read, so that the final frames are worth sending.
    pub const fn client_reads(self) -> bool {
        !matches!(self, Self::Slow | Self::Io)
    }
}

impl From<Closed> for End {
    fn from(closed: Closed) -> Self {
        tracing::debug!(%closed, "closing a connection");
        Self::Undecodable
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The place of each reason in the list: a new one does not compile without.
    const fn place(end: End) -> usize {
        match end {
            End::Left => 0,
            End::Tls => 1,
            End::LoginDeadline => 2,
            End::Idle => 3,
            End::Slow => 4,
            End::Undecodable => 5,
            End::Io => 6,
            End::Store => 7,
            End::TooMany => 8,
            End::TooManyDevices => 9,
            End::Stopping => 10,
        }
    }

    #[test]
    fn the_list_has_every_reason_once() {
        assert!(End::ALL.into_iter().map(place).eq(0..End::ALL.len()));
    }
}
