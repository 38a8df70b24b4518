//! The clients that there are.

use core::fmt;

use crate::message::Platform;
use crate::wire::Version;

/// What a client is: its platform, and which version of the protocol it speaks.
///
/// Exhaustive: these are all that log in differently (D1).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Kind {
    /// An app on a phone, of version 1.
    V1,
    /// An app on a phone, of version 2 (D1.1).
    V2,
    /// A web client of version 1 from before October 2019, which says so in byte 11 (D1.3).
    OldWeb,
    /// A later web client of version 1. Its login does not tell its version (D1.4).
    WebV1,
    /// A web client of version 2. Its login does not tell its version (D1.4).
    WebV2,
}

impl Kind {
    /// Whether it sends CUSTOMER_V2 and knows METADATA.
    #[must_use]
    pub const fn is_v2(self) -> bool {
        matches!(self, Self::V2 | Self::WebV2)
    }

    /// Whether it is a web client: it has no device number (S1.2), and loses its sync key with its
    /// connection.
    #[must_use]
    pub const fn is_web(self) -> bool {
        matches!(self, Self::OldWeb | Self::WebV1 | Self::WebV2)
    }

    pub(super) const fn platform(self) -> Platform {
        if self.is_web() { Platform::WEB } else { Platform::ANDROID }
    }

    /// The version of its frames.
    pub(super) const fn version(self) -> Version {
        match self {
            Self::OldWeb => Version(0),
            Self::V1 | Self::WebV1 | Self::WebV2 => Version(1),
            Self::V2 => Version::V2,
        }
    }

    /// Byte 11 of its AUTH_TOKEN (D1.3).
    pub(super) const fn spare(self) -> u8 {
        if matches!(self, Self::OldWeb) { 2 } else { 0 }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::V1 => "app, version 1",
            Self::V2 => "app, version 2",
            Self::OldWeb => "web before 2019, version 1",
            Self::WebV1 => "web, version 1",
            Self::WebV2 => "web, version 2",
        })
    }
}
