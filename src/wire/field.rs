//! The small numbers of a header: command, flags and version (W3, W8).

use core::fmt;
use core::ops::BitOr;

use crate::id::number;

/// What a frame's body is (W3.1). Every byte is a command; those without a constant here are the
/// host's business.
///
/// Displayed by its name in the protocol, or as `command 7` where it has none here.
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize), serde(transparent))]
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Command(pub u8);

impl Command {
    /// The answer to a login.
    pub const AUTH_STATUS: Self = Self(3);
    /// A message has arrived; carries its seq.
    pub const ACK: Self = Self(5);
    /// A keepalive, to be answered with PONG.
    pub const PING: Self = Self(13);
    /// The answer to PING.
    pub const PONG: Self = Self(14);
    /// A login.
    pub const AUTH_TOKEN: Self = Self(15);
    /// A message from a customer to a seller.
    pub const CUSTOMER: Self = Self(24);
    /// A message from a seller to a customer.
    pub const CUSTOMER_SUPPORT: Self = Self(25);
    /// A client asks for the messages after its sync key.
    pub const SYNC: Self = Self(26);
    /// The messages asked for follow.
    pub const SYNC_BEGIN: Self = Self(27);
    /// The messages asked for have been sent.
    pub const SYNC_END: Self = Self(28);
    /// A queue has a new message.
    pub const SYNC_NOTIFY: Self = Self(29);
    /// A client has seen everything up to this sync key.
    pub const SYNC_KEY: Self = Self(34);
    /// What the live copy or the ACK behind it continues, in version 2.
    pub const METADATA: Self = Self(37);
    /// A message between a customer and a seller, either way, in version 2.
    pub const CUSTOMER_V2: Self = Self(64);

    /// The name that the protocol gives it, or `None` when it is not in the table of W3.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::AUTH_STATUS => "AUTH_STATUS",
            Self::ACK => "ACK",
            Self::PING => "PING",
            Self::PONG => "PONG",
            Self::AUTH_TOKEN => "AUTH_TOKEN",
            Self::CUSTOMER => "CUSTOMER",
            Self::CUSTOMER_SUPPORT => "CUSTOMER_SUPPORT",
            Self::SYNC => "SYNC",
            Self::SYNC_BEGIN => "SYNC_BEGIN",
            Self::SYNC_END => "SYNC_END",
            Self::SYNC_NOTIFY => "SYNC_NOTIFY",
            Self::SYNC_KEY => "SYNC_KEY",
            Self::METADATA => "METADATA",
            Self::CUSTOMER_V2 => "CUSTOMER_V2",
            Self(_) => return None,
        })
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.pad(name),
            None => write!(f, "command {}", self.0),
        }
    }
}

/// A message's flag bits (W8.1). Bits without a constant here are kept and passed on (W8.2).
///
/// ```
/// use kefu_proto::Flags;
///
/// let flags = Flags::TEXT | Flags::UNPERSISTENT | Flags(0x80);
/// assert!(flags.contains(Flags::UNPERSISTENT));
/// assert_eq!(flags, Flags(0x83));
/// ```
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize), serde(transparent))]
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct Flags(pub u8);

impl Flags {
    /// No flag.
    pub const NONE: Self = Self(0);
    /// The content is text.
    pub const TEXT: Self = Self(0x01);
    /// The message is not stored: only those who are connected get it.
    pub const UNPERSISTENT: Self = Self(0x02);
    /// Server to client, in a sync: this device has sent it (D4.3).
    pub const SELF: Self = Self(0x08);
    /// Server to client: a live copy, behind its METADATA (H14.4).
    pub const PUSH: Self = Self(0x10);
    /// Never a client's to set in version 2 (H13.4). Later clients use it in large groups.
    pub const SUPER_GROUP: Self = Self(0x20);
    /// The bits that only a server sets (W8.3).
    pub(crate) const OF_SERVERS: Self = Self(Self::SELF.0 | Self::PUSH.0 | Self::SUPER_GROUP.0);

    /// Whether every bit of `other` is set, whatever the other bits.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// These bits but for those of `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

impl BitOr for Flags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

number! {
    /// The version of the protocol that a frame's sender speaks. It decides the layout of two
    /// bodies: an AUTH_STATUS of version 0 also carries the server's address (W3.3), and an ACK of
    /// version 2 or more a status (W3.5).
    Version(u8)
}

impl Version {
    /// The first version with CUSTOMER_V2, METADATA and a status in the ACK.
    pub const V2: Self = Self(2);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// W3.1.
    #[test]
    fn w3_the_table_of_commands() {
        let named = (0..=255).map(Command).filter(|command| command.name().is_some());
        let numbers: [u8; 14] = [3, 5, 13, 14, 15, 24, 25, 26, 27, 28, 29, 34, 37, 64];
        assert!(named.map(|command| command.0).eq(numbers));
    }
}
