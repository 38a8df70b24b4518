//! The store: it survives whatever happens to the server.

use bytes::Bytes;
use kefu_proto::{Appended, Command, DeviceId, Encode, MsgId, SaveMessage, StoredMessage};

use super::cast::ACCOUNTS;

#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub(crate) struct Store {
    /// In the order of the accounts.
    pub(crate) queues: [Vec<Row>; ACCOUNTS.len()],
    /// The sync keys that the server keeps (S3).
    pub(crate) kept: [Option<MsgId>; ACCOUNTS.len()],
}

/// One copy, as H10 and S2 want it stored.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Row {
    pub(crate) copy: Copy,
    pub(crate) device_id: DeviceId,
    pub(crate) command: Command,
    pub(crate) body: Bytes,
}

/// What the store answers.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Answer {
    pub(crate) msgid: MsgId,
    /// The newest before, if the store tells.
    pub(crate) previous: Option<MsgId>,
}

impl From<Answer> for Appended {
    fn from(Answer { msgid, previous }: Answer) -> Self {
        Self { msgid, previous }
    }
}

/// Which of the two copies of a message.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) enum Copy {
    Receivers,
    Senders,
}

impl Copy {
    pub(crate) const BOTH: [Self; 2] = [Self::Receivers, Self::Senders];

    pub(crate) const fn index(self) -> usize {
        match self {
            Self::Receivers => 0,
            Self::Senders => 1,
        }
    }
}

impl Row {
    pub(crate) fn new(copy: Copy, save: SaveMessage<'_>) -> Self {
        let mut body = Vec::new();
        save.message().encode_body(&mut body).unwrap();
        let (device_id, command) = (save.device_id(), save.message().command());
        Self { copy, device_id, command, body: body.into() }
    }

    /// The number of the post, which is its content: the one byte after the fixed part (W4).
    pub(crate) fn post(&self) -> usize {
        self.body[36].into()
    }
}

impl Store {
    /// Appends; an idempotent store gives the id of the row that it has already. All that tells two
    /// messages apart is in the body here, since the clock stands still and the content is the
    /// mark. With it goes the id before, which no later row changes.
    pub(crate) fn append(&mut self, queue: usize, row: Row, idempotent: bool) -> Answer {
        let rows = &mut self.queues[queue];
        let known = rows.iter().position(|known| idempotent && *known == row);
        let index = known.unwrap_or_else(|| {
            rows.push(row);
            rows.len() - 1
        });
        let msgid = msgid(queue, index);
        Answer { msgid, previous: Some(self.before(queue, msgid)) }
    }

    /// The id of the row before this one, 0 if there is none.
    pub(crate) fn before(&self, queue: usize, msgid: MsgId) -> MsgId {
        let earlier = self.ids_after(queue, MsgId(0)).take_while(|id| *id < msgid);
        earlier.last().unwrap_or(MsgId(0))
    }

    /// The newest id at present, apart from this one.
    pub(crate) fn newest_but(&self, queue: usize, msgid: MsgId) -> MsgId {
        self.ids_after(queue, MsgId(0)).filter(|id| *id != msgid).last().unwrap_or(MsgId(0))
    }

    /// The row of this id, if the queue has one.
    pub(crate) fn row(&self, queue: usize, wanted: MsgId) -> Option<&Row> {
        self.queues[queue]
            .iter()
            .enumerate()
            .find_map(|(index, row)| (msgid(queue, index) == wanted).then_some(row))
    }

    /// The ids of the rows after one.
    pub(crate) fn ids_after(&self, queue: usize, after: MsgId) -> impl Iterator<Item = MsgId> {
        let rows = 0..self.queues[queue].len();
        rows.map(move |index| msgid(queue, index)).filter(move |msgid| *msgid > after)
    }

    pub(crate) fn read(&self, queue: usize, msgid: MsgId) -> StoredMessage {
        let row = self.row(queue, msgid).unwrap().clone();
        let Row { device_id, command, body, .. } = row;
        StoredMessage { msgid, device_id, command, body }
    }
}

/// Ids grow within a queue, and no two queues share one, so that mistaking one queue's id for
/// another's is noticed.
fn msgid(queue: usize, index: usize) -> MsgId {
    MsgId(i64::try_from(16 * queue + index + 1).unwrap())
}
