//! What a client asks for in the query of its request.

use serde::{Deserialize, Serialize};

/// The query of a request.
#[derive(Deserialize)]
pub struct Handshake {
    transport: Option<String>,
    #[serde(rename = "EIO")]
    revision: Option<String>,
    /// A session of before, which a client would move to another transport.
    sid: Option<String>,
}

impl Handshake {
    /// Whether this server can serve the client, in the order in which Engine.IO's own checks.
    pub fn check(&self) -> Result<(), Refusal> {
        if self.transport.as_deref() != Some("websocket") {
            Err(Refusal::TRANSPORT)
        } else if self.sid.is_some() {
            Err(Refusal::SESSION)
        } else if self.revision.as_deref().unwrap_or(REVISION) != REVISION {
            Err(Refusal::REVISION)
        } else {
            Ok(())
        }
    }
}

/// The revision of the protocol, and the one of clients that name none.
const REVISION: &str = "3";

/// Why a request is refused, in the form of Engine.IO's own errors.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub struct Refusal {
    code: u8,
    message: &'static str,
}

impl Refusal {
    /// Polling, for example.
    pub const TRANSPORT: Self = Self { code: 0, message: "Transport unknown" };
    /// There are no sessions but those of open connections.
    pub const SESSION: Self = Self { code: 1, message: "Session ID unknown" };
    /// The request is no handshake of a WebSocket.
    pub const REQUEST: Self = Self { code: 3, message: "Bad request" };
    pub const REVISION: Self = Self { code: 5, message: "Unsupported protocol version" };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(transport: Option<&str>, revision: Option<&str>, sid: Option<&str>) -> u8 {
        let owned = |value: Option<&str>| value.map(str::to_owned);
        let query =
            Handshake { transport: owned(transport), revision: owned(revision), sid: owned(sid) };
        query.check().map_or_else(|refusal| refusal.code, |()| u8::MAX)
    }

    #[test]
    fn revision_3_over_websocket_is_served_and_nothing_else() {
        let websocket = Some("websocket");
        assert_eq!(check(websocket, Some("3"), None), u8::MAX);
        assert_eq!(check(websocket, None, None), u8::MAX);
        for transport in [None, Some("polling"), Some("WebSocket"), Some("")] {
            assert_eq!(check(transport, Some("3"), None), 0, "{transport:?}");
        }
        assert_eq!(check(websocket, Some("3"), Some("0123")), 1);
        for revision in ["4", "2", "", "03"] {
            assert_eq!(check(websocket, Some(revision), None), 5, "{revision}");
        }
    }
}
