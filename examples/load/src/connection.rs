//! A connection to one server: bytes, frames, sync.
//!
//! All bytes of a client pass here: out through [`Connection::poll_write`] and in through
//! [`Connection::poll_read`]. That is where the judge is told of them.

use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::BytesMut;
use kefu_proto::{
    Body, DecodeError, Encode, EncodeError, Flags, FrameDecoder, FrameLimit, Message,
};
use kefu_proto::{MsgId, Parsed, Seq, TooLong, Version};
use thiserror::Error;

use crate::judge::witness::Witness;
use crate::transport::{Transport, TransportError};

/// A read into less room than this is not worth its system call.
const LEAST_ROOM: usize = 512;

/// A connection.
#[derive(Debug)]
pub(crate) struct Connection {
    place: Place,
    version: Version,
    transport: Transport,
    decoder: FrameDecoder,
    read: BytesMut,
    unwritten: BytesMut,
    /// How many bytes at the end of `unwritten` the judge has not been told of.
    untold: usize,
    buffer: usize,
    witness: Option<Witness>,
}

/// Which connection it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// Counts all connections of the run.
    pub(crate) number: u64,
    /// The number of the server at the other end.
    pub(crate) server: usize,
}

impl Connection {
    /// `buffer` is how many bytes it reads at once.
    pub(crate) fn new(
        place: Place,
        version: Version,
        transport: Transport,
        buffer: usize,
        witness: Option<Witness>,
    ) -> Self {
        Self {
            place,
            version,
            transport,
            decoder: FrameDecoder::new(FrameLimit::CLIENT),
            read: BytesMut::with_capacity(buffer),
            unwritten: BytesMut::new(),
            untold: 0,
            buffer,
            witness,
        }
    }

    pub(crate) const fn number(&self) -> u64 {
        self.place.number
    }

    pub(crate) const fn server(&self) -> usize {
        self.place.server
    }

    /// What tells the judge of this connection, if it is judged.
    pub(crate) const fn witness(&self) -> Option<&Witness> {
        self.witness.as_ref()
    }

    /// From now on the connection is not judged: nobody reads what comes.
    pub(crate) fn stop_judging(&mut self) {
        self.witness = None;
    }

    /// Queues a frame whose number does not matter.
    pub(crate) fn send(&mut self, body: Body) -> Result<(), EncodeError> {
        self.queue(Seq(0), Flags::NONE, body)
    }

    /// Queues a frame; [`exchange`](Self::exchange) writes it.
    pub(crate) fn queue(&mut self, seq: Seq, flags: Flags, body: Body) -> Result<(), EncodeError> {
        let message = Message { seq, version: self.version, flags, body };
        self.write(|unwritten| message.encode(unwritten))
    }

    /// Queues bytes that need not be a frame.
    pub(crate) fn send_bytes(&mut self, bytes: &[u8]) {
        self.write(|unwritten| unwritten.extend_from_slice(bytes));
    }

    /// All that is sent is queued here.
    fn write<T>(&mut self, write: impl FnOnce(&mut BytesMut) -> T) -> T {
        let before = self.unwritten.len();
        let written = write(&mut self.unwritten);
        self.untold += self.unwritten.len() - before;
        written
    }

    /// Writes what is queued and waits until something has been read. It keeps reading while the
    /// socket takes no more: a server that waits for its reader would never read otherwise.
    ///
    /// Cancel safe.
    pub(crate) async fn exchange(&mut self) -> Result<(), ConnectionError> {
        poll_fn(|cx| {
            if let Poll::Ready(written) = self.poll_write(cx) {
                written?;
            }
            self.poll_read(cx)
        })
        .await
    }

    /// Writes what is queued and reads nothing.
    ///
    /// Cancel safe.
    pub(crate) async fn push(&mut self) -> Result<(), ConnectionError> {
        poll_fn(|cx| self.poll_write(cx)).await
    }

    /// Writes what is queued; meanwhile it reads, too.
    pub(crate) async fn flush(&mut self) -> Result<(), ConnectionError> {
        poll_fn(|cx| {
            while self.poll_write(cx)?.is_pending() {
                if self.poll_read(cx)?.is_pending() {
                    return Poll::Pending;
                }
            }
            Poll::Ready(Ok(()))
        })
        .await
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ConnectionError>> {
        let untold = std::mem::take(&mut self.untold);
        if let Some(witness) = self.witness.as_ref().filter(|_| untold > 0) {
            witness.sent(&self.unwritten[self.unwritten.len() - untold..]);
        }
        self.transport.poll_write(cx, &mut self.unwritten).map_err(ConnectionError::from)
    }

    /// All that is received comes in here.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ConnectionError>> {
        let Self { transport, read, buffer, witness, .. } = self;
        // With all frames taken out, this reclaims the same allocation.
        read.reserve(buffer.saturating_sub(read.len()).max(LEAST_ROOM));
        let before = read.len();
        transport.poll_read(cx, read).map(|received| match received {
            Ok(0) => Err(ConnectionError::Closed),
            Ok(_) => {
                if let Some(witness) = witness {
                    witness.received(&read[before..]);
                }
                Ok(())
            }
            Err(error) => Err(error.into()),
        })
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
    pub(crate) async fn sync_once(
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
    pub(crate) async fn close(mut self) -> Result<(), ConnectionError> {
        self.half_close().await
    }

    /// Writes what is still queued and says that nothing more comes. The server's frames can still
    /// be read.
    pub(crate) async fn half_close(&mut self) -> Result<(), ConnectionError> {
        self.flush().await?;
        if let Some(witness) = &mut self.witness {
            witness.leave();
        }
        Ok(self.transport.half_close().await?)
    }

    /// Writes what is still queued and half of a frame, and closes the connection.
    pub(crate) async fn break_off(mut self) -> Result<(), ConnectionError> {
        let (seq, flags, body) = (Seq(0), Flags::NONE, Body::Sync(MsgId(0)));
        let mut frame = BytesMut::new();
        Message { seq, version: self.version, flags, body }.encode(&mut frame)?;
        self.send_bytes(&frame[..frame.len() / 2]);
        self.flush().await
    }

    /// Closes the connection with a RST.
    pub(crate) fn reset(self) {
        self.transport.reset();
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
    Transport(TransportError),
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

impl From<TransportError> for ConnectionError {
    fn from(error: TransportError) -> Self {
        match error {
            TransportError::Closed => Self::Closed,
            error => Self::Transport(error),
        }
    }
}
