//! Queues in memory, and faults to put into them.

use std::collections::HashMap;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use kefu_proto::{
    Account, Appended, AuthToken, ChatMessage, Command, Copies, DeviceId, Encode, MsgId, Platform,
    Saves, StoredMessage, SyncBounds,
};

/// The number of the message, over all customers, that a fault happens to.
const FAULTY: u64 = 50;
/// For a fault that needs clients to be up to date.
const FAULTY_LATER: u64 = 500;
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
    /// ACKs transient messages and delivers none.
    LosesTransient,
    /// Neither stores nor ACKs the message, as if it were refused.
    NeverAcks,
    RefusesLogins,
    /// Closes the connection in the middle of a sync, once.
    BreaksOffSync,
    /// One server does nothing for a time, once.
    Pauses,
    /// Delivers the message to nobody, and the next live copy in that queue hides it.
    SkipsLiveCopy,
    /// Stores the message with another receiver in it.
    NamesOtherReceiver,
    /// Refuses the message with a status.
    RefusesByStatus,
    /// Takes equal contents without a uuid for repeats.
    MergesUnmarked,
    /// ACKs messages that the rules refuse.
    AcksRefused,
    /// Stores messages that the rules refuse, without an ACK.
    StoresRefused,
    /// Answers before anybody has logged in.
    AnswersEarly,
    /// Takes any token for that of customer 1.
    LogsInAnybody,
    /// Answers behind a frame that must end the connection.
    AnswersBroken,
    /// Keeps connections open behind a frame that must end them.
    NeverCloses,
    /// Keeps connections open whose clients have left.
    KeepsDeparted,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Behaviour {
    pub(crate) fault: Fault,
    /// Whether repeats under the same uuid are stored once.
    pub(crate) is_idempotent: bool,
    /// Closes each connection after this many stored messages, without writing the ACKs that are
    /// due.
    pub(crate) hangs_up_every: Option<u64>,
    /// How much one SYNC is answered.
    pub(crate) bounds: SyncBounds,
}

impl Default for Behaviour {
    fn default() -> Self {
        let bounds = SyncBounds::default();
        Self { fault: Fault::None, is_idempotent: true, hangs_up_every: None, bounds }
    }
}

#[derive(Default)]
pub(crate) struct Store {
    pub(crate) kept: HashMap<Account, MsgId>,
    queues: HashMap<Account, Vec<StoredMessage>>,
    known: HashMap<(Account, Bytes), Copies>,
    devices: HashMap<(Bytes, Platform), DeviceId>,
    last: i64,
    pub(crate) stored: u64,
    pub(crate) has_broken_off: bool,
    /// The copy that [`Fault::SkipsLiveCopy`] happens to.
    pub(crate) skipped: Option<Appended>,
    has_paused: bool,
    has_refused: bool,
}

impl Store {
    /// Stores both copies. `None` if the message gets no ACK.
    pub(crate) fn save(&mut self, saves: &Saves, behaviour: Behaviour) -> Option<Copies> {
        let content = saves.message().content();
        let content_as_mark = (behaviour.fault == Fault::MergesUnmarked).then(|| content.clone());
        let mark = uuid(content).or(content_as_mark).unwrap_or_default();
        let key = (saves.sender(), mark);
        let may_be_known = behaviour.is_idempotent && !key.1.is_empty();
        if let Some(copies) = self.known.get(&key).filter(|_| may_be_known) {
            return Some(*copies);
        }
        self.stored += 1;
        let is_late = behaviour.fault == Fault::SkipsLiveCopy;
        let faulty = if is_late { FAULTY_LATER } else { FAULTY };
        let fault = if self.stored == faulty { behaviour.fault } else { Fault::None };
        if fault == Fault::NeverAcks {
            return None;
        }
        let copies = self.append_both(saves, fault);
        self.known.insert(key, copies);
        Some(copies)
    }

    fn append_both(&mut self, saves: &Saves, fault: Fault) -> Copies {
        let [receiver, sender] = saves.requests().map(|save| NewRow {
            device_id: save.device_id(),
            ..NewRow::of(save.queue(), save.message())
        });
        let lost = Appended::from(MsgId(self.last));
        let mut receiver = match fault {
            Fault::LosesReceiversCopy => lost,
            Fault::Doubles => {
                self.append(&receiver);
                self.append(&receiver)
            }
            Fault::Alters => self.append(&receiver.altered()),
            Fault::NamesOtherReceiver => self.append(&receiver.for_another()),
            _ => self.append(&receiver),
        };
        if fault == Fault::SkipsLiveCopy {
            self.skipped = Some(receiver);
        }
        if let Some(skipped) = self.skipped.filter(|it| receiver.previous == Some(it.msgid)) {
            receiver.previous = skipped.previous;
        }
        let own = if fault == Fault::LosesSendersCopy { lost } else { self.append(&sender) };
        if fault == Fault::Reorders {
            self.swap_newest(sender.queue);
        }
        Copies { receiver, sender: own }
    }

    pub(crate) fn append(&mut self, row: &NewRow) -> Appended {
        self.last += 1;
        let msgid = MsgId(self.last);
        let NewRow { queue, device_id, command, body } = row.clone();
        let row = StoredMessage { msgid, device_id, command, body };
        let rows = self.queues.entry(queue).or_default();
        let previous = rows.last().map_or(MsgId(0), |row| row.msgid);
        rows.push(row);
        Appended { msgid, previous: Some(previous) }
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

    /// Whether to refuse now; true once.
    pub(crate) fn is_first_refusal(&mut self) -> bool {
        let is_time = self.stored >= FAULTY && !self.has_refused;
        self.has_refused |= is_time;
        is_time
    }

    pub(crate) fn device_id(&mut self, auth: &AuthToken) -> DeviceId {
        let next = i64::try_from(self.devices.len() + 1).map_or(DeviceId(0), DeviceId);
        auth.device().map_or(DeviceId(0), |(name, platform)| {
            *self.devices.entry((Bytes::copy_from_slice(name), platform)).or_insert(next)
        })
    }
}

/// A message to be appended to a queue.
#[derive(Clone)]
pub(crate) struct NewRow {
    queue: Account,
    device_id: DeviceId,
    command: Command,
    body: Bytes,
}

impl NewRow {
    /// A row that no device has sent.
    pub(crate) fn of(queue: Account, message: &ChatMessage) -> Self {
        let mut body = BytesMut::with_capacity(message.encoded_body_len());
        message.encode_body(&mut body).unwrap();
        let command = message.command();
        Self { queue, device_id: DeviceId(0), command, body: body.freeze() }
    }

    fn altered(self) -> Self {
        let kept = &self.body[..self.body.len() - 1];
        Self { body: [kept, b"!"].concat().into(), ..self }
    }

    /// In the body of each version the receiver's uid, or the seller's, is the fourth number.
    fn for_another(self) -> Self {
        let mut body = self.body.to_vec();
        body[31] ^= 1;
        Self { body: body.into(), ..self }
    }
}

fn uuid(content: &Bytes) -> Option<Bytes> {
    const KEY: &[u8] = br#""uuid":""#;
    let start = content.windows(KEY.len()).position(|window| window == KEY)? + KEY.len();
    let end = content[start..].iter().position(|&byte| byte == b'"')? + start;
    Some(Bytes::copy_from_slice(&content[start..end]))
}
