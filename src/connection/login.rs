//! A connection before its login (S1).

use core::net::Ipv4Addr;

use bytes::{BufMut, BytesMut};

use super::closed::Closed;
use super::online::Online;
use crate::dialect::Dialect;
use crate::identity::{Config, Identity};
use crate::message::{AuthStatus, AuthToken, Body, LoginStatus, Message, Parsed};
use crate::session::Session;
use crate::wire::{EncodeError, FrameDecoder, FrameLimit, FrameWriter, Header, Version};

/// A connection on which nobody has logged in yet: it answers PING and asks whose token it is
/// (S1.3).
///
/// ```
/// use bytes::BytesMut;
/// use kefu_proto::{
///     Account, AppId, Config, DeviceId, FrameLimit, Identity, Login, LoginStep, UserId,
/// };
///
/// let mut read = BytesMut::from(&b"\0\0\0\x0b\0\0\0\x01\x0f\x01\0\0\x02\x07tok-7-1\x01d"[..]);
/// let mut out = BytesMut::new();
///
/// let login = Login::new(Config::new(AppId(1453))?, FrameLimit::CLIENT);
/// let LoginStep::Authenticate(authentication) = login.receive(&mut read, &mut out)? else {
///     panic!("a whole AUTH_TOKEN was there");
/// };
/// // The host knows whose token this is.
/// assert_eq!(authentication.auth_token().token.as_bytes(), b"tok-7-1");
/// let customer = Account::new(AppId(7), UserId(1));
/// let online = authentication.accept(Identity::new(customer, DeviceId(11))?, &mut out)?;
/// assert_eq!(&out[..], b"\0\0\0\x04\0\0\0\x01\x03\x01\0\0\0\0\0\0"); // AUTH_STATUS 0
/// # let _ = online;
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "a connection that is dropped is closed"]
pub struct Login {
    config: Config,
    decoder: FrameDecoder,
    writer: FrameWriter,
}

impl Login {
    /// A new connection; `limit` bounds the frames of both directions.
    pub const fn new(config: Config, limit: FrameLimit) -> Self {
        Self { config, decoder: FrameDecoder::new(limit), writer: FrameWriter::new(limit) }
    }

    /// Goes through what has been read, up to the next login. PONGs go to `out`; everything else is
    /// silently ignored (S1.1).
    ///
    /// # Errors
    ///
    /// [`Closed`]: write what is in `out`, then close the connection (S7.2).
    pub fn receive(
        mut self,
        read: &mut BytesMut,
        out: &mut impl BufMut,
    ) -> Result<LoginStep, Closed> {
        loop {
            let spare = read.get(Header::SPARE).copied().unwrap_or(0);
            let Some(frame) = self.decoder.decode(read)? else { return Ok(LoginStep::Read(self)) };
            let Parsed::Message(Message { version, body, .. }) = frame.parse()? else { continue };
            match body {
                // S4.1
                Body::Ping => {
                    self.writer.write(&Message::from(Body::Pong), out)?;
                }
                Body::AuthToken(auth_token) => {
                    let dialect = Dialect::of_login(version, &auth_token, spare);
                    return Ok(LoginStep::Authenticate(Authentication {
                        login: self,
                        version,
                        auth_token,
                        dialect,
                    }));
                }
                // S1.1
                _ => {}
            }
        }
    }
}

/// What a connection before its login needs next.
///
/// Exhaustive on purpose: a login may not be overlooked.
#[derive(Debug)]
pub enum LoginStep {
    /// All frames so far have been dealt with: read more.
    Read(Login),
    /// Find out whose token this is.
    Authenticate(Authentication),
}

/// A login that waits for an answer. What else has been read waits behind it (S1.8).
#[derive(Debug)]
#[must_use = "a client waits for its AUTH_STATUS"]
pub struct Authentication {
    login: Login,
    version: Version,
    auth_token: AuthToken,
    dialect: Option<Dialect>,
}

impl Authentication {
    /// What the client says about itself.
    #[must_use]
    pub const fn auth_token(&self) -> &AuthToken {
        &self.auth_token
    }

    /// The dialect that the login tells (D1.1–D1.3), or that was set; `None` where it tells none,
    /// as with web clients, whose generations log in alike.
    #[must_use]
    pub const fn dialect(&self) -> Option<Dialect> {
        self.dialect
    }

    /// The host knows better than the login (D1.5), by the app, say. Where nobody knows, the
    /// connection gets messages [as sent](Dialect::AsSent) until its client speaks (D1.4).
    ///
    /// What a client has shown the last time
    /// ([`Request::KeepDialect`](crate::Request::KeepDialect)) counts only if the login tells
    /// nothing, since an account may have clients of both versions:
    ///
    /// ```
    /// # use kefu_proto::{Authentication, Dialect, Platform};
    /// # fn remember(
    /// #     authentication: &mut Authentication, kept: impl Fn(Platform) -> Option<Dialect>,
    /// # ) {
    /// if authentication.dialect().is_none() {
    ///     let platform = authentication.auth_token().platform;
    ///     if let Some(dialect) = kept(platform) {
    ///         authentication.set_dialect(dialect);
    ///     }
    /// }
    /// # }
    /// ```
    pub const fn set_dialect(&mut self, dialect: Dialect) {
        self.dialect = Some(dialect);
    }

    /// The token belongs to `identity`: writes AUTH_STATUS 0 (S1.4). From now on frames carry the
    /// client's version (W7.3).
    ///
    /// Register the connection with your router before you send what is in `out`: then a client
    /// that has read its AUTH_STATUS misses nothing.
    ///
    /// # Errors
    ///
    /// [`EncodeError`] when `out` has no room; the connection is lost.
    pub fn accept(self, identity: Identity, out: &mut impl BufMut) -> Result<Online, EncodeError> {
        let Login { config, decoder, mut writer } = self.login;
        writer.set_version(self.version);
        writer.write(&auth_status(LoginStatus::OK), out)?;
        let dialect = self.dialect.unwrap_or(Dialect::AsSent);
        Ok(Online::new(Session::new(config, identity), decoder, writer, dialect))
    }

    /// The token belongs to nobody: writes AUTH_STATUS 1, in version 0 (S1.5). The client may try
    /// again (S1.6).
    ///
    /// # Errors
    ///
    /// [`EncodeError`] when `out` has no room; the connection is lost.
    pub fn refuse(self, out: &mut impl BufMut) -> Result<Login, EncodeError> {
        let mut login = self.login;
        login.writer.write(&auth_status(LoginStatus::REFUSED), out)?;
        Ok(login)
    }
}

/// The client is not told the server's address.
fn auth_status(status: LoginStatus) -> Message {
    Body::AuthStatus(AuthStatus { status, server_ip: Ipv4Addr::UNSPECIFIED }).into()
}
