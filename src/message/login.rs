//! Logging in: AUTH_TOKEN and AUTH_STATUS (W3, W5, S1).

use core::fmt;
use core::net::Ipv4Addr;

use byteorder::{BigEndian, ByteOrder};
use bytes::{Buf, BufMut, Bytes};
use thiserror::Error;

use super::read::fixed;
use crate::id::number;
use crate::wire::{Command, DecodeError, Version};

/// The answer to a login (W3, S1).
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct AuthStatus {
    /// Whether the login succeeded.
    pub status: LoginStatus,
    /// The server's address. Only a frame of version 0 carries it; read from any other, it is
    /// 0.0.0.0.
    pub server_ip: Ipv4Addr,
}

impl AuthStatus {
    /// In versions other than 0 `server_ip` reads as 0.0.0.0.
    pub(super) fn read(version: Version, body: &[u8]) -> Result<Self, DecodeError> {
        let (status, server_ip) = if carries_ip(version) {
            let fixed: &[u8; 8] = fixed(Command::AUTH_STATUS, body)?;
            (BigEndian::read_i32(&fixed[..4]), Ipv4Addr::from(BigEndian::read_u32(&fixed[4..])))
        } else {
            let fixed: &[u8; 4] = fixed(Command::AUTH_STATUS, body)?;
            (BigEndian::read_i32(fixed), Ipv4Addr::UNSPECIFIED)
        };
        Ok(Self { status: LoginStatus(status), server_ip })
    }

    #[inline]
    pub(super) const fn body_len(version: Version) -> usize {
        if carries_ip(version) { 8 } else { 4 }
    }

    pub(super) fn put(self, version: Version, dst: &mut impl BufMut) {
        dst.put_i32(self.status.0);
        if carries_ip(version) {
            dst.put_slice(&self.server_ip.octets());
        }
    }
}

/// W3.3: only a frame of version 0 has room for the server's address.
const fn carries_ip(version: Version) -> bool {
    version.0 == 0
}

number! {
    /// Whether a login succeeded.
    LoginStatus(i32)
}

impl LoginStatus {
    /// The client is logged in.
    pub const OK: Self = Self(0);
    /// The token names nobody.
    pub const REFUSED: Self = Self(1);
}

/// A login (W3, S1).
///
/// With neither a token nor a device string its body has 3 bytes, which can be written, but no
/// reader accepts it (W5.5).
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AuthToken {
    /// What the client runs on.
    pub platform: Platform,
    /// Names the account; only the host knows how.
    pub token: ShortBytes,
    /// The client's own name for its device; may be empty.
    pub device_id: ShortBytes,
}

impl AuthToken {
    /// The key that numbers a device (S1.2): its name and platform, whatever the app. `None` means
    /// `DeviceId(0)`: the web, or a device without a name.
    #[must_use]
    pub fn device(&self) -> Option<(&[u8], Platform)> {
        let named = self.platform != Platform::WEB && !self.device_id.is_empty();
        named.then(|| (self.device_id.as_bytes(), self.platform))
    }

    /// W3.2: platform, then token and device string, each behind its length; what follows is
    /// ignored (W5.2).
    pub(super) fn read(mut body: Bytes) -> Result<Self, DecodeError> {
        // W5.5: a body of 3 bytes is refused even where both lengths in it are 0.
        let _: &[u8; 4] = fixed(Command::AUTH_TOKEN, &body)?;
        let whole = body.len();
        let platform = Platform(body.get_i8());
        let token = short_bytes(&mut body, whole)?;
        let device_id = short_bytes(&mut body, whole)?;
        Ok(Self { platform, token, device_id })
    }

    #[inline]
    pub(super) fn body_len(&self) -> usize {
        3 + usize::from(self.token.len()) + usize::from(self.device_id.len())
    }

    pub(super) fn put(&self, dst: &mut impl BufMut) {
        dst.put_i8(self.platform.0);
        for string in [&self.token, &self.device_id] {
            dst.put_u8(string.len());
            dst.put_slice(string.as_bytes());
        }
    }
}

/// W5.6: takes a length and that many bytes from the front of `rest`, the end of an AUTH_TOKEN body
/// of `whole` bytes.
fn short_bytes(rest: &mut Bytes, whole: usize) -> Result<ShortBytes, DecodeError> {
    let missing = |bytes| DecodeError::TooShort {
        command: Command::AUTH_TOKEN,
        needed: whole.saturating_add(bytes),
        actual: whole,
    };
    let length = rest.try_get_u8().map_err(|_| missing(1))?;
    ShortBytes::take(rest, length)
        .ok_or_else(|| missing(usize::from(length).saturating_sub(rest.len())))
}

number! {
    /// What a client runs on (W6.1).
    Platform(i8)
}

impl Platform {
    /// An iPhone or iPad.
    pub const IOS: Self = Self(1);
    /// An Android device.
    pub const ANDROID: Self = Self(2);
    /// A browser.
    pub const WEB: Self = Self(3);
}

/// At most 255 bytes, as many as the lengths of an AUTH_TOKEN can count (W5.7). Not necessarily
/// UTF-8.
///
/// `Debug` shows the length, never the bytes.
///
/// ```
/// use kefu_proto::{ShortBytes, TooLong};
///
/// assert_eq!(ShortBytes::new("tok-7-1")?.as_bytes(), b"tok-7-1");
/// assert_eq!(ShortBytes::new(vec![0; 256]), Err(TooLong { length: 256 }));
/// # Ok::<(), TooLong>(())
/// ```
#[cfg_attr(
    feature = "serde",
    derive(serde::Deserialize, serde::Serialize),
    serde(into = "Bytes", try_from = "Bytes")
)]
#[derive(Clone, Default, Eq, Hash, PartialEq)]
pub struct ShortBytes(Bytes);

impl ShortBytes {
    /// The most bytes that fit.
    pub const MAX_LEN: u8 = u8::MAX;

    /// Takes the bytes as they are.
    ///
    /// # Errors
    ///
    /// [`TooLong`] for more than 255 bytes.
    pub fn new(bytes: impl Into<Bytes>) -> Result<Self, TooLong> {
        let bytes = bytes.into();
        if bytes.len() > usize::from(Self::MAX_LEN) {
            return Err(TooLong { length: bytes.len() });
        }
        Ok(Self(bytes))
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// How many bytes there are: 0 to 255.
    #[must_use]
    pub fn len(&self) -> u8 {
        u8::try_from(self.0.len()).unwrap_or(Self::MAX_LEN)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Splits the first `length` bytes off `rest`; `None`, and `rest` as it was, where there are
    /// fewer.
    fn take(rest: &mut Bytes, length: u8) -> Option<Self> {
        let length = usize::from(length);
        (length <= rest.len()).then(|| Self(rest.split_to(length)))
    }
}

impl From<ShortBytes> for Bytes {
    fn from(bytes: ShortBytes) -> Self {
        bytes.0
    }
}

impl TryFrom<Bytes> for ShortBytes {
    type Error = TooLong;

    fn try_from(bytes: Bytes) -> Result<Self, TooLong> {
        Self::new(bytes)
    }
}

impl fmt::Debug for ShortBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ShortBytes({} bytes)", self.len())
    }
}

/// A byte string is longer than the 255 bytes that an AUTH_TOKEN can carry (W5.7).
///
/// Exhaustive: there is one way to be too long.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("a byte string of {length} bytes does not fit: at most 255 do")]
pub struct TooLong {
    /// How many bytes it has.
    pub length: usize,
}
