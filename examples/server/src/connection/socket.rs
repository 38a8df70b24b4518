//! The two halves of a byte stream, with a buffer each.

use std::io;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::connection::end::End;

/// A byte stream with buffers.
pub(super) struct Socket<R, W> {
    pub(super) input: Input<R>,
    pub(super) output: Output<W>,
}

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Socket<R, W> {
    pub(super) fn new(reader: R, writer: W) -> Self {
        Self {
            input: Input { stream: reader, buffer: BytesMut::new() },
            output: Output {
                stream: writer,
                buffer: BytesMut::new(),
                is_flushed: true,
                is_lost: false,
            },
        }
    }
}

/// The half that reads.
pub(super) struct Input<R> {
    stream: R,
    /// Bytes that are read and not yet decoded.
    pub(super) buffer: BytesMut,
}

impl<R: AsyncRead + Unpin> Input<R> {
    /// Reads more bytes. Cancel safe.
    pub(super) async fn fill(&mut self) -> Result<(), End> {
        self.buffer.reserve(READ_SIZE);
        match self.stream.read_buf(&mut self.buffer).await {
            Ok(0) => Err(End::Left),
            Ok(_) => Ok(()),
            // An EOF without close_notify. It cannot hide a truncation: frames have lengths.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(End::Left),
            Err(_) => Err(End::Io),
        }
    }
}

/// How many bytes one read asks for.
const READ_SIZE: usize = 16 * 1024;

/// The half that writes.
pub(super) struct Output<W> {
    stream: W,
    /// Bytes that are to be written.
    pub(super) buffer: BytesMut,
    /// Whether the stream's own buffer is empty: TLS has one.
    is_flushed: bool,
    is_lost: bool,
}

impl<W: AsyncWrite + Unpin> Output<W> {
    /// Writes some of the buffer. Cancel safe.
    ///
    /// If it fails, writing is given up and the connection goes on: what the client sent before it
    /// left is still read (S7), until reading shows the end.
    pub(super) async fn drain(&mut self) {
        if self.write_some().await.is_err() {
            self.give_up();
        }
    }

    /// Writes the whole buffer.
    pub(super) async fn flush(&mut self) {
        while self.is_waiting() {
            self.drain().await;
        }
    }

    /// Whether there is anything to be written.
    pub(super) fn is_waiting(&self) -> bool {
        self.buffer.has_remaining() || !self.is_flushed
    }

    /// Writes the whole buffer and closes the stream.
    pub(super) async fn finish(&mut self) {
        self.flush().await;
        // With an error the client has gone.
        let _ = self.stream.shutdown().await;
    }

    /// Discards the buffer. Nothing more is sent to the client.
    pub(super) fn give_up(&mut self) {
        self.is_lost = true;
        self.buffer.clear();
        self.is_flushed = true;
    }

    /// Whether writing has been given up.
    pub(super) const fn is_lost(&self) -> bool {
        self.is_lost
    }

    async fn write_some(&mut self) -> io::Result<()> {
        if self.buffer.has_remaining() {
            self.is_flushed = false;
            if self.stream.write_buf(&mut self.buffer).await? == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
        }
        if self.buffer.is_empty() {
            self.stream.flush().await?;
            self.is_flushed = true;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use tokio::io::{BufWriter, duplex, split};

    use super::*;

    #[tokio::test]
    async fn what_a_stream_has_taken_and_not_passed_on_still_waits() {
        let (near, mut far) = duplex(16);
        let (reader, writer) = split(near);
        let Socket { mut output, .. } = Socket::new(reader, BufWriter::new(writer));
        output.buffer.extend_from_slice(&[b'x'; 100]);
        assert!(output.drain().now_or_never().is_none(), "the pipe is smaller");
        assert!(output.buffer.is_empty() && output.is_waiting());
        let mut read = [0; 100];
        let (read, ()) = tokio::join!(far.read_exact(&mut read), output.flush());
        assert_eq!(read.ok(), Some(100));
        assert!(!output.is_waiting());
    }
}
