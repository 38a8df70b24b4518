//! One connection to a server: bytes, frames, sync.

use std::io;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use kefu_proto::{Body, CustomerMessage, DecodeError, Encode, EncodeError, Flags, FrameDecoder};
use kefu_proto::{FrameLimit, Incoming, Message, MsgId, Seq, TooLong, Version};
use thiserror::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::select;
use tokio::time::timeout;

/// Below this much room a read is not worth its system call.
const LEAST_ROOM: usize = 512;

/// A connection.
#[derive(Debug)]
pub(crate) struct Link {
    server: usize,
    stream: TcpStream,
    decoder: FrameDecoder,
    read: BytesMut,
    unwritten: BytesMut,
    buffer: usize,
}

impl Link {
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

    pub(crate) async fn receive(&mut self) -> Result<Message, LinkError> {
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
    #[error("{0} refuses the token")]
    Refused(String),
    /// A share of some seconds need not be a whole number of them.
    #[error("no answer for {} s", (.0.as_secs_f64() * 10.0).round() / 10.0)]
    Silent(Duration),
    #[error("the server sent a {0}")]
    Undecodable(#[from] DecodeError),
    #[error(transparent)]
    Unwritable(#[from] EncodeError),
    #[error(transparent)]
    TooLong(#[from] TooLong),
}
