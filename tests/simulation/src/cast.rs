//! Who plays in a world: accounts with difficult numbers, their devices, and what they have to say.

use bytes::Bytes;
use fastrand::Rng;
use kefu_proto::{Account, AppId, UserId};

use crate::wire::{CUSTOMER, Head, MAX_CONTENT};

/// An account: app and user.
pub(crate) type User = (i64, i64);

pub(crate) fn account((appid, uid): User) -> Account {
    Account::new(AppId(appid), UserId(uid))
}

const APPS: [i64; 8] = [1453, 7, -1, i64::MIN, i64::MAX, 1, 0x1800_0000_0000_0000, -1453];
/// The first users of every app; further ones count up from there. They are equal in all apps.
const UIDS: [i64; 8] = [1, -1, i64::MIN, i64::MAX, 2, i64::MIN + 1, 1453, -7];

pub(crate) struct Cast {
    pub(crate) kefu_app: i64,
    pub(crate) people: Vec<Person>,
    pub(crate) customers: Vec<User>,
    pub(crate) sellers: Vec<User>,
    pub(crate) texts: Texts,
}

/// How large worlds may be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Size {
    Small,
    Any,
}

impl Size {
    /// How many customers and how many sellers.
    fn pick(self, rng: &mut Rng) -> (usize, usize) {
        match (self, rng.u8(..40)) {
            (_, 0..16) => (4, 2),
            (Self::Small, _) => (12, 3),
            (Self::Any, 16..34) => (60, 6),
            (Self::Any, 34..39) => (300, 20),
            (Self::Any, _) => (2_000, 60),
        }
    }
}

pub(crate) struct Person {
    pub(crate) user: User,
    pub(crate) token: Vec<u8>,
    pub(crate) devices: Vec<Device>,
}

/// S1: a device is a name and a platform.
#[derive(Clone, Debug)]
pub(crate) struct Device {
    pub(crate) platform: u8,
    pub(crate) name: Vec<u8>,
}

impl Device {
    pub(crate) const WEB: u8 = 3;
}

impl Cast {
    pub(crate) fn new(rng: &mut Rng, size: Size) -> Self {
        let mut apps = APPS;
        rng.shuffle(&mut apps);
        let [kefu_app, tenants @ ..] = apps;
        let (customers, sellers) = size.pick(rng);
        let customers: Vec<User> =
            (0..customers).map(|index| (tenants[index % 3], uid(index / 3))).collect();
        let sellers: Vec<User> = (0..sellers).map(|index| (kefu_app, uid(index))).collect();
        let people = customers.iter().chain(&sellers).map(|&user| person(user, rng)).collect();
        Self { kefu_app, people, customers, sellers, texts: Texts::new(rng) }
    }
}

fn uid(index: usize) -> i64 {
    UIDS.get(index).copied().unwrap_or_else(|| i64::try_from(index).unwrap() * 1_000)
}

/// Devices have few names, so that strangers' devices share theirs.
fn person(user: User, rng: &mut Rng) -> Person {
    let devices = (0..[1, 1, 1, 2, 3][rng.usize(..5)])
        .map(|_| Device {
            platform: rng.u8(1..=3),
            name: [&b""[..], b"d", b"phone", &[0xff, 0, 0x80]][rng.usize(..4)].to_vec(),
        })
        .collect();
    let token = format!("tok-{}-{}", user.0, user.1).into_bytes();
    Person { user, token, devices }
}

/// Contents of messages, cut out of one block.
pub(crate) struct Texts {
    block: Bytes,
}

impl Texts {
    /// Noise that is hardly ever UTF-8, with frames and JSON strewn in.
    fn new(rng: &mut Rng) -> Self {
        let mut block = Vec::with_capacity(2 * MAX_CONTENT);
        while block.len() < MAX_CONTENT {
            match rng.u8(..4) {
                0 => {
                    let head = Head { seq: 1, command: CUSTOMER, version: 1, flags: 0, last: 0 };
                    head.write(&[&[0; 36], b"{}"], &mut block);
                }
                1 => block.extend_from_slice("{\"uuid\":\"1\",\"text\":\"你好\"}".as_bytes()),
                2 => block.extend_from_slice(&[[0, 0xff, b'a'][rng.usize(..3)]; 40]),
                _ => block.extend((0..rng.u8(..)).map(|_| rng.u8(..))),
            }
        }
        Self { block: Bytes::from(block) }
    }

    pub(crate) fn pick(&self, rng: &mut Rng) -> Bytes {
        let length = match rng.u16(..4_000) {
            0 => MAX_CONTENT,
            1..10 => rng.usize(..MAX_CONTENT),
            10..200 => 0,
            _ => rng.usize(1..160),
        };
        let start = rng.usize(..=MAX_CONTENT - length);
        self.block.slice(start..start + length)
    }
}
