//! A connection to one server: bytes, frames, sync.

use std::io;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use kefu_proto::{Body, CustomerMessage, DecodeError, Encode, EncodeError, Flags, FrameDecoder};
use kefu_proto::{FrameLimit, Message, MsgId, Parsed, Seq, TooLong, Version};
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
    stream: TcpStream,
    decoder: FrameDecoder,
    read: BytesMut,
    unwritten: BytesMut,
    buffer: usize,
}

impl Connection {
    /// A connection to the server with this number; `buffer` is how many bytes it reads at once.
    pub(crate) fn new(server: usize, stream: TcpStream, buffer: usize) -> Self {
        Self {
            server,
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
        self.queue(&Message { seq: Seq(0), version: Version(1), flags: Flags::NONE, body })
    }

    /// Queues a frame; [`exchange`](Self::exchange) writes it.
    pub(crate) fn queue(&mut self, message: &Message) -> Result<(), EncodeError> {
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

    /// Reads this account's queue after a sync key and returns the key of its end.
    pub(crate) async fn sync(
        &mut self,
        after: MsgId,
        timeout: Duration,
        mut row: impl FnMut(&CustomerMessage),
    ) -> Result<MsgId, ConnectionError> {
        self.send(Body::Sync(after))?;
        loop {
            while let Some(message) = self.take()? {
                match message.body {
                    Body::Customer(chat) | Body::CustomerSupport(chat) => row(&chat),
                    Body::SyncEnd(last) => return Ok(last),
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
