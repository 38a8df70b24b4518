//! What a busy server stores: 200 customers write to 10 sellers, contents of 100 bytes with a
//! uuid.

use std::collections::HashMap;
use std::time::{SystemTime, UNIX_EPOCH};

pub(crate) const CUSTOMERS: u64 = 200;
pub(crate) const SELLERS: u64 = 10;
const CONTENT: usize = 100;

pub(crate) type Account = (i64, i64);

pub(crate) struct Message {
    pub(crate) receiver: Account,
    pub(crate) sender: Account,
    pub(crate) uuid: [u8; 16],
    pub(crate) content: String,
}

impl Message {
    /// W4.
    pub(crate) fn body(&self) -> Vec<u8> {
        let mut body = Vec::with_capacity(36 + CONTENT);
        for number in [self.sender.0, self.sender.1, 1, self.receiver.1] {
            body.extend(number.to_be_bytes());
        }
        body.extend(TIMESTAMP.to_be_bytes());
        body.extend(self.content.as_bytes());
        body
    }

    /// What the store calls a mark.
    pub(crate) fn mark(&self) -> i64 {
        let [high, low] = self.halves();
        (high ^ low).cast_signed()
    }

    fn halves(&self) -> [u64; 2] {
        let number = u128::from_be_bytes(self.uuid);
        [number >> 64, number].map(|half| u64::try_from(half & u128::from(u64::MAX)).unwrap())
    }
}

pub(crate) const TIMESTAMP: i32 = 1_500_000_000;

/// Xorshift: every engine gets the same messages.
pub(crate) struct Workload {
    state: u64,
    customers: u64,
}

impl Workload {
    pub(crate) fn new() -> Self {
        Self::of(CUSTOMERS)
    }

    /// The same with so many customers.
    pub(crate) fn of(customers: u64) -> Self {
        Self { state: 88_172_645_463_325_252, customers }
    }

    /// From now on the messages are others than in every other run.
    pub(crate) fn reseed(&mut self) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        self.state ^= u64::try_from(now.as_nanos()).unwrap();
    }

    pub(crate) fn groups(&mut self, count: usize, size: usize) -> Vec<Vec<Message>> {
        (0..count).map(|_| (0..size).map(|_| self.message()).collect()).collect()
    }

    pub(crate) fn random(&mut self) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A message of any of the customers.
    pub(crate) fn message(&mut self) -> Message {
        let customer = (self.random() >> 32) % self.customers;
        self.message_of(customer)
    }

    pub(crate) fn message_of(&mut self, customer: u64) -> Message {
        let uuid = (u128::from(self.random()) << 64 | u128::from(self.random())).to_be_bytes();
        let number = u128::from_be_bytes(uuid);
        let group = |from: u32, digits: u32| (number >> (4 * from)) & ((1 << (4 * digits)) - 1);
        let (first, second, third) = (group(24, 8), group(20, 4), group(16, 4));
        let (fourth, last) = (group(12, 4), group(0, 12));
        let mut content = format!(
            r#"{{"uuid":"{first:08x}-{second:04x}-{third:04x}-{fourth:04x}-{last:012x}","text":""#
        );
        while content.len() < CONTENT - 2 {
            content.push('x');
        }
        content.push_str("\"}");
        Message {
            receiver: seller(customer % SELLERS),
            sender: self::customer(customer),
            uuid,
            content,
        }
    }
}

pub(crate) fn customer(index: u64) -> Account {
    (7, 1_000 + index.cast_signed())
}

pub(crate) fn seller(index: u64) -> Account {
    (1453, 1 + index.cast_signed())
}

/// Where an engine looks whether a message is a repeat.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Repeats {
    /// In memory, by sender; on disk a mark lies in the row of the sender's copy. So did the store
    /// before it had its index of sorted runs.
    Marks,
    /// In an index on disk by sender and uuid.
    Index,
}

/// The marks of all senders.
#[derive(Default)]
pub(crate) struct Marks(HashMap<Account, HashMap<i64, i64>>);

impl Marks {
    /// Whether the message is new; from now on it is not.
    pub(crate) fn insert(&mut self, message: &Message, n: i64) -> bool {
        self.0.entry(message.sender).or_default().insert(message.mark(), n).is_none()
    }
}

/// Something that stores groups durably and reads queues.
pub(crate) trait Engine {
    type Reader: Reader;

    /// Stores the messages `first`, `first + 1`, … and returns when the disk has them.
    fn commit(&mut self, group: &[Message], first: i64);

    fn reader(&self) -> Self::Reader;

    /// Whatever the engine does in its own time, now.
    fn settle(&mut self) {}
}

pub(crate) trait Reader: Send + 'static {
    /// Appends the msgids and the bodies' lengths of at most `limit` rows.
    fn page(&mut self, queue: Account, after: i64, limit: usize, rows: &mut Vec<(i64, usize)>);
}

/// Keys whose order is that of the queue.
pub(crate) fn queue_key(queue: Account, msgid: i64) -> [u8; 24] {
    let mut key = [0; 24];
    for (part, number) in key.chunks_exact_mut(8).zip([queue.0, queue.1, msgid]) {
        part.copy_from_slice(&number.to_be_bytes());
    }
    key
}

pub(crate) fn uuid_key(message: &Message) -> [u8; 32] {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&message.sender.0.to_be_bytes());
    key[8..16].copy_from_slice(&message.sender.1.to_be_bytes());
    key[16..].copy_from_slice(&message.uuid);
    key
}
