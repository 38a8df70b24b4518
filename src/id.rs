//! Numbers and accounts: one type for each kind of number, so that none can stand in for another.

use core::fmt;
use core::num::ParseIntError;
use core::str::FromStr;

use thiserror::Error;

/// One user of one app: the owner of a queue and the target of an effect.
///
/// Displayed, and parsed, as `appid/uid`.
///
/// ```
/// use kefu_proto::{Account, AppId, UserId};
///
/// const CUSTOMER: Account = Account::new(AppId(7), UserId(1));
/// assert_eq!(CUSTOMER.to_string(), "7/1");
/// assert_eq!("7/1".parse(), Ok(CUSTOMER));
/// assert!("7".parse::<Account>().is_err());
/// ```
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Account {
    /// The app that the user belongs to.
    pub appid: AppId,
    /// The user within that app.
    pub uid: UserId,
}

impl Account {
    /// The user `uid` of the app `appid`.
    #[must_use]
    pub const fn new(appid: AppId, uid: UserId) -> Self {
        Self { appid, uid }
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.appid, self.uid)
    }
}

impl FromStr for Account {
    type Err = ParseAccountError;

    fn from_str(text: &str) -> Result<Self, ParseAccountError> {
        let (appid, uid) = text.split_once('/').ok_or(ParseAccountError::NoSlash)?;
        let appid = appid.parse().map_err(ParseAccountError::AppId)?;
        let uid = uid.parse().map_err(ParseAccountError::UserId)?;
        Ok(Self { appid, uid })
    }
}

/// Why a text is not an [`Account`].
///
/// Exhaustive: the text has these two parts and one separator.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum ParseAccountError {
    /// There is no `/` in it.
    #[error("not an account: write it as appid/uid, such as 7/1")]
    NoSlash,
    /// What stands before the `/` is not a 64-bit integer.
    #[error("not an account: the appid is not a 64-bit integer")]
    AppId(#[source] ParseIntError),
    /// What stands behind the `/` is not a 64-bit integer.
    #[error("not an account: the uid is not a 64-bit integer")]
    UserId(#[source] ParseIntError),
}

/// A time in whole seconds since 1970-01-01 00:00 UTC, as the wire carries it: 32 bits, signed.
///
/// The last such second is 2038-01-19 03:14:07 UTC. Nothing here wraps (H4.2):
/// [`from_secs`](Self::from_secs) refuses a clock beyond the range,
/// [`saturating_from_secs`](Self::saturating_from_secs) clamps it.
///
/// ```
/// use kefu_proto::UnixTime;
///
/// assert_eq!(UnixTime::from_secs(1_500_000_000)?.as_secs(), 1_500_000_000);
/// assert!(UnixTime::from_secs(1 << 31).is_err());
/// assert_eq!(UnixTime::saturating_from_secs(1 << 31), UnixTime::MAX);
/// # Ok::<(), kefu_proto::TimeOutOfRange>(())
/// ```
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize), serde(transparent))]
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct UnixTime(i32);

impl UnixTime {
    /// The earliest time that the wire can carry, in December 1901.
    pub const MIN: Self = Self(i32::MIN);
    /// The latest time that the wire can carry, 2038-01-19 03:14:07 UTC.
    pub const MAX: Self = Self(i32::MAX);

    /// The time `secs` seconds after 1970-01-01 00:00 UTC.
    ///
    /// # Errors
    ///
    /// [`TimeOutOfRange`] when `secs` does not fit 32 bits.
    pub const fn from_secs(secs: i64) -> Result<Self, TimeOutOfRange> {
        if secs < -(1 << 31) || secs >= 1 << 31 {
            return Err(TimeOutOfRange { secs });
        }
        let [.., a, b, c, d] = secs.to_be_bytes();
        Ok(Self(i32::from_be_bytes([a, b, c, d])))
    }

    /// Like [`from_secs`](Self::from_secs), but clamps instead of failing.
    ///
    /// From 2038 on every message then carries [`MAX`](Self::MAX): wrong, but still in order with
    /// older ones.
    #[must_use]
    pub const fn saturating_from_secs(secs: i64) -> Self {
        match Self::from_secs(secs) {
            Ok(time) => time,
            Err(_) if secs.is_negative() => Self::MIN,
            Err(_) => Self::MAX,
        }
    }

    /// A clock reading in whole seconds, rounded down and clamped to the range.
    #[cfg(feature = "std")]
    #[must_use]
    pub fn saturating_from(time: std::time::SystemTime) -> Self {
        let end = time.duration_since(std::time::UNIX_EPOCH).map_or(Self::MIN, |_| Self::MAX);
        Self::try_from(time).unwrap_or(end)
    }

    /// Seconds since 1970-01-01 00:00 UTC.
    #[must_use]
    pub const fn as_secs(self) -> i32 {
        self.0
    }
}

impl From<i32> for UnixTime {
    fn from(secs: i32) -> Self {
        Self(secs)
    }
}

impl TryFrom<i64> for UnixTime {
    type Error = TimeOutOfRange;

    fn try_from(secs: i64) -> Result<Self, TimeOutOfRange> {
        Self::from_secs(secs)
    }
}

/// Whole seconds, rounded down; sub-second parts before 1970 round towards the past.
#[cfg(feature = "std")]
impl TryFrom<std::time::SystemTime> for UnixTime {
    type Error = TimeOutOfRange;

    fn try_from(time: std::time::SystemTime) -> Result<Self, TimeOutOfRange> {
        let saturated = |secs: u64| i64::try_from(secs).unwrap_or(i64::MAX);
        Self::from_secs(match time.duration_since(std::time::UNIX_EPOCH) {
            Ok(since) => saturated(since.as_secs()),
            Err(before) => {
                let until = before.duration();
                let started = u64::from(until.subsec_nanos() > 0);
                -saturated(until.as_secs().saturating_add(started))
            }
        })
    }
}

impl fmt::Display for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A clock reading that the wire's 32 bits cannot carry (H4.2).
///
/// Exhaustive: there is one way to be out of range.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("{secs} seconds since 1970 do not fit 32 bits")]
pub struct TimeOutOfRange {
    /// Seconds since 1970-01-01 00:00 UTC.
    pub secs: i64,
}

/// Declares a number of one meaning: any value of the integer is a value of the type.
macro_rules! number {
    ($(#[$doc:meta])* $name:ident($integer:ty)) => {
        $(#[$doc])*
        #[cfg_attr(
            feature = "serde",
            derive(serde::Deserialize, serde::Serialize),
            serde(transparent)
        )]
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub struct $name(pub $integer);

        impl From<$integer> for $name {
            fn from(number: $integer) -> Self {
                Self(number)
            }
        }

        impl core::str::FromStr for $name {
            type Err = core::num::ParseIntError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }

        impl From<$name> for $integer {
            fn from(number: $name) -> Self {
                number.0
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                core::fmt::Display::fmt(&self.0, f)
            }
        }
    };
}
pub(crate) use number;

number! {
    /// An app: a tenant's, or the one kefu app of the sellers. 0 means "none".
    AppId(i64)
}
number! {
    /// A user within an app: a customer's or a seller's id. 0 means "none".
    UserId(i64)
}
number! {
    /// A shop of a tenant. Carried through; no rule looks at it.
    StoreId(i64)
}
number! {
    /// The server's number for a device string and platform; 0 for the web and for clients that
    /// name no device (S1.2).
    DeviceId(i64)
}
number! {
    /// The id of one stored copy, given by the queue that it was appended to: 1 or more, since a
    /// new client asks for everything after 0.
    ///
    /// Ids grow within a queue, and copies become readable in the order of their ids: a client that
    /// has seen 6 never asks for 5. The last id that a client has seen is its *sync key*. Ids of
    /// different queues need not be comparable.
    MsgId(i64)
}
number! {
    /// The number of a frame on one connection.
    ///
    /// A client's own numbers may repeat (W7.6): they are echoed in the ACK and must never order or
    /// deduplicate anything.
    Seq(i32)
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn system_time_rounds_down_on_both_sides_of_1970() {
        let at = |time| UnixTime::try_from(time).map(UnixTime::as_secs);
        assert_eq!(at(UNIX_EPOCH), Ok(0));
        assert_eq!(at(UNIX_EPOCH + Duration::from_millis(1_999)), Ok(1));
        assert_eq!(at(UNIX_EPOCH - Duration::from_millis(1)), Ok(-1));
        assert_eq!(at(UNIX_EPOCH - Duration::from_secs(1)), Ok(-1));
        assert_eq!(at(UNIX_EPOCH - Duration::from_millis(1_001)), Ok(-2));
        let end = UNIX_EPOCH + Duration::from_secs(1 << 31);
        assert_eq!(at(end - Duration::from_secs(1)), Ok(i32::MAX));
        assert_eq!(at(end), Err(TimeOutOfRange { secs: 1 << 31 }));
        let start = UNIX_EPOCH - Duration::from_secs(1 << 31);
        assert_eq!(at(start), Ok(i32::MIN));
        assert_eq!(UnixTime::saturating_from(end), UnixTime::MAX);
        assert_eq!(UnixTime::saturating_from(start - Duration::from_millis(1)), UnixTime::MIN);
        assert_eq!(UnixTime::saturating_from(UNIX_EPOCH), UnixTime::from(0));
    }

    /// H4.2.
    #[test]
    fn seconds_outside_32_bits_are_refused_or_saturate() {
        for secs in [i64::from(i32::MAX) + 1, i64::MAX] {
            assert_eq!(UnixTime::from_secs(secs), Err(TimeOutOfRange { secs }));
            assert_eq!(UnixTime::saturating_from_secs(secs), UnixTime::MAX);
        }
        for secs in [i64::from(i32::MIN) - 1, i64::MIN] {
            assert_eq!(UnixTime::try_from(secs), Err(TimeOutOfRange { secs }));
            assert_eq!(UnixTime::saturating_from_secs(secs), UnixTime::MIN);
        }
        for secs in [i32::MIN, -1, 0, i32::MAX] {
            assert_eq!(UnixTime::from_secs(secs.into()), Ok(UnixTime::from(secs)));
            assert_eq!(UnixTime::saturating_from_secs(secs.into()).as_secs(), secs);
        }
    }
}
