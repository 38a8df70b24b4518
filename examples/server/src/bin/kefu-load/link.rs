//! One connection to the server: bytes, frames, login, sync.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use kefu_proto::{Account, AuthToken, Body, CustomerMessage, DecodeError, Encode, EncodeError};
use kefu_proto::{Flags, FrameDecoder, FrameLimit, Incoming, LoginStatus, Message, MsgId};
use kefu_proto::{Platform, Seq, ShortBytes, TooLong, Version};
use thiserror::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, lookup_host};
use tokio::select;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::plan::token;

/// The device of the clients that send and listen.
pub(crate) const LOADING: &str = "kefu-load";
/// The device of the clients that verify: a user is not sent what they sent from the same device (S2).
pub(crate) const VERIFYING: &str = "kefu-load-verify";

/// More than a listener's queue commonly holds would make some connections wait a second and more for their turn.
const CONNECTING_AT_ONCE: usize = 64;
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// Below this much room a read is not worth its system call.
const LEAST_ROOM: usize = 512;

/// The server, and how it is approached.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    addresses: Arc<[SocketAddr]>,
    connecting: Arc<Semaphore>,
    patience: Duration,
}

impl Server {
    pub(crate) async fn find(addr: &str, patience: Duration) -> io::Result<Self> {
        let addresses = lookup_host(addr).await?.collect();
        let connecting = Arc::new(Semaphore::new(CONNECTING_AT_ONCE));
        Ok(Self { addresses, connecting, patience })
    }

    pub(crate) const fn patience(&self) -> Duration {
        self.patience
    }
}

/// Who connects: an account on a device. `buffer` is how many bytes it reads at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller {
    pub(crate) account: Account,
    pub(crate) device: &'static str,
    pub(crate) buffer: usize,
}

impl Caller {
    /// Connects and logs in.
    pub(crate) async fn log_in(self, server: &Server) -> Result<Link, LinkError> {
        let attempt = timeout(server.patience, self.attempt(server)).await;
        attempt.unwrap_or(Err(LinkError::Silent(server.patience)))
    }

    /// Connects and logs in after a lost connection, however often it takes within the server's patience. `refused` counts
    /// the logins that the server refused.
    pub(crate) async fn log_in_again(
        self,
        server: &Server,
        refused: &mut u64,
    ) -> Result<Link, LinkError> {
        let deadline = Instant::now() + server.patience;
        let mut pause = FIRST_PAUSE;
        loop {
            sleep(pause).await;
            let attempt = timeout_at(deadline, self.attempt(server)).await;
            let error = match attempt.unwrap_or(Err(LinkError::Silent(server.patience))) {
                Ok(link) => return Ok(link),
                Err(error) => error,
            };
            *refused += u64::from(matches!(error, LinkError::Refused));
            pause = (pause * 2).min(LONGEST_PAUSE);
            if Instant::now() + pause >= deadline {
                return Err(error);
            }
        }
    }

    async fn attempt(self, server: &Server) -> Result<Link, LinkError> {
        // The semaphore is never closed; if it were, connecting all at once would do.
        let _permit = server.connecting.acquire().await;
        let stream = TcpStream::connect(&server.addresses[..]).await?;
        stream.set_nodelay(true)?;
        let mut link = Link {
            stream,
            decoder: FrameDecoder::new(FrameLimit::CLIENT),
            read: BytesMut::with_capacity(self.buffer),
            unwritten: BytesMut::new(),
            buffer: self.buffer,
        };
        link.send(Body::AuthToken(AuthToken {
            platform: Platform::ANDROID,
            token: ShortBytes::new(token(self.account))?,
            device_id: ShortBytes::new(self.device)?,
        }))?;
        loop {
            match link.receive().await?.body {
                Body::AuthStatus(answer) if answer.status == LoginStatus::OK => return Ok(link),
                Body::AuthStatus(_) => return Err(LinkError::Refused),
                _ => {}
            }
        }
    }
}

/// A connection on which somebody has logged in.
#[derive(Debug)]
pub(crate) struct Link {
    stream: TcpStream,
    decoder: FrameDecoder,
    read: BytesMut,
    unwritten: BytesMut,
    buffer: usize,
}

impl Link {
    /// Queues a frame that needs no number of its own.
    pub(crate) fn send(&mut self, body: Body) -> Result<(), EncodeError> {
        self.queue(&Message { seq: Seq(0), version: Version(1), flags: Flags::NONE, body })
    }

    /// Queues a frame; [`exchange`](Self::exchange) writes it.
    pub(crate) fn queue(&mut self, message: &Message) -> Result<(), EncodeError> {
        message.encode(&mut self.unwritten)
    }

    /// Writes what is queued and waits until something has been read. It goes on reading while the server does not take more:
    /// a server that waits for its reader would otherwise never come to read.
    ///
    /// May be dropped at any time.
    pub(crate) async fn exchange(&mut self) -> Result<(), LinkError> {
        let Self { stream, read, unwritten, buffer, .. } = self;
        // Where all frames have been taken out, this only goes back to the start of the same memory.
        read.reserve(buffer.saturating_sub(read.len()).max(LEAST_ROOM));
        let (mut reader, mut writer) = stream.split();
        loop {
            select! {
                biased;
                written = writer.write(unwritten), if !unwritten.is_empty() => match written? {
                    0 => return Err(LinkError::Closed),
                    written => unwritten.advance(written),
                },
                received = reader.read_buf(read) => {
                    return if received? == 0 { Err(LinkError::Closed) } else { Ok(()) };
                }
            }
        }
    }

    /// Takes the next message out of what has been read.
    pub(crate) fn take(&mut self) -> Result<Option<Message>, DecodeError> {
        while let Some(frame) = self.decoder.decode(&mut self.read)? {
            if let Incoming::Message(message) = frame.parse()? {
                return Ok(Some(message));
            }
        }
        Ok(None)
    }

    /// Reads the own queue after a sync key, and returns the key of its end.
    pub(crate) async fn sync(
        &mut self,
        after: MsgId,
        patience: Duration,
        mut row: impl FnMut(&CustomerMessage),
    ) -> Result<MsgId, LinkError> {
        self.send(Body::Sync(after))?;
        loop {
            while let Some(message) = self.take()? {
                match message.body {
                    Body::Customer(chat) | Body::CustomerSupport(chat) => row(&chat),
                    Body::SyncEnd(last) => return Ok(last),
                    _ => {}
                }
            }
            let exchange = timeout(patience, self.exchange()).await;
            exchange.unwrap_or(Err(LinkError::Silent(patience)))?;
        }
    }

    /// Writes what is still queued and hangs up.
    pub(crate) async fn close(mut self) -> io::Result<()> {
        self.stream.write_all(&self.unwritten).await?;
        self.stream.shutdown().await
    }

    async fn receive(&mut self) -> Result<Message, LinkError> {
        loop {
            if let Some(message) = self.take()? {
                return Ok(message);
            }
            self.exchange().await?;
        }
    }
}

/// Why a connection is of no more use.
#[derive(Debug, Error)]
pub(crate) enum LinkError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("the server has closed the connection")]
    Closed,
    #[error("the server refuses the token")]
    Refused,
    #[error("no answer for {} s", .0.as_secs())]
    Silent(Duration),
    #[error("the server sent a {0}")]
    Undecodable(#[from] DecodeError),
    #[error(transparent)]
    Unwritable(#[from] EncodeError),
    #[error(transparent)]
    TooLong(#[from] TooLong),
}
