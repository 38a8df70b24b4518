//! The two halves of a socket, and the bytes in front of them.

use std::io;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::client::End;

/// A byte stream with what has been read of it and what is to be written to it.
pub struct Wire<R, W> {
    pub reader: Reader<R>,
    pub writer: Writer<W>,
}

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Wire<R, W> {
    pub fn new(reader: R, writer: W) -> Self {
        Self {
            reader: Reader { stream: reader, read: BytesMut::new() },
            writer: Writer {
                stream: writer,
                out: BytesMut::new(),
                is_flushed: true,
                is_lost: false,
            },
        }
    }
}

/// The half that reads.
pub struct Reader<R> {
    stream: R,
    /// Read, and not yet looked at.
    pub read: BytesMut,
}

impl<R: AsyncRead + Unpin> Reader<R> {
    /// Reads on. Nothing is lost if it is cancelled.
    pub async fn fill(&mut self) -> Result<(), End> {
        self.read.reserve(READ_SIZE);
        match self.stream.read_buf(&mut self.read).await {
            Ok(0) => Err(End::Left),
            Ok(_) => Ok(()),
            // The end without TLS's own word for it. Frames say where they end: nothing is cut short unseen.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(End::Left),
            Err(_) => Err(End::Io),
        }
    }
}

/// How many bytes are asked for at once.
const READ_SIZE: usize = 16 * 1024;

/// The half that writes.
pub struct Writer<W> {
    stream: W,
    /// To be written.
    pub out: BytesMut,
    /// Whether what has been written is past the stream's own buffer: TLS has one.
    is_flushed: bool,
    is_lost: bool,
}

impl<W: AsyncWrite + Unpin> Writer<W> {
    /// Writes some of what waits. Nothing is lost if it is cancelled.
    ///
    /// Where that fails it gives up, and the connection goes on: what the client sent before it left is still to be read (S7),
    /// and reading shows the end.
    pub async fn drain(&mut self) {
        if self.write_some().await.is_err() {
            self.give_up();
        }
    }

    /// Writes all of what waits.
    pub async fn flush(&mut self) {
        while self.is_waiting() {
            self.drain().await;
        }
    }

    /// Whether anything waits to be written.
    pub fn is_waiting(&self) -> bool {
        self.out.has_remaining() || !self.is_flushed
    }

    /// Writes all of what waits, and that nothing follows.
    pub async fn finish(&mut self) {
        self.flush().await;
        // Who is gone does not see the end.
        let _ = self.stream.shutdown().await;
    }

    /// Nothing reaches the client any more: what waits is thrown away.
    pub fn give_up(&mut self) {
        self.is_lost = true;
        self.out.clear();
        self.is_flushed = true;
    }

    /// Whether writing has been given up.
    pub const fn is_lost(&self) -> bool {
        self.is_lost
    }

    async fn write_some(&mut self) -> io::Result<()> {
        if self.out.has_remaining() {
            self.is_flushed = false;
            if self.stream.write_buf(&mut self.out).await? == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
        }
        if self.out.is_empty() {
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
        let Wire { mut writer, .. } = Wire::new(reader, BufWriter::new(writer));
        writer.out.extend_from_slice(&[b'x'; 100]);
        assert!(writer.drain().now_or_never().is_none(), "the way is too narrow");
        assert!(writer.out.is_empty() && writer.is_waiting());
        let mut read = [0; 100];
        let (read, ()) = tokio::join!(far.read_exact(&mut read), writer.flush());
        assert_eq!(read.ok(), Some(100));
        assert!(!writer.is_waiting());
    }
}
