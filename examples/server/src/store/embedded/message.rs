//! Inserting messages: the hot path.

use kefu_proto::{Account, Appended, Copies, Encode, MsgId, Saves};
use rusqlite::{CachedStatement, Connection, OptionalExtension, Result};

use crate::store::embedded::index::{Posting, Reader, Term};
use crate::store::embedded::indexer::Indexer;
use crate::store::embedded::mark::Mark;
use crate::store::embedded::newest::Newest;
use crate::store::embedded::options::Options;
use crate::store::embedded::parties::{Parties, message_of, receivers, senders};
use crate::store::embedded::postings::Postings;
use crate::store::embedded::row::{bind_message, indexed_columns, message_columns, read_indexed};
use crate::store::embedded::tail::Tail;
use crate::uuid;

/// Numbers messages and finds repeats. One counter serves all queues, so ids grow in each.
#[derive(Debug)]
pub(super) struct Messages {
    last: i64,
    last_committed: i64,
    newest: Newest,
    /// The messages of the open transaction.
    group: Postings,
}

impl Messages {
    /// Continues after message `last`, and after the msgid `options.after`.
    pub(super) fn new(last: i64, options: &Options) -> Self {
        // Message `n` has the ids `2n - 1` and `2n`.
        let last = last.max(message_of(options.after));
        let newest = Newest::new(options.queues);
        Self { last, last_committed: last, newest, group: Postings::default() }
    }

    /// The transaction is committed. Returns its messages, which are to be taken.
    pub(super) fn commit(&mut self) -> &mut Postings {
        self.last_committed = self.last;
        &mut self.group
    }

    /// The transaction is rolled back.
    pub(super) fn roll_back(&mut self) {
        self.last = self.last_committed;
        self.group.clear();
        self.newest.clear();
    }

    pub(super) fn inserts<'s>(
        &'s mut self,
        db: &'s Connection,
        indexer: &'s Indexer,
    ) -> Result<Inserts<'s>> {
        let insert = db.prepare_cached(concat!(
            "INSERT INTO message (n, device_id, ",
            message_columns!(),
            ", seller_appid) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        ))?;
        let (tail, index) = (indexer.tail(), indexer.reader(db));
        Ok(Inserts { messages: self, db, tail, index, removed: indexer.removed(), insert })
    }
}

/// The statements of one transaction.
pub(super) struct Inserts<'s> {
    messages: &'s mut Messages,
    db: &'s Connection,
    tail: &'s Tail,
    index: Reader<'s>,
    /// The messages up to this one have been removed.
    removed: i64,
    insert: CachedStatement<'s>,
}

impl Inserts<'_> {
    /// Returns what is known of both copies, and whether the message was stored already.
    pub(super) fn store(&mut self, saves: &Saves, mark: Option<Mark>) -> Result<(Copies, bool)> {
        let parties = Parties::of(saves);
        if let Some(mark) = mark
            && let Some(first) = self.first(saves, parties, mark)?
        {
            return Ok((self.repeated(parties, first)?, true));
        }
        let n = self.messages.last.saturating_add(1);
        let [to_receiver, _] = saves.requests();
        self.insert.raw_bind_parameter(1, n)?;
        self.insert.raw_bind_parameter(2, to_receiver.device_id().0)?;
        bind_message(&mut self.insert, 3, saves.message())?;
        let seller_appid = parties.seller_appid(saves.message().command());
        self.insert.raw_bind_parameter(10, seller_appid)?;
        self.insert.raw_execute()?;
        self.messages.last = n;
        // In this order: both may be in one queue.
        let receiver = self.appended(parties.receiver, receivers(n))?;
        let sender = self.appended(parties.sender, senders(n))?;
        if let Some(mark) = mark {
            self.messages.group.add(Posting { term: Term::Mark(mark), msgid: senders(n) });
        }
        self.messages.group.end_message(n);
        Ok((Copies { receiver, sender }, false))
    }

    /// The answer for a copy that has just been inserted.
    fn appended(&mut self, queue: Account, msgid: MsgId) -> Result<Appended> {
        let previous = match self.messages.newest.replace(queue, msgid) {
            Some(previous) => Some(previous),
            None => self.before(queue, msgid)?,
        };
        self.messages.group.add(Posting { term: Term::Queue(queue), msgid });
        Ok(Appended { msgid, previous })
    }

    /// The answer for a repeat of message `n`. What was before its copies then still is.
    fn repeated(&self, parties: Parties, n: i64) -> Result<Copies> {
        let answer = |queue, msgid| {
            let previous = self.before(queue, msgid);
            previous.map(|previous| Appended { msgid, previous })
        };
        Ok(Copies {
            receiver: answer(parties.receiver, receivers(n))?,
            sender: answer(parties.sender, senders(n))?,
        })
    }

    /// The msgid in a queue right before `msgid`; 0 if there is none. `None` if there may have been
    /// one that has been removed.
    fn before(&self, queue: Account, msgid: MsgId) -> Result<Option<MsgId>> {
        let term = Term::Queue(queue);
        let in_memory = self.messages.group.before(term, msgid);
        if let Some(before) = in_memory.or_else(|| self.tail.before(term, msgid)) {
            return Ok(Some(before));
        }
        let none = (self.removed == 0).then_some(MsgId(0));
        Ok(self.index.before(term, msgid)?.or(none))
    }

    /// The message that this one repeats, whatever its command (S10). Of two messages that share a
    /// mark only the first is recognised: the other is stored again, as if it had no uuid.
    fn first(&self, saves: &Saves, parties: Parties, mark: Mark) -> Result<Option<i64>> {
        let Some(first) = self.marked(mark)? else { return Ok(None) };
        let mut select = self.db.prepare_cached(concat!(
            "SELECT ",
            indexed_columns!(),
            " FROM message WHERE n = ?1"
        ))?;
        let same = select
            .query_one([first], |row| {
                let stored = read_indexed(row, 0)?;
                Ok(stored.is_some_and(|(stored, content)| {
                    stored == parties
                        && uuid::find(content) == uuid::find(saves.message().content())
                }))
            })
            .optional()?;
        Ok(same.unwrap_or(false).then_some(first))
    }

    /// The first message with a mark.
    fn marked(&self, mark: Mark) -> Result<Option<i64>> {
        let (term, removed) = (Term::Mark(mark), senders(self.removed));
        let on_disk = self.index.after(term, removed, 1)?;
        let in_tail = || self.tail.after(term, removed, 1).first().copied();
        let in_group = || self.messages.group.after(term, removed).first().copied();
        let first = on_disk.first().copied().or_else(in_tail).or_else(in_group);
        Ok(first.map(message_of))
    }
}
