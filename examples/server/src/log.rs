//! Lines for stdout and stderr.
//!
//! A thread of its own writes each of the two, so that nobody waits for a reader that has stopped
//! reading. What cannot be written is dropped and counted.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::fd::AsFd;
use std::sync::{Arc, Condvar, LazyLock, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use prometheus_client::metrics::counter::Counter;

/// Lines of this process that could not be written.
pub static DROPPED: LazyLock<Counter> = LazyLock::new(Counter::default);

/// Writes lines to a stream. Cheap to clone.
#[derive(Clone)]
pub struct Lines(Arc<Shared>);

#[derive(Default)]
struct Shared {
    pending: Mutex<Pending>,
    changed: Condvar,
}

/// What the thread has not written yet.
#[derive(Default)]
struct Pending {
    bytes: Vec<u8>,
    lines: u64,
    is_writing: bool,
}

impl Lines {
    /// Lines for stdout.
    pub fn stdout() -> Self {
        Self::to(&io::stdout())
    }

    /// Lines for stderr.
    pub fn stderr() -> Self {
        Self::to(&io::stderr())
    }

    /// The stream gets a handle of its own: the locks of the standard library are held while it
    /// writes.
    fn to(stream: &impl AsFd) -> Self {
        let lines = Self(Arc::default());
        if let Ok(stream) = stream.as_fd().try_clone_to_owned() {
            lines.start(File::from(stream));
        }
        lines
    }

    /// Without a thread the lines are dropped once there are too many.
    fn start(&self, stream: impl Write + Send + 'static) {
        let shared = Arc::clone(&self.0);
        let _ = thread::Builder::new().name("log".into()).spawn(move || shared.write_to(stream));
    }

    /// Writes a text, which is one line or several. Never waits.
    pub fn write(&self, text: &str) {
        self.0.push(text.as_bytes());
    }

    /// Waits until all lines are written, but not longer than a second in all.
    pub fn flush(all: &[Self]) {
        let deadline = Instant::now() + FLUSH_TIMEOUT;
        for Self(shared) in all {
            shared.wait(deadline);
        }
    }
}

/// For the log: each call is a whole line.
impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Shared {
    fn push(&self, line: &[u8]) {
        let cut = line.len().min(LONGEST_LINE);
        let mut pending = self.pending();
        if pending.bytes.len() + cut >= MOST_PENDING {
            DROPPED.inc();
            return;
        }
        pending.bytes.extend_from_slice(&line[..cut]);
        if cut < line.len() {
            pending.bytes.push(b'\n');
        }
        pending.lines += 1;
        drop(pending);
        self.changed.notify_all();
    }

    fn write_to(&self, mut stream: impl Write) {
        loop {
            let (bytes, lines) = self.take();
            if write_all(&mut stream, &bytes).is_err() {
                DROPPED.inc_by(lines);
            }
            self.pending().is_writing = false;
            self.changed.notify_all();
        }
    }

    fn take(&self) -> (Vec<u8>, u64) {
        let mut pending = self.pending();
        while pending.lines == 0 {
            pending = self.changed.wait(pending).unwrap_or_else(PoisonError::into_inner);
        }
        pending.is_writing = true;
        (std::mem::take(&mut pending.bytes), std::mem::take(&mut pending.lines))
    }

    fn wait(&self, deadline: Instant) {
        let mut pending = self.pending();
        while pending.lines > 0 || pending.is_writing {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            let waited = self.changed.wait_timeout(pending, left);
            (pending, _) = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Another process may have made the stream one that does not block.
fn write_all(stream: &mut impl Write, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match stream.write(bytes) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(PAUSE),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// In bytes. Longer lines are cut.
const LONGEST_LINE: usize = 8 * 1024;
/// The most bytes that wait for the thread, which has as many in its hands.
const MOST_PENDING: usize = 256 * 1024;
/// How long to wait for a stream that is full and does not block.
const PAUSE: Duration = Duration::from_millis(20);
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    /// Passes on what is written, once it is allowed to.
    struct Gate(Receiver<io::Result<()>>, Sender<Vec<u8>>);

    impl Write for Gate {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.recv().map_err(io::Error::other)??;
            self.1.send(bytes.into()).map_err(io::Error::other)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn gated() -> (Lines, Sender<io::Result<()>>, Receiver<Vec<u8>>) {
        let (allow, allowed) = channel();
        let (sender, written) = channel();
        let lines = Lines(Arc::default());
        lines.start(Gate(allowed, sender));
        (lines, allow, written)
    }

    #[test]
    fn lines_are_written_in_order_and_flushed() {
        let (lines, allow, written) = gated();
        lines.write("one\n");
        (0..2).for_each(|_| allow.send(Ok(())).unwrap());
        lines.write("two\n");
        allow.send(Err(ErrorKind::WouldBlock.into())).unwrap();
        allow.send(Ok(())).unwrap();
        Lines::flush(&[lines]);
        let written: Vec<u8> = written.try_iter().flatten().collect();
        assert_eq!(written, b"one\ntwo\n");
    }

    /// One test, since the counter is that of the process.
    #[test]
    fn what_cannot_be_written_is_dropped_and_counted_and_nobody_waits() {
        let (lines, allow, _written) = gated();
        let line = format!("{}\n", "x".repeat(100_000));
        let before = DROPPED.get();
        for _ in 0..1000 {
            lines.write(&line);
        }
        let dropped = DROPPED.get() - before;
        let most = u64::try_from(2 * MOST_PENDING / LONGEST_LINE).unwrap();
        assert!((1000 - most..1000).contains(&dropped), "{dropped}");
        assert!(lines.0.pending().bytes.len() <= MOST_PENDING);

        let since = Instant::now();
        Lines::flush(&[lines.clone(), lines.clone()]);
        let waited = since.elapsed();
        assert!((FLUSH_TIMEOUT..2 * FLUSH_TIMEOUT).contains(&waited), "{waited:?}");

        // What fails is dropped as well, and does not end the thread.
        (0..2).for_each(|_| allow.send(Err(ErrorKind::BrokenPipe.into())).unwrap());
        Lines::flush(&[lines]);
        assert_eq!(DROPPED.get() - before, 1000);
    }
}
