//! Why connections end.

use std::fmt;

use kefu_proto::{Closed, DecodeError};
use tungstenite::protocol::frame::coding::CloseCode;

use crate::router::Dismissal;
use crate::ws::Violation;

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
    /// Too many logins were refused.
    LoginAttempts,
    /// The client was silent for too long (S4).
    Idle,
    /// The client does not read what is sent to it.
    Slow,
    /// The client sent what cannot be decoded (W2, W5), or cannot be answered.
    Undecodable(Closed),
    /// The client broke a rule of WebSocket, or sent what is no frame (S9).
    WebSocket(Violation),
    /// The network failed.
    Io,
    /// The store or the auth Redis cannot be read.
    Store,
    /// The client's device has vanished: nothing that was sent to it is acknowledged.
    Unreachable,
    /// The account has brought too many new devices.
    TooManyDevices,
    /// The server stops.
    Stopping,
    /// Others have closed it.
    Dismissed(Dismissal),
}

impl End {
    /// Every reason once, so that each has a metric from the start.
    pub const REASONS: [&str; 17] = [
        "left",
        "too_many",
        "evicted",
        "proxy",
        "tls",
        "login_deadline",
        "login_attempts",
        "too_many_devices",
        "idle",
        "slow",
        "unreachable",
        "undecodable",
        "io",
        "store",
        "stopping",
        "superseded",
        "withdrawn",
    ];

    /// A constant name for metrics.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Left => "left",
            Self::TooMany => "too_many",
            Self::Evicted => "evicted",
            Self::Proxy => "proxy",
            Self::Tls => "tls",
            Self::LoginDeadline => "login_deadline",
            Self::LoginAttempts => "login_attempts",
            Self::Idle => "idle",
            Self::Slow => "slow",
            Self::Unreachable => "unreachable",
            Self::Undecodable(_) | Self::WebSocket(_) => "undecodable",
            Self::Io => "io",
            Self::Store => "store",
            Self::TooManyDevices => "too_many_devices",
            Self::Stopping => "stopping",
            Self::Dismissed(Dismissal::Superseded) => "superseded",
            Self::Dismissed(Dismissal::Withdrawn) => "withdrawn",
        }
    }

    /// What the close frame of a WebSocket says.
    pub const fn close_code(self) -> CloseCode {
        match self {
            Self::Left => CloseCode::Normal,
            Self::Stopping => CloseCode::Away,
            Self::LoginDeadline
            | Self::LoginAttempts
            | Self::TooManyDevices
            | Self::Idle
            | Self::Dismissed(_) => CloseCode::Policy,
            Self::TooMany
            | Self::Evicted
            | Self::Slow
            | Self::Unreachable
            | Self::Store
            | Self::Io => CloseCode::Again,
            Self::Undecodable(Closed::Undecodable(DecodeError::Length { .. })) => CloseCode::Size,
            Self::Undecodable(Closed::Undecodable(_)) => CloseCode::Invalid,
            Self::Undecodable(_) => CloseCode::Error,
            Self::WebSocket(violation) => violation.close_code(),
            Self::Proxy | Self::Tls => CloseCode::Protocol,
        }
    }

    /// Whether the client may still read, so that the final frames are worth sending.
    pub const fn client_reads(self) -> bool {
        !matches!(self, Self::Slow | Self::Unreachable | Self::Io | Self::Evicted)
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Undecodable(closed) => closed.fmt(f),
            Self::WebSocket(violation) => violation.fmt(f),
            _ => f.write_str(self.reason()),
        }
    }
}

impl From<Closed> for End {
    fn from(closed: Closed) -> Self {
        Self::Undecodable(closed)
    }
}

impl From<Violation> for End {
    fn from(violation: Violation) -> Self {
        Self::WebSocket(violation)
    }
}

impl From<Dismissal> for End {
    fn from(dismissal: Dismissal) -> Self {
        Self::Dismissed(dismissal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_has_every_reason_once() {
        let ends = [
            End::Left,
            End::TooMany,
            End::Evicted,
            End::Proxy,
            End::Tls,
            End::LoginDeadline,
            End::LoginAttempts,
            End::TooManyDevices,
            End::Idle,
            End::Slow,
            End::Unreachable,
            End::WebSocket(Violation::Text),
            End::Io,
            End::Store,
            End::Stopping,
            End::Dismissed(Dismissal::Superseded),
            End::Dismissed(Dismissal::Withdrawn),
        ];
        assert_eq!(ends.map(End::reason), End::REASONS);
    }
}
