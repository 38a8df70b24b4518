//! The server's side of one connection, without I/O: login, then requests (S1–S7, W7).

use core::net::Ipv4Addr;
use core::time::Duration;

use bytes::{BufMut, BytesMut};
use thiserror::Error;

use crate::error::{DecodeError, EncodeError, Refusal};
use crate::message::unnumbered;
use crate::{AuthStatus, AuthToken, Body, Config, Delivery, Effects, Encode, Frame, FrameDecoder};
use crate::{FrameLimit, FrameWriter, Identity, Incoming, LoginStatus, Message, MsgId};
use crate::{Saves, Seq, Session, SyncRequest, UnixTime, Version};

/// S4.2: a client that has sent nothing for this long, 6 minutes, is gone.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(6 * 60);

/// A connection on which nobody has logged in yet: all it can do is to answer PING and to ask who is there (S1.3).
///
/// ```
/// use bytes::BytesMut;
/// use kefu_proto::{Account, AppId, Config, DeviceId, FrameLimit, Identity, Login, LoginStep, UserId};
///
/// let mut read = BytesMut::from(&b"\0\0\0\x0b\0\0\0\x01\x0f\x01\0\0\x02\x07tok-7-1\x01d"[..]);
/// let mut out = BytesMut::new();
///
/// let login = Login::new(Config::new(AppId(1453))?, FrameLimit::CLIENT);
/// let LoginStep::Authenticate(authentication) = login.receive(&mut read, &mut out)? else {
///     panic!("a whole AUTH_TOKEN was there");
/// };
/// assert_eq!(authentication.auth_token().token.as_bytes(), b"tok-7-1"); // whose is it? The host knows.
/// let customer = Account { appid: AppId(7), uid: UserId(1) };
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
    /// A new connection, whose frames either way are below `limit`.
    pub const fn new(config: Config, limit: FrameLimit) -> Self {
        Self { config, decoder: FrameDecoder::new(limit), writer: FrameWriter::new(limit) }
    }

    /// Goes on with what has been read, up to the next login. PONGs go to `out`; all else but a login is silently ignored
    /// (S1.1).
    ///
    /// # Errors
    ///
    /// [`Closed`]: write what is in `out`, then close the connection (S7.2).
    pub fn receive(
        mut self,
        read: &mut BytesMut,
        out: &mut impl BufMut,
    ) -> Result<LoginStep, Closed> {
        while let Some(frame) = self.decoder.decode(read)? {
            let Incoming::Message(Message { version, body, .. }) = frame.parse()? else { continue };
            match body {
                // S4.1
                Body::Ping => {
                    self.writer.write(&unnumbered(Body::Pong), out)?;
                }
                Body::AuthToken(auth_token) => {
                    return Ok(LoginStep::Authenticate(Authentication {
                        login: self,
                        version,
                        auth_token,
                    }));
                }
                // S1.1
                _ => {}
            }
        }
        Ok(LoginStep::Read(self))
    }
}

/// What a connection before its login needs next.
#[derive(Debug)]
pub enum LoginStep {
    /// All frames so far have been looked at: read on.
    Read(Login),
    /// Find out whose token this is.
    Authenticate(Authentication),
}

/// A login that wants an answer. Whatever else has been read waits behind it (S1.8).
#[derive(Debug)]
#[must_use = "a login wants an answer"]
pub struct Authentication {
    login: Login,
    version: Version,
    auth_token: AuthToken,
}

impl Authentication {
    /// What the client says about itself.
    #[must_use]
    pub const fn auth_token(&self) -> &AuthToken {
        &self.auth_token
    }

    /// The client is who `identity` says: writes AUTH_STATUS 0 (S1.4). From now on frames carry the client's version (W7.3).
    ///
    /// A host that lets others find the connection now, before what is in `out` is sent, leaves no gap: a client that has read
    /// its AUTH_STATUS misses nothing.
    ///
    /// # Errors
    ///
    /// [`EncodeError`] when `out` has no room; the connection is gone then.
    pub fn accept(self, identity: Identity, out: &mut impl BufMut) -> Result<Online, EncodeError> {
        let Login { config, decoder, mut writer } = self.login;
        writer.set_version(self.version);
        writer.write(&auth_status(LoginStatus::OK), out)?;
        Ok(Online { session: Session::new(config, identity), decoder, writer, closed: None })
    }

    /// The token names nobody: writes AUTH_STATUS 1, in version 0 (S1.5). The client may try again (S1.6).
    ///
    /// # Errors
    ///
    /// [`EncodeError`] when `out` has no room; the connection is gone then.
    pub fn refuse(self, out: &mut impl BufMut) -> Result<Login, EncodeError> {
        let mut login = self.login;
        login.writer.write(&auth_status(LoginStatus::REFUSED), out)?;
        Ok(login)
    }
}

/// A connection on which somebody has logged in.
///
/// It turns what was read into [`Request`]s and writes frames under its own numbers. Whatever else goes out on this
/// connection, effects of other sessions above all, goes through [`write`](Self::write) too. So it has one owner: a task that
/// waits for its socket and for messages of others at once, or a thread with a channel to which a second thread sends what it
/// reads. One request after the other, on a host that blocks:
///
/// ```
/// use bytes::BytesMut;
/// use kefu_proto::{Closed, Effects, MsgId, Online, Request, SaveMessage, SyncRequest, UnixTime};
///
/// trait Host {
///     fn append(&mut self, save: SaveMessage<'_>) -> std::io::Result<MsgId>;
///     fn apply(&mut self, online: &mut Online, effects: &Effects, out: &mut BytesMut);
///     fn sync(&mut self, online: &mut Online, request: SyncRequest, out: &mut BytesMut);
///     fn keep(&mut self, online: &Online, key: MsgId);
/// }
///
/// /// After each read. Then `out` is sent; after `Closed`, too, and the connection is closed.
/// fn serve(
///     host: &mut impl Host,
///     online: &mut Online,
///     read: &mut BytesMut,
///     out: &mut BytesMut,
///     now: UnixTime,
/// ) -> Result<(), Closed> {
///     while let Some(request) = online.receive(read, now)? {
///         match request {
///             // If a save fails, nothing follows (H8.1): the client sends again.
///             Request::Store(saves) => match saves.save_with(|save| host.append(save)) {
///                 Ok(effects) => host.apply(online, &effects, out),
///                 Err(error) => eprintln!("not stored: {error}"),
///             },
///             Request::Apply(effects) => host.apply(online, &effects, out),
///             Request::Refused(refusal) => eprintln!("{}", refusal.reason()),
///             Request::Reply(message) => {
///                 online.write(&message, out)?;
///             }
///             Request::Sync(request) => host.sync(online, request, out),
///             Request::KeepSyncKey(key) => host.keep(online, key),
///             Request::Unlisted(frame) => eprintln!("ignored: {}", frame.command),
///         }
///     }
///     Ok(())
/// }
/// ```
#[derive(Debug)]
#[must_use = "a connection that is dropped is closed"]
pub struct Online {
    session: Session,
    decoder: FrameDecoder,
    writer: FrameWriter,
    closed: Option<Closed>,
}

impl Online {
    /// The next request in what has been read; `None`: read on. `now` is the host's clock (H4). A further login (S1.7), a client's
    /// ACK (S5.1) and what only a server says (S5.2) are passed over in silence.
    ///
    /// Requests are to be finished in their order (S11.1): a client may rely on an ACK coming before the PONG or the SYNC_END that
    /// it asked for later. A host that begins the next request before the last is finished (to store many messages at once)
    /// keeps the order of what it writes.
    ///
    /// # Errors
    ///
    /// [`Closed`], now and ever after (S7.1): finish the requests before, write what was queued, then close (S7.2). The requests
    /// are to be finished even if the client is gone (S7.3).
    pub fn receive(
        &mut self,
        read: &mut BytesMut,
        now: UnixTime,
    ) -> Result<Option<Request>, Closed> {
        // S7.1
        if let Some(closed) = self.closed {
            return Err(closed);
        }
        let next = self.next_request(read, now);
        self.closed = next.as_ref().err().copied();
        next
    }

    /// Writes a frame under the connection's next number (W7) and returns that number.
    ///
    /// # Errors
    ///
    /// [`EncodeError`]; nothing is written then and no number used.
    pub fn write(
        &mut self,
        message: &impl Encode,
        out: &mut impl BufMut,
    ) -> Result<Seq, EncodeError> {
        self.writer.write(message, out)
    }

    /// Who is logged in.
    #[must_use]
    pub const fn identity(&self) -> Identity {
        self.session.identity()
    }

    fn next_request(&self, read: &mut BytesMut, now: UnixTime) -> Result<Option<Request>, Closed> {
        while let Some(frame) = self.decoder.decode(read)? {
            let message = match frame.parse()? {
                Incoming::Message(message) => message,
                Incoming::Unlisted(frame) => return Ok(Some(Request::Unlisted(frame))),
            };
            if let Some(request) = self.request(message, now) {
                return Ok(Some(request));
            }
        }
        Ok(None)
    }

    fn request(&self, message: Message, now: UnixTime) -> Option<Request> {
        Some(match message.body {
            Body::Customer(_) | Body::CustomerSupport(_) => {
                match self.session.handle(message, now) {
                    Ok(Delivery::Persistent(saves)) => Request::Store(saves),
                    Ok(Delivery::Transient(effects)) => Request::Apply(effects),
                    Err(refusal) => Request::Refused(refusal),
                }
            }
            // S4.1
            Body::Ping => Request::Reply(unnumbered(Body::Pong)),
            // S2.1
            Body::Sync(asked) => Request::Sync(self.session.sync(asked)),
            // S3.1
            Body::SyncKey(key) if key > MsgId(0) => Request::KeepSyncKey(key),
            // S1.7: logged in already. S3.2: no key to keep. S5.1: clients may acknowledge. S5.2: the rest is for a server to say.
            Body::AuthToken(_)
            | Body::SyncKey(_)
            | Body::Ack(_)
            | Body::AuthStatus(_)
            | Body::Pong
            | Body::SyncBegin(_)
            | Body::SyncEnd(_)
            | Body::SyncNotify(_) => return None,
        })
    }
}

/// What a logged-in client wants, to be finished in order.
#[derive(Debug)]
#[must_use = "a request is to be finished"]
pub enum Request {
    /// Store both copies (H7), then apply the effects. If a save fails, drop it (H8.1).
    Store(Saves),
    /// Apply the effects: nothing is stored (H6).
    Apply(Effects),
    /// The rules refuse the message (H2, H3): count it, log it; on the wire it is silence (H11.1).
    Refused(Refusal),
    /// Write this.
    Reply(Message),
    /// Send what the queue holds after a sync key (S2).
    Sync(SyncRequest),
    /// Keep this sync key for the connection's user, unless a larger one is kept already (S3.1).
    KeepSyncKey(MsgId),
    /// A command that is not the protocol's (W3.4): the host's own, or to be ignored.
    Unlisted(Frame),
}

/// Why a connection is over. What was queued for it is still written (S7.2).
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum Closed {
    /// The client sent what is no frame or no message.
    #[error(transparent)]
    Undecodable(#[from] DecodeError),
    /// A frame could not be written.
    #[error(transparent)]
    Unwritable(#[from] EncodeError),
}

/// The client is not told the server's address.
fn auth_status(status: LoginStatus) -> Message {
    unnumbered(Body::AuthStatus(AuthStatus { status, server_ip: Ipv4Addr::UNSPECIFIED }))
}
