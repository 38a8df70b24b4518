//! A connection to one server: bytes, frames, sync.

use std::io;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use kefu_proto::{
    Body, DecodeError, Encode, EncodeError, Flags, FrameDecoder, FrameLimit, Message,
};
use kefu_proto::{MsgId, Parsed, Seq, TooLong, Version};
use thiserror::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::select;

/// A read into less room than this is not worth its system call.
const LEAST_ROOM: usize = 512;

/// A connection.
#[derive(Debug)]
pub(crate) struct Connection {
    server: usize,
    version: Version,
    stream: TcpStream,
    decoder: FrameDecoder,
    read: BytesMut,
    unwritten: BytesMut,
    buffer: usize,
}

impl Connection {
    /// A connection to the server with this number; `buffer` is how many bytes it reads at once.
    pub(crate) fn new(server: usize, version: Version, stream: TcpStream, buffer: usize) -> Self {
        Self {
            server,
            version,
            stream,
            decoder: FrameDecoder::new(FrameLimit::CLIENT),
            read: BytesMut::with_capacity(buffer),
            unwritten: BytesMut::new(),
            buffer,
        }
    }

    /// The number of the server at the other end.
    pub(crate) const fn server(&self) -> usize {
        self.server
    }

    /// Queues a frame whose number does not matter.
    pub(crate) fn send(&mut self, body: Body) -> Result<(), EncodeError> {
        self.queue(Seq(0), Flags::NONE, body)
    }

    /// Queues a frame; [`exchange`](Self::exchange) writes it.
    pub(crate) fn queue(&mut self, seq: Seq, flags: Flags, body: Body) -> Result<(), EncodeError> {
        let message = Message { seq, version: self.version, flags, body };
        message.encode(&mut self.unwritten)
    }

    /// Writes what is queued and waits until something has been read. It keeps reading while the
    /// socket takes no more: a server that waits for its reader would never read otherwise.
    ///
    /// Cancel safe.
    pub(crate) async fn exchange(&mut self) -> Result<(), ConnectionError> {
        let Self { stream, read, unwritten, buffer, .. } = self;
        // With all frames taken out, this reclaims the same allocation.
        read.reserve(buffer.saturating_sub(read.len()).max(LEAST_ROOM));
        let (mut reader, mut writer) = stream.split();
        loop {
            select! {
                biased;
                written = writer.write(unwritten), if !unwritten.is_empty() => match written? {
                    0 => return Err(ConnectionError::Closed),
                    written => unwritten.advance(written),
                },
                received = reader.read_buf(read) => {
                    return if received? == 0 { Err(ConnectionError::Closed) } else { Ok(()) };
                }
            }
        }
    }

    /// Takes the next message out of what has been read.
    pub(crate) fn take(&mut self) -> Result<Option<Message>, DecodeError> {
        while let Some(frame) = self.decoder.decode(&mut self.read)? {
            if let Parsed::Message(message) = frame.parse()? {
                return Ok(Some(message));
            }
        }
        Ok(None)
    }

    /// Reads this account's queue after a sync key and returns the key of its end. A server may
    /// answer in parts (S12).
    pub(crate) async fn sync(
        &mut self,
        mut after: MsgId,
        timeout: Duration,
        mut row: impl FnMut(&Body),
    ) -> Result<MsgId, ConnectionError> {
        loop {
            let (end, notified) = self.sync_once(after, timeout, &mut row).await?;
            // An answer that brings nothing is the last, whatever was notified.
            if notified <= end || end <= after {
                return Ok(end);
            }
            after = end;
        }
    }

    /// Sends a SYNC; the keys of SYNC_END and of the greatest SYNC_NOTIFY around it. The PING makes
    /// sure that a SYNC_NOTIFY behind SYNC_END has been read.
    async fn sync_once(
        &mut self,
        after: MsgId,
        timeout: Duration,
        row: &mut impl FnMut(&Body),
    ) -> Result<(MsgId, MsgId), ConnectionError> {
        self.send(Body::Sync(after))?;
        let (mut end, mut notified) = (None, MsgId(0));
        loop {
            while let Some(message) = self.take()? {
                match (message.body, end) {
                    (Body::SyncNotify(key), _) => notified = notified.max(key),
                    (Body::SyncEnd(key), None) => {
                        end = Some(key);
                        self.send(Body::Ping)?;
                    }
                    (Body::Pong, Some(end)) => return Ok((end, notified)),
                    (body, None) => row(&body),
                    _ => {}
                }
            }
            let exchange = tokio::time::timeout(timeout, self.exchange()).await;
            exchange.unwrap_or(Err(ConnectionError::Silent(timeout)))?;
        }
    }

    /// Writes what is still queued and closes the connection.
    pub(crate) async fn close(mut self) -> io::Result<()> {
        self.stream.write_all(&self.unwritten).await?;
        self.stream.shutdown().await
    }

    pub(crate) async fn receive(&mut self) -> Result<Message, ConnectionError> {
        loop {
            if let Some(message) = self.take()? {
                return Ok(message);
            }
            self.exchange().await?;
        }
    }
}

/// Why a connection cannot be used any more.
#[derive(Debug, Error)]
pub enum ConnectionError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("the server has closed the connection")]
    Closed,
    #[error("{0} refuses the token")]
    Refused(String),
    /// In tenths: one server's share of the timeout need not be whole seconds.
    #[error("no answer for {} s", (.0.as_secs_f64() * 10.0).round() / 10.0)]
    Silent(Duration),
    #[error("the server sent a {0}")]
    Undecodable(#[from] DecodeError),
    #[error(transparent)]
    Unwritable(#[from] EncodeError),
    #[error(transparent)]
    TooLong(#[from] TooLong),
}
