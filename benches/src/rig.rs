//! What both sides of the comparison share: the frames that arrive, the buffers for the output, and
//! the stopwatch.

use std::hint::black_box;
use std::time::{Duration, Instant};

use bytes::{Buf, BytesMut};

/// Lengths of the content, by name. The last is the largest that a client may send. A frame is 48
/// bytes longer: 12 bytes of header and 36 of fixed body.
pub const SIZES: [(&str, usize); 6] = [
    ("16B", 16),
    ("100B", 100),
    ("1KiB", 1024),
    ("4KiB", 4 * 1024),
    ("16KiB", 16 * 1024),
    ("32KiB", 32 * 1024 - 1 - 36),
];

/// Frames in one read buffer: enough to make the two readings of the clock negligible.
pub const BATCH: u64 = 64;

pub const CUSTOMER: u8 = 24;
const CUSTOMER_V2: u8 = 64;
const SELLER: i64 = 4_289_442;
pub const TEXT: u8 = 0x01;
pub const UNPERSISTENT: u8 = 0x02;

/// The two kinds of messages.
pub const KINDS: [(&str, u8); 2] = [("persistent", TEXT), ("transient", TEXT | UNPERSISTENT)];

/// What the server knows, as plain numbers: who is logged in, on which device, and the time.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    pub kefu_appid: i64,
    pub appid: i64,
    pub uid: i64,
    pub device_id: i64,
    pub now: i32,
    /// Exclusive upper bound of a body's length.
    pub limit: u32,
}

/// Behind a black box, so that neither side is optimised for these numbers.
impl Default for Known {
    fn default() -> Self {
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

/// A full read buffer, and buffers for the output.
///
/// The crate and the floor are timed on the same rig, one after the other, so that every byte has
/// the same address for both.
#[derive(Debug)]
pub struct Rig {
    frames: Vec<u8>,
    read: BytesMut,
    pub out: Outputs,
}

impl Rig {
    /// A buffer of `BATCH` messages from customer `uid`, each with `content` bytes.
    pub fn new(known: &Known, uid: i64, flags: u8, content: usize) -> Self {
        let head = [CUSTOMER, 1, flags, 0];
        Self::of_messages(head, [known.appid, uid, 3, SELLER], content)
    }

    /// A buffer of `BATCH` CUSTOMER_V2 from the customer, each with `content` bytes.
    pub fn v2(known: &Known, content: usize) -> Self {
        let ids = [known.appid, known.uid, known.kefu_appid, SELLER];
        Self::of_messages([CUSTOMER_V2, 2, TEXT, 0], ids, content)
    }

    fn of_messages(head: [u8; 4], ids: [i64; 4], content: usize) -> Self {
        let mut frames = Vec::new();
        for seq in 1..=BATCH {
            let seq = u32::try_from(seq).expect("a batch is small");
            put_chat_frame(head, ids, seq, content, &mut frames);
        }
        Self::of(frames)
    }

    /// A buffer of `BATCH` frames, all of the same length.
    pub fn of(frames: Vec<u8>) -> Self {
        let read = BytesMut::with_capacity(PAGE + frames.len());
        let mut rig = Self { frames, read, out: Outputs::default() };
        rig.assert_fast_copies();
        rig
    }

    /// The buffer as after one read from the socket, always at the start of a page. Everything
    /// decoded from it before must have been dropped: its memory is reused.
    pub fn refill(&mut self) -> (&mut BytesMut, &mut Outputs) {
        self.read.clear();
        self.read.reserve(PAGE + self.frames.len());
        let gap = self.read.as_ptr().align_offset(PAGE);
        self.read.extend_from_slice(&[0; PAGE][..gap]);
        self.read.extend_from_slice(&self.frames);
        self.read.advance(gap);
        self.filled()
    }

    /// The buffer as it is.
    pub fn filled(&mut self) -> (&mut BytesMut, &mut Outputs) {
        (black_box(&mut self.read), &mut self.out)
    }

    /// Writes another customer's id into each frame of the next refill.
    pub fn set_customers(&mut self, uids: impl IntoIterator<Item = i64>) {
        let length = self.frames.len() / usize::try_from(BATCH).expect("a batch is small");
        for (frame, uid) in self.frames.chunks_exact_mut(length).zip(uids) {
            frame[20..28].copy_from_slice(&uid.to_be_bytes());
        }
    }

    /// How long `messages` take at the speed of the fastest batch. `batch` takes all frames from
    /// the buffer. Refilling it is not timed.
    pub fn time(
        &mut self,
        messages: u64,
        mut batch: impl FnMut(&mut BytesMut, &mut Outputs),
    ) -> Duration {
        time(messages, || {
            let (read, out) = self.refill();
            let start = Instant::now();
            batch(read, out);
            start.elapsed()
        })
    }

    /// A long copy (`rep movsb` in glibc) is up to 30 times slower if its target is less than 32
    /// bytes further into its page than its source. Checks that no content is copied like that:
    /// frames longer than a page start in the first three quarters of their pages, and the buffers
    /// for them after that.
    fn assert_fast_copies(&mut self) {
        let length = self.frames.len() / usize::try_from(BATCH).expect("a batch is small");
        if length < PAGE {
            return;
        }
        let starts = self.out.starts();
        let (read, _) = self.refill();
        for frame in read.chunks_exact(length) {
            for (start, header) in starts {
                let further = start.wrapping_sub(frame[header..].as_ptr().addr()) % PAGE;
                assert!(further == 0 || further >= 64, "{length}: {further} bytes further");
            }
        }
    }
}

/// Runs `batch`, which returns how long `BATCH` messages took, and counts only the fastest run:
/// slower ones were disturbed by other programs, which in a sum would be enough to reverse a ratio.
pub fn time(messages: u64, mut batch: impl FnMut() -> Duration) -> Duration {
    let fastest = (0..messages.div_ceil(BATCH)).map(|_| batch()).min().unwrap_or_default();
    let nanos = u64::try_from(fastest.as_nanos()).expect("a batch is short");
    Duration::from_nanos(nanos * messages / BATCH)
}

/// `head` is the end of the header; `ids` are those of a chat message of either version.
fn put_chat_frame(head: [u8; 4], ids: [i64; 4], seq: u32, content: usize, dst: &mut Vec<u8>) {
    let length = u32::try_from(36 + content).expect("contents are below the limit");
    dst.extend_from_slice(&length.to_be_bytes());
    dst.extend_from_slice(&seq.to_be_bytes());
    dst.extend_from_slice(&head);
    for number in ids {
        dst.extend_from_slice(&number.to_be_bytes());
    }
    // The client's time, which the server replaces.
    dst.extend_from_slice(&777_u32.to_be_bytes());
    dst.extend((b' '..=b'~').cycle().take(content));
}

/// The output of one message. The buffers keep their memory between messages.
#[derive(Debug, Eq, PartialEq)]
pub struct Outputs {
    /// The copies for the receiver's and the sender's queue.
    pub stored: [Stored; 2],
    pub push: Sent,
    pub app: Sent,
    pub own: Sent,
    pub ack: Sent,
    last_msgid: i64,
}

impl Default for Outputs {
    fn default() -> Self {
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
}

impl Outputs {
    /// The address of each buffer for contents, and how many bytes of a frame's start it leaves
    /// out.
    fn starts(&self) -> [(usize, usize); 4] {
        let address = |buffer: &Buffer| buffer.bytes.as_ptr().addr() + buffer.start;
        let [receivers, senders] = &self.stored;
        [
            (address(&receivers.body), 12),
            (address(&senders.body), 12),
            (address(&self.push.frame), 0),
            (address(&self.app.frame), 0),
        ]
    }

    /// The id of the next copy that is stored.
    pub fn next_msgid(&mut self) -> i64 {
        self.last_msgid += 1;
        self.last_msgid
    }
}

/// What a store receives.
#[derive(Debug, Eq, PartialEq)]
pub struct Stored {
    pub queue: (i64, i64),
    pub device_id: i64,
    pub command: u8,
    pub body: Buffer,
}

/// What a router or a connection receives.
#[derive(Debug, Eq, PartialEq)]
pub struct Sent {
    pub to: (i64, i64),
    pub frame: Buffer,
}

/// A reusable buffer for one frame.
///
/// It starts in the last quarter of a page, where a message of 100 bytes still fits in. A copy that
/// crosses two pages is 50 % slower, which must not be left to the allocator.
#[derive(Debug)]
pub struct Buffer {
    bytes: Vec<u8>,
    start: usize,
}

impl Buffer {
    /// Each buffer starts elsewhere in its page. Otherwise they would evict each other from the
    /// cache.
    fn new(place: usize) -> Self {
        let mut bytes = Vec::<u8>::with_capacity(2 * PAGE + LARGEST_FRAME);
        let start = bytes.as_ptr().align_offset(PAGE) + FIRST_PLACE + place * 128;
        bytes.resize(start, 0);
        Self { bytes, start }
    }

    /// The buffer, empty for the next frame.
    pub fn fresh(&mut self) -> &mut Vec<u8> {
        self.bytes.truncate(self.start);
        &mut self.bytes
    }

    pub fn written(&mut self) -> &mut [u8] {
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
/// After the start of any frame: the last of 64 frames with 4 or 16 KiB of content starts 63 × 48
/// bytes into its page.
const FIRST_PLACE: usize = 3200;
const LARGEST_FRAME: usize = 12 + 32 * 1024;
