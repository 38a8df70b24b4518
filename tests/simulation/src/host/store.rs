//! The simulated store: shards that take saves in order and may be late, fail, or store and report
//! a failure.

use std::collections::{HashMap, VecDeque};

use bytes::{Bytes, BytesMut};
use fastrand::Rng;
use kefu_proto::checker::{self, Violation};
use kefu_proto::{Account, Appended, Command, DeviceId, Encode, MsgId, Role, Saves, StoredMessage};

use super::Plant;
use crate::agenda::{Answer, Event};
use crate::promises::MARK;
use crate::sim::{Sim, Verdict};

const SHARDS: usize = 4;

pub(crate) struct Store {
    /// Whether a repeat is answered with the ids of the first copies.
    idempotent: bool,
    /// How often it knows what was the newest before, in a hundred times.
    tells: u32,
    plant: Option<Plant>,
    shards: [Shard; SHARDS],
    queues: HashMap<Account, Queue>,
    marks: HashMap<Mark, Appended>,
    last: i64,
}

#[derive(Default)]
struct Shard {
    saves: VecDeque<Save>,
    /// When the last of them is done.
    busy_until: u64,
}

/// One copy to be stored.
struct Save {
    queue: Account,
    device_id: DeviceId,
    command: Command,
    body: Bytes,
    mark: Mark,
    answer: Answer,
}

/// What identifies a copy.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
struct Mark {
    sender: Account,
    receiver: Account,
    /// The clients mark a message at the head of its content.
    by_client: [u8; MARK],
    role: Role,
}

#[derive(Default)]
struct Queue {
    rows: Vec<StoredMessage>,
    /// How many there have been.
    appended: usize,
    kept: Option<MsgId>,
}

impl Store {
    pub(super) fn new(idempotent: bool, plant: Option<Plant>, rng: &mut Rng) -> Self {
        let first = [0, 31, i64::from(i32::MAX) - 100, i64::MAX - (1 << 40)];
        Self {
            idempotent,
            tells: [0, 80, 100, 100][rng.usize(..4)],
            plant,
            shards: Default::default(),
            queues: HashMap::new(),
            marks: HashMap::new(),
            last: first[rng.usize(..first.len())],
        }
    }

    /// Hands one of the two copies to its shard.
    pub(super) fn submit(&mut self, sim: &mut Sim, saves: &Saves, body: &Bytes, answer: Answer) {
        let request = saves.requests()[answer.copy];
        let mark = Mark {
            sender: request.sender(),
            receiver: request.receiver(),
            by_client: body[36..36 + MARK].try_into().unwrap(),
            role: request.role(),
        };
        let save = Save {
            queue: request.queue(),
            device_id: request.device_id(),
            command: request.message().command(),
            body: body.clone(),
            mark,
            answer,
        };
        // Negative uids are users, too.
        let index = save.queue.uid.0.rem_euclid(i64::try_from(SHARDS).unwrap());
        let index = usize::try_from(index).unwrap();
        let delay = if sim.happens(sim.odds.save_is_slow) { 4_000 } else { 10 };
        let delay = sim.rng.u64(..delay);
        let shard = &mut self.shards[index];
        shard.busy_until = shard.busy_until.max(sim.now() + delay);
        sim.agenda.at(shard.busy_until, Event::Save { shard: index });
        if self.plant == Some(Plant::SavesOvertake) {
            shard.saves.push_front(save);
        } else {
            shard.saves.push_back(save);
        }
    }

    /// A shard comes to its next save.
    pub(super) fn step(&mut self, sim: &mut Sim, shard: usize) -> Verdict {
        // A crash may have taken it.
        let Some(save) = self.shards[shard].saves.pop_front() else { return Ok(()) };
        let mut answer = save.answer;
        if sim.happens(sim.odds.save_fails) {
            sim.tally.failed_saves += 1;
        } else {
            let Appended { msgid, previous } = self.store_once(sim, save)?;
            if sim.happens(sim.odds.save_lies) {
                sim.tally.failed_saves += 1;
            } else {
                answer.msgid = Some(msgid.0);
                let tells = sim.rng.u32(..100) < self.tells;
                answer.previous = previous.filter(|_| tells).map(|previous| previous.0);
            }
        }
        let times = if sim.happens(sim.odds.answered_twice) { 2 } else { 1 };
        for _ in 0..times {
            let delay = sim.rng.u64(..5);
            sim.agenda.after(delay, Event::Answer(answer));
        }
        Ok(())
    }

    fn store_once(&mut self, sim: &mut Sim, save: Save) -> Result<Appended, Violation> {
        let (mark, queue) = (save.mark, save.queue);
        if !self.idempotent {
            return self.append(sim, save);
        }
        if let Some(&first) = self.marks.get(&mark) {
            // S10.4: what the first save was answered.
            let previous = match self.plant {
                Some(Plant::RepeatPrevious) => Some(self.newest_but(queue, first.msgid)),
                _ => first.previous,
            };
            return Ok(Appended { previous, ..first });
        }
        let appended = self.append(sim, save)?;
        if self.plant != Some(Plant::ForgetMarks) {
            self.marks.insert(mark, appended);
        }
        Ok(appended)
    }

    fn append(&mut self, sim: &mut Sim, save: Save) -> Result<Appended, Violation> {
        self.last += sim.rng.i64(1..4);
        let msgid = MsgId(self.last);
        let Save { mut queue, device_id, command, mut body, answer, .. } = save;
        match self.plant {
            Some(Plant::ForgetSenderCopy) if answer.copy == 1 => return Ok(msgid.into()),
            Some(Plant::StoreAtStranger) if answer.copy == 0 => queue.appid.0 ^= 2,
            Some(Plant::ClientTime) => body = [&body[..32], b"time", &body[36..]].concat().into(),
            Some(Plant::ChangeContent) if body.len() > 36 => body = body.slice(..body.len() - 1),
            _ => {}
        }
        let row = StoredMessage { msgid, device_id, command, body };
        sim.observe(checker::Event::Stored { queue, row: &row })?;
        sim.tally.copies += 1;
        sim.digest.add_number(u64::from_ne_bytes(msgid.0.to_ne_bytes()));
        sim.digest.add(&row.body);
        let Queue { rows, appended, .. } = self.queues.entry(queue).or_default();
        *appended += 1;
        let previous = Some(rows.last().map_or(MsgId(0), |row| row.msgid));
        rows.push(row);
        Ok(Appended { msgid, previous })
    }

    /// The store has crashed with its host. Some of the saves in flight are lost; what was stored
    /// stays.
    pub(super) fn crash(&mut self, rng: &mut Rng) {
        for shard in &mut self.shards {
            shard.saves.retain(|_| rng.bool());
        }
    }

    /// At most `limit` rows after a key, oldest first.
    pub(super) fn page(&self, queue: Account, after: MsgId, limit: usize) -> Vec<StoredMessage> {
        let Some(queue) = self.queues.get(&queue) else { return Vec::new() };
        let hidden = usize::from(self.plant == Some(Plant::StaleSync));
        let rows = &queue.rows[..queue.rows.len().saturating_sub(hidden)];
        let start = rows.partition_point(|row| row.msgid <= after);
        rows[start..].iter().take(limit).cloned().collect()
    }

    pub(crate) fn newest(&self, queue: Account) -> MsgId {
        let rows = self.queues.get(&queue).map_or(&[][..], |queue| &queue.rows);
        rows.last().map_or(MsgId(0), |row| row.msgid)
    }

    /// The newest id at present, apart from this one.
    pub(super) fn newest_but(&self, queue: Account, msgid: MsgId) -> MsgId {
        let rows = self.queues.get(&queue).map_or(&[][..], |queue| &queue.rows);
        let others = rows.iter().rev().map(|row| row.msgid);
        others.into_iter().find(|other| *other != msgid).unwrap_or(MsgId(0))
    }

    pub(super) fn kept(&self, queue: Account) -> MsgId {
        self.queues.get(&queue).and_then(|queue| queue.kept).unwrap_or(MsgId(0))
    }

    /// S3
    pub(super) fn keep(&mut self, sim: &Sim, queue: Account, key: MsgId) {
        let Queue { rows, kept, .. } = self.queues.entry(queue).or_default();
        let drops = self.plant == Some(Plant::DropRead) && sim.odds.mischief == 0;
        if drops && rows.len() > 1 && rows[1].msgid <= key {
            rows.remove(0);
        }
        let falls = self.plant == Some(Plant::KeyFalls);
        *kept = if falls { Some(key) } else { Some(key).max(*kept) };
    }

    /// A queue that does not have all that was appended to it.
    pub(crate) fn lacks_rows(&self) -> Option<Account> {
        let lacks = |(_, queue): &(_, &Queue)| queue.rows.len() != queue.appended;
        self.queues.iter().find(lacks).map(|(account, _)| *account)
    }
}

/// What a store keeps of a message (H10), for both copies.
pub(super) fn body_of(saves: &Saves) -> Bytes {
    let message = saves.message();
    let mut body = BytesMut::with_capacity(message.encoded_body_len());
    message.encode_body(&mut body).unwrap();
    body.freeze()
}
