//! A byte stream, with what has been read and what is to be written.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncWriteExt, ReadBuf};
use tokio::time::{Instant, timeout};

use crate::connection::clock::Silence;
use crate::connection::end::End;
use crate::connection::framing::Framing;
use crate::connection::output::{Output, is_unreachable};
use crate::connection::transport::Transport;

/// A byte stream with buffers, which are only as long as what is in them.
pub(super) struct Socket<S> {
    stream: S,
    framing: Framing,
    /// Frames that are read and not yet taken.
    input: BytesMut,
    output: Output,
    silence: Silence,
    /// How many bytes have come since they were last asked for.
    read: usize,
    /// Set once nothing more is to be read.
    end: Option<End>,
}

impl<S: Transport> Socket<S> {
    pub(super) fn new(stream: S, framing: Framing) -> Self {
        let (input, output) = (BytesMut::new(), Output::new());
        Self { stream, framing, input, output, silence: Silence::new(), read: 0, end: None }
    }

    /// Says what the server says first.
    pub(super) fn greet(&mut self, idle_timeout: Duration) {
        self.framing.greet(idle_timeout, &mut self.output.buffer);
    }

    /// Takes bytes that were read before.
    pub(super) fn take(&mut self, wire: &mut [u8]) {
        self.silence.heard();
        self.read = self.read.saturating_add(wire.len());
        if self.input.is_empty() {
            self.input = BytesMut::with_capacity(wire.len());
        }
        let out = &mut self.output.buffer;
        self.end = self.framing.decode(wire, &mut self.input, out).err();
        if self.output.is_lost() {
            self.output.give_up();
        }
    }

    /// Frames that are read and not yet taken.
    pub(super) const fn input(&mut self) -> &mut BytesMut {
        &mut self.input
    }

    /// Calls `answer` with what has been read and where frames are written.
    pub(super) fn exchange<T>(
        &mut self,
        answer: impl FnOnce(&mut BytesMut, &mut BytesMut) -> T,
    ) -> T {
        let Self { framing, input, output, .. } = self;
        let answered = framing.encode(&mut output.buffer, |out| answer(input, out));
        if output.is_lost() {
            output.give_up();
        }
        answered
    }

    /// Calls `write` with where frames are written.
    pub(super) fn write<T>(&mut self, write: impl FnOnce(&mut BytesMut) -> T) -> T {
        self.exchange(|_, out| write(out))
    }

    /// Whether more may be written. Above the high-water mark nothing more is begun.
    pub(super) fn has_room(&self) -> bool {
        self.output.buffer.len() < HIGH_WATER
    }

    pub(super) fn is_waiting(&self) -> bool {
        self.output.is_waiting()
    }

    pub(super) const fn is_lost(&self) -> bool {
        self.output.is_lost()
    }

    pub(super) const fn stream(&self) -> &S {
        &self.stream
    }

    /// Nothing more is sent to the client.
    pub(super) fn give_up(&mut self) {
        self.output.give_up();
    }

    /// Since when there is something to be written, and nothing of it could be.
    pub(super) const fn stuck(&self) -> Option<Instant> {
        self.output.stuck()
    }

    /// When the client has been silent for so long, if nothing comes; `None` while it is not read
    /// from.
    pub(super) fn silent(&self, time: Duration) -> Option<Instant> {
        self.silence.lasts(time)
    }

    /// How many bytes have come since the last call.
    pub(super) const fn take_read(&mut self) -> usize {
        std::mem::replace(&mut self.read, 0)
    }

    /// Writes what waits, if `writes`, and reads, if `reads`. Returns when anything has happened.
    /// Cancel safe.
    pub(super) async fn progress(&mut self, reads: bool, writes: bool) -> Result<(), End> {
        self.silence.set_reading(reads);
        if self.input.is_empty() {
            // Even an empty buffer keeps what it was a part of.
            self.input = BytesMut::new();
        }
        poll_fn(|cx| self.poll_progress(reads, writes, cx)).await
    }

    fn poll_progress(
        &mut self,
        reads: bool,
        writes: bool,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), End>> {
        let mut progress = Poll::Pending;
        if writes && self.output.is_waiting() {
            progress = self.output.poll_write(&mut self.stream, cx);
        }
        if reads && let Poll::Ready(read) = self.poll_read(cx) {
            return Poll::Ready(read);
        }
        progress.map(Ok)
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), End>> {
        if let Some(end) = self.end {
            return Poll::Ready(Err(end));
        }
        with_scratch(|scratch| {
            let mut read = ReadBuf::new(scratch);
            Poll::Ready(match ready!(Pin::new(&mut self.stream).poll_read(cx, &mut read)) {
                // The system tells an error once: writing may have been told.
                Ok(()) if read.filled().is_empty() && self.output.is_unreachable() => {
                    Err(End::Unreachable)
                }
                Ok(()) if read.filled().is_empty() => Err(End::Left),
                Ok(()) => {
                    self.take(read.filled_mut());
                    Ok(())
                }
                // An EOF without close_notify. It cannot hide a truncation: frames have lengths.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(End::Left),
                Err(error) if is_unreachable(&error) => Err(End::Unreachable),
                Err(_) => Err(End::Io),
            })
        })
    }

    /// Sends what is left, says why the connection ends, and closes the stream.
    pub(super) async fn finish(mut self, end: End) {
        if !end.client_reads() || self.is_lost() {
            return;
        }
        self.framing.close(end, &mut self.output.buffer);
        let closing = async {
            while self.is_waiting() && self.progress(false, true).await.is_ok() {}
            // With an error the client has gone.
            let _ = self.stream.shutdown().await;
        };
        let is_closed = timeout(CLOSE_GRACE, closing).await.is_ok();
        // A socket that is closed with unread bytes is reset, and the client may lose what was
        // written last.
        if is_closed && end != End::Left {
            let _ = timeout(LINGER, poll_fn(|cx| self.poll_discard(cx))).await;
        }
    }

    /// Reads and discards until the client has closed its side, too.
    fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        with_scratch(|scratch| {
            let mut read = ReadBuf::new(scratch);
            let read_some = ready!(Pin::new(&mut self.stream).poll_read(cx, &mut read));
            if read_some.is_err() || read.filled().is_empty() {
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        })
    }
}

/// Where all sockets of a thread read, so that none keeps a buffer for what may come.
fn with_scratch<T>(read: impl FnOnce(&mut [u8]) -> T) -> T {
    thread_local! {
        static SCRATCH: RefCell<Vec<u8>> = RefCell::new(vec![0; READ_SIZE]);
    }
    SCRATCH.with_borrow_mut(|scratch| read(scratch))
}

/// The most bytes of one read.
const READ_SIZE: usize = 16 * 1024;
/// The high-water mark of the output, in bytes.
const HIGH_WATER: usize = 64 * 1024;
/// How long a client may take to read the final frames.
const CLOSE_GRACE: Duration = Duration::from_secs(5);
/// How long a client that was closed may take to close its side.
const LINGER: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use tokio::io::{AsyncReadExt, BufWriter, duplex};

    use super::*;

    #[tokio::test]
    async fn what_a_stream_has_taken_and_not_passed_on_still_waits() {
        let (near, mut far) = duplex(16);
        let mut socket = Socket::new(BufWriter::new(near), Framing::Plain);
        socket.write(|out| out.extend_from_slice(&[b'x'; 100]));
        for _ in 0..3 {
            let _ = socket.progress(false, true).now_or_never();
        }
        assert!(socket.output.buffer.is_empty() && socket.is_waiting() && socket.stuck().is_some());
        let mut read = [0; 100];
        let flushing =
            async { while socket.is_waiting() && socket.progress(false, true).await.is_ok() {} };
        let (read, ()) = tokio::join!(far.read_exact(&mut read), flushing);
        assert_eq!(read.ok(), Some(100));
        assert_eq!((socket.is_waiting(), socket.stuck()), (false, None));
    }

    #[tokio::test]
    async fn buffers_are_only_as_long_as_what_is_in_them() {
        let (near, mut far) = duplex(1 << 20);
        let mut socket = Socket::new(near, Framing::Plain);
        let _ = far.write_all(&[b'x'; 1_000]).await;
        assert_eq!(socket.progress(true, true).await, Ok(()));
        assert_eq!((socket.input().len(), socket.input().capacity()), (1_000, 1_000));
        let content = socket.input().split_to(10).freeze();
        socket.input().clear();
        assert!(!content.is_unique());
        socket.write(|out| out.extend_from_slice(&[b'x'; 5_000]));
        assert_eq!(socket.progress(false, true).await, Ok(()));
        assert!(content.is_unique());
        assert_eq!((socket.output.buffer.capacity(), socket.input().capacity()), (0, 0));
    }
}
