//! Which dialect a connection has (D1).

use crate::message::{AuthToken, Form, Platform};
use crate::wire::Version;

/// In which form a connection gets chat messages, live and at sync.
///
/// Clients of all years share one chat: what one sends in its dialect, another gets in its own.
/// Exhaustive: these are all the dialects of the protocol.
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Dialect {
    /// Everything as CUSTOMER and CUSTOMER_SUPPORT; no live copies.
    V1,
    /// Everything as CUSTOMER_V2, live copies with METADATA included.
    V2,
    /// Each message in the form in which it was sent: for a client that has not shown yet which it
    /// knows.
    AsSent,
}

impl Dialect {
    /// What an AUTH_TOKEN tells of its client (D1.1–D1.3); `None` for a web client, say, whose
    /// generations log in alike. `spare` is byte 11 of the frame's header.
    pub(crate) fn of_login(version: Version, auth_token: &AuthToken, spare: u8) -> Option<Self> {
        // D1.1
        if version >= Version::V2 {
            return Some(Self::V2);
        }
        match auth_token.platform {
            // D1.2
            Platform::IOS | Platform::ANDROID => Some(Self::V1),
            // D1.3
            _ => (spare == OLD_WEB).then_some(Self::V1),
        }
    }

    /// What a client shows with a message of this form (D1.6).
    pub(crate) const fn of_message(form: Form) -> Self {
        match form {
            Form::Customer | Form::CustomerSupport => Self::V1,
            Form::CustomerV2 => Self::V2,
        }
    }
}

/// What web clients up to October 2019 put into byte 11 of a header.
const OLD_WEB: u8 = 2;
