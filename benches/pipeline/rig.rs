//! What both sides of the comparison share: the frames that arrive, the buffers they end in, and the stopwatch.

use std::hint::black_box;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use criterion::Bencher;

/// Lengths of the content, by name. The frame is 48 bytes longer: 12 of header, 36 of fixed body.
pub(crate) const SIZES: [(&str, usize); 4] =
    [("16B", 16), ("100B", 100), ("1KiB", 1024), ("16KiB", 16 * 1024)];

/// Frames in one read buffer: enough that the two looks at the clock do not count.
pub(crate) const BATCH: u64 = 64;

pub(crate) const CUSTOMER: u8 = 24;
pub(crate) const TEXT: u8 = 0x01;
pub(crate) const UNPERSISTENT: u8 = 0x02;

/// The two ways of a message.
pub(crate) const KINDS: [(&str, u8); 2] =
    [("persistent", TEXT), ("transient", TEXT | UNPERSISTENT)];

/// What the server knows, as plain numbers: who is logged in, on what, and the time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known {
    pub(crate) kefu_appid: i64,
    pub(crate) appid: i64,
    pub(crate) uid: i64,
    pub(crate) device_id: i64,
    pub(crate) now: i32,
    /// The first length of a body that is refused.
    pub(crate) limit: u32,
}

impl Known {
    /// Behind a black box, so that neither side is compiled for these very numbers.
    pub(crate) fn new() -> Self {
        black_box(Self {
            kefu_appid: 1453,
            appid: 7,
            uid: 4_073_791,
            device_id: 11,
            now: 1_500_000_000,
            limit: 32 * 1024,
        })
    }
}

/// A full read buffer and the buffers that its messages go to.
///
/// The crate and the floor are timed on the same rig, one after the other, so every byte has the same address for both. That
/// matters: a copy of 16 KiB takes twenty times as long where it goes a few bytes further into a page than it comes from.
#[derive(Debug)]
pub(crate) struct Rig {
    frames: Vec<u8>,
    read: BytesMut,
    pub(crate) out: Outputs,
}

impl Rig {
    /// A buffer of `BATCH` messages from customer `uid`, each with `content` bytes.
    pub(crate) fn new(known: &Known, uid: i64, flags: u8, content: usize) -> Self {
        let mut frames = Vec::new();
        for seq in 1..=BATCH {
            let seq = u32::try_from(seq).expect("a batch is small");
            put_customer_frame(known, uid, seq, flags, content, &mut frames);
        }
        let read = BytesMut::with_capacity(frames.len());
        Self { frames, read, out: Outputs::new() }
    }

    /// The buffer as after one read from the socket, always at the same place: whatever was decoded from it before has been
    /// dropped, so its memory is used again.
    pub(crate) fn refill(&mut self) -> (&mut BytesMut, &mut Outputs) {
        self.read.clear();
        self.read.reserve(self.frames.len());
        self.read.extend_from_slice(&self.frames);
        (black_box(&mut self.read), &mut self.out)
    }

    /// Times `batch`, which takes all frames from the buffer; refilling it is not timed.
    pub(crate) fn time(
        &mut self,
        bencher: &mut Bencher<'_>,
        mut batch: impl FnMut(&mut BytesMut, &mut Outputs),
    ) {
        time(bencher, || {
            let (read, out) = self.refill();
            let start = Instant::now();
            batch(read, out);
            start.elapsed()
        });
    }
}

/// Has `batch` say how long `BATCH` messages took, again and again, and counts the fastest: what makes others slower is not
/// in this program. With the sum, one neighbour on the processor is enough to turn a ratio round.
pub(crate) fn time(bencher: &mut Bencher<'_>, mut batch: impl FnMut() -> Duration) {
    bencher.iter_custom(|messages| {
        let fastest = (0..messages.div_ceil(BATCH)).map(|_| batch()).min().unwrap_or_default();
        let nanos = u64::try_from(fastest.as_nanos()).expect("a batch is short");
        Duration::from_nanos(nanos * messages / BATCH)
    });
}

fn put_customer_frame(
    known: &Known,
    uid: i64,
    seq: u32,
    flags: u8,
    content: usize,
    dst: &mut Vec<u8>,
) {
    let length = u32::try_from(36 + content).expect("contents are below the limit");
    dst.extend_from_slice(&length.to_be_bytes());
    dst.extend_from_slice(&seq.to_be_bytes());
    dst.extend_from_slice(&[CUSTOMER, 1, flags, 0]);
    for number in [known.appid, uid, 3, 4_289_442] {
        dst.extend_from_slice(&number.to_be_bytes());
    }
    // What a client's clock says; the server's replaces it.
    dst.extend_from_slice(&777_u32.to_be_bytes());
    dst.extend((b' '..=b'~').cycle().take(content));
}

/// Where one message ends up. The buffers keep their memory from message to message.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Outputs {
    /// The copies for the receiver's and the sender's queue.
    pub(crate) stored: [Stored; 2],
    pub(crate) push: Sent,
    pub(crate) app: Sent,
    pub(crate) own: Sent,
    pub(crate) ack: Sent,
    last_msgid: i64,
}

impl Outputs {
    pub(crate) fn new() -> Self {
        let [push, app, own, ack] =
            [2, 3, 4, 5].map(|place| Sent { to: (0, 0), frame: Buffer::new(place) });
        let stored = [0, 1].map(|place| Stored {
            queue: (0, 0),
            device_id: 0,
            command: 0,
            body: Buffer::new(place),
        });
        Self { stored, push, app, own, ack, last_msgid: 0 }
    }

    /// The id that the store gives to its next copy.
    pub(crate) fn next_msgid(&mut self) -> i64 {
        self.last_msgid += 1;
        self.last_msgid
    }
}

/// What a store is given.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Stored {
    pub(crate) queue: (i64, i64),
    pub(crate) device_id: i64,
    pub(crate) command: u8,
    pub(crate) body: Buffer,
}

/// What a router or a connection is given.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Sent {
    pub(crate) to: (i64, i64),
    pub(crate) frame: Buffer,
}

/// A buffer for one frame, used again and again.
///
/// It is written from near the start of a page on. A message of 100 bytes takes half as long again when one of its copies
/// happens to lie across two pages, and that must not be the allocator's choice.
#[derive(Debug)]
pub(crate) struct Buffer {
    bytes: Vec<u8>,
    start: usize,
}

impl Buffer {
    /// Each buffer has another place in its page, or they would push each other out of the cache.
    fn new(place: usize) -> Self {
        let mut bytes = Vec::<u8>::with_capacity(2 * PAGE + LARGEST_FRAME);
        let start = bytes.as_ptr().align_offset(PAGE) + place * PAGE / 8;
        bytes.resize(start, 0);
        Self { bytes, start }
    }

    /// The buffer, emptied for the next frame.
    pub(crate) fn fresh(&mut self) -> &mut Vec<u8> {
        self.bytes.truncate(self.start);
        &mut self.bytes
    }

    pub(crate) fn written(&mut self) -> &mut [u8] {
        &mut self.bytes[self.start..]
    }
}

impl PartialEq for Buffer {
    fn eq(&self, other: &Self) -> bool {
        self.bytes[self.start..] == other.bytes[other.start..]
    }
}

impl Eq for Buffer {}

const PAGE: usize = 4096;
const LARGEST_FRAME: usize = 12 + 32 * 1024;
