//! Queues in memory, and faults to put into them.

use std::collections::HashMap;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use kefu_proto::StoredMessage;
use kefu_proto::{
    Account, AuthToken, DeviceId, Encode, MsgId, Platform, SaveMessage, Saved, Saves,
};

/// The number of the message, over all customers, that a fault happens to.
const FAULTY: u64 = 50;
/// How long a server that pauses does nothing.
pub(crate) const PAUSE: Duration = Duration::from_secs(1);

/// What is wrong with the server.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Fault {
    #[default]
    None,
    LosesReceiversCopy,
    LosesSendersCopy,
    Doubles,
    Reorders,
    Alters,
    KeepsTransient,
    /// Neither stores nor ACKs the message, as if it were refused.
    NeverAcks,
    RefusesLogins,
    /// Closes the connection in the middle of a sync, once.
    BreaksOffSync,
    /// One server does nothing for a time, once.
    Pauses,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Behaviour {
    pub(crate) fault: Fault,
    /// Whether repeats under the same uuid are stored once.
    pub(crate) is_idempotent: bool,
    /// Closes each connection after this many stored messages, without writing the ACKs that are due.
    pub(crate) hangs_up_every: Option<u64>,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self { fault: Fault::None, is_idempotent: true, hangs_up_every: None }
    }
}

#[derive(Default)]
pub(crate) struct Store {
    pub(crate) kept: HashMap<Account, MsgId>,
    queues: HashMap<Account, Vec<StoredMessage>>,
    known: HashMap<(Account, Bytes), Saved>,
    devices: HashMap<(Bytes, Platform), DeviceId>,
    last: i64,
    pub(crate) stored: u64,
    pub(crate) has_broken_off: bool,
    has_paused: bool,
}

impl Store {
    /// Stores both copies. `None` if the message gets no ACK.
    pub(crate) fn save(&mut self, saves: &Saves, behaviour: Behaviour) -> Option<Saved> {
        let [receiver, sender] = saves.requests();
        let key = (sender.queue, uuid(&sender.message.body.content).unwrap_or_default());
        let may_be_known = behaviour.is_idempotent && !key.1.is_empty();
        if let Some(saved) = self.known.get(&key).filter(|_| may_be_known) {
            return Some(*saved);
        }
        self.stored += 1;
        let fault = if self.stored == FAULTY { behaviour.fault } else { Fault::None };
        let body = body(&receiver);
        let saved = match fault {
            Fault::NeverAcks => return None,
            Fault::LosesReceiversCopy => {
                Saved { receiver: MsgId(self.last), sender: self.append(&sender, body) }
            }
            Fault::LosesSendersCopy => {
                Saved { receiver: self.append(&receiver, body), sender: MsgId(self.last) }
            }
            Fault::Alters => {
                let altered = [&body[..body.len() - 1], b"!"].concat().into();
                Saved {
                    receiver: self.append(&receiver, altered),
                    sender: self.append(&sender, body),
                }
            }
            fault => {
                if fault == Fault::Doubles {
                    self.append(&receiver, body.clone());
                }
                Saved {
                    receiver: self.append(&receiver, body.clone()),
                    sender: self.append(&sender, body),
                }
            }
        };
        if fault == Fault::Reorders {
            self.swap_newest(sender.queue);
        }
        self.known.insert(key, saved);
        Some(saved)
    }

    pub(crate) fn append(&mut self, save: &SaveMessage<'_>, body: Bytes) -> MsgId {
        self.last += 1;
        let msgid = MsgId(self.last);
        let command = save.message.command();
        let row = StoredMessage { msgid, device_id: save.device_id, command, body };
        self.queues.entry(save.queue).or_default().push(row);
        msgid
    }

    pub(crate) fn rows(&self, queue: Account, after: MsgId) -> &[StoredMessage] {
        let rows = self.queues.get(&queue).map_or(&[][..], |rows| &rows[..]);
        &rows[rows.partition_point(|row| row.msgid <= after)..]
    }

    fn swap_newest(&mut self, queue: Account) {
        let rows = self.queues.entry(queue).or_default();
        if let [.., before, last] = &mut rows[..] {
            std::mem::swap(&mut before.body, &mut last.body);
        }
    }

    /// Whether to pause now; true once.
    pub(crate) fn is_first_pause(&mut self) -> bool {
        let is_time = self.stored >= FAULTY && !self.has_paused;
        self.has_paused |= is_time;
        is_time
    }

    pub(crate) fn device_id(&mut self, auth: &AuthToken) -> DeviceId {
        let next = i64::try_from(self.devices.len() + 1).map_or(DeviceId(0), DeviceId);
        auth.device().map_or(DeviceId(0), |(name, platform)| {
            *self.devices.entry((Bytes::copy_from_slice(name), platform)).or_insert(next)
        })
    }
}

pub(crate) fn body(save: &SaveMessage<'_>) -> Bytes {
    let mut body = BytesMut::with_capacity(save.message.encoded_body_len());
    save.message.encode_body(&mut body).unwrap();
    body.freeze()
}

fn uuid(content: &Bytes) -> Option<Bytes> {
    const KEY: &[u8] = br#""uuid":""#;
    let start = content.windows(KEY.len()).position(|window| window == KEY)? + KEY.len();
    let end = content[start..].iter().position(|&byte| byte == b'"')? + start;
    Some(Bytes::copy_from_slice(&content[start..end]))
}
