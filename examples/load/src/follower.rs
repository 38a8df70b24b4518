//! How a client of version 2 follows its queue: by live copies, and by SYNC where one does not
//! continue what it has.

use kefu_proto::{Body, Flags, Message, Metadata, MsgId};
use serde::Serialize;

use crate::arrivals::Arrivals;
use crate::content::Mark;
use crate::pairs::Pairs;
use crate::plan::Plan;

/// What live copies have brought to clients of version 2.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Live {
    /// Live copies that sellers received.
    pub copies: u64,
    /// Those that continue the live copy before: nothing came into the queue in between.
    pub continued: u64,
    /// Those that sellers did not take, since they do not continue what the seller had.
    pub dropped: u64,
    /// How often sellers asked for what they missed.
    pub syncs: u64,
    /// METADATA without the message that belongs to it, or live copies without METADATA.
    pub incomplete_pairs: u64,
}

impl Live {
    pub(crate) const fn add(&mut self, other: &Self) {
        self.copies += other.copies;
        self.continued += other.continued;
        self.dropped += other.dropped;
        self.syncs += other.syncs;
        self.incomplete_pairs += other.incomplete_pairs;
    }
}

/// One client and its queue.
#[derive(Debug)]
pub(crate) struct Follower {
    /// Up to here the client has everything.
    key: MsgId,
    /// The key of the last live copy.
    before: MsgId,
    /// The greatest key of a SYNC_NOTIFY.
    notified: MsgId,
    /// Whether to ask even if nothing was notified.
    asks_anyway: bool,
    /// While a SYNC is answered: its messages so far. They count once the answer is complete.
    answer: Option<Vec<Mark>>,
    pairs: Pairs,
    live: Live,
    arrivals: Arrivals,
}

impl Follower {
    /// A client that has everything up to this key.
    pub(crate) fn new(key: MsgId) -> Self {
        Self {
            key,
            before: key,
            notified: key,
            asks_anyway: false,
            answer: None,
            pairs: Pairs::default(),
            live: Live::default(),
            arrivals: Arrivals::default(),
        }
    }

    /// The next message that the server sent.
    pub(crate) fn take(&mut self, plan: &Plan, message: Message) {
        let flags = message.flags;
        let Some((Message { body, .. }, metadata)) = self.pairs.join(message) else { return };
        match (body, metadata) {
            (Body::SyncNotify(key), _) => self.notified = self.notified.max(key),
            (Body::SyncEnd(end), _) => self.end_sync(end),
            (chat @ Body::CustomerV2(_), Some(metadata)) => {
                self.take_copy(metadata, || plan.mark(&chat));
            }
            (body, _) if !flags.contains(Flags::UNPERSISTENT) => {
                if let Some(answer) = &mut self.answer {
                    answer.extend(plan.mark(&body));
                }
            }
            _ => {}
        }
    }

    /// Takes the copy if it continues what is there, and drops it otherwise: real clients do so,
    /// and the SYNC_NOTIFY behind it leads to a SYNC (D3).
    fn take_copy(&mut self, metadata: Metadata, mark: impl FnOnce() -> Option<Mark>) {
        let Metadata { sync_key, prev_sync_key } = metadata;
        self.live.copies += 1;
        self.live.continued += u64::from(prev_sync_key == self.before);
        self.before = sync_key;
        let has_keys = sync_key != MsgId(0) && prev_sync_key != MsgId(0);
        if self.is_syncing() || !has_keys || prev_sync_key != self.key {
            self.live.dropped += 1;
            return;
        }
        self.key = sync_key;
        if let Some(mark) = mark() {
            self.arrivals.add(mark);
        }
    }

    fn end_sync(&mut self, end: MsgId) {
        for mark in self.answer.take().into_iter().flatten() {
            self.arrivals.add(mark);
        }
        if end <= self.key {
            // There is no more, whatever was notified.
            self.notified = end;
        }
        self.key = end;
    }

    /// The key of the SYNC that the client is to send now, if any.
    pub(crate) fn next_sync(&mut self) -> Option<MsgId> {
        let has_missed = self.notified > self.key;
        if self.is_syncing() || !(has_missed || self.asks_anyway) {
            return None;
        }
        self.live.syncs += u64::from(has_missed);
        self.asks_anyway = false;
        self.answer = Some(Vec::new());
        Some(self.key)
    }

    pub(crate) const fn is_syncing(&self) -> bool {
        self.answer.is_some()
    }

    /// Asks for what is there beyond the key, as a client that comes back does.
    pub(crate) const fn catch_up(&mut self) {
        self.asks_anyway = true;
    }

    /// A new connection begins. What the last one left incomplete is forgotten.
    pub(crate) fn reconnect(&mut self) {
        self.pairs.restart();
        self.answer = None;
        self.before = self.key;
        self.catch_up();
    }

    pub(crate) const fn live(&self) -> Live {
        Live { incomplete_pairs: self.pairs.incomplete(), ..self.live }
    }

    pub(crate) const fn arrivals(&self) -> &Arrivals {
        &self.arrivals
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use kefu_proto::{CustomerMessageV2, Seq, UnixTime, Version};

    use super::*;
    use crate::args::Args;
    use crate::content::Form;
    use crate::plan::Role;

    /// A client of seller 1, at this key, to whom customer 1 writes.
    struct Client {
        plan: Plan,
        follower: Follower,
        seq: i32,
    }

    impl Client {
        fn at(key: i64) -> Self {
            let plan = Plan::new(&Args::from_options(["--dialect", "v2"]).unwrap()).unwrap();
            Self { plan, follower: Follower::new(MsgId(key)), seq: 0 }
        }

        fn receive(&mut self, flags: Flags, body: Body) {
            self.seq += 1;
            let message = Message { seq: Seq(self.seq), version: Version::V2, flags, body };
            self.follower.take(&self.plan, message);
        }

        fn message(&mut self, flags: Flags, number: u32) {
            let sender = self.plan.account(Role::Customer, 1);
            let receiver = self.plan.account(Role::Seller, 1);
            let content = self.plan.format.template(1, Form::Marked).numbered(number).to_vec();
            let (timestamp, content) = (UnixTime::from(0), Bytes::from(content));
            let chat = CustomerMessageV2 { sender, receiver, timestamp, content };
            self.receive(flags, Body::CustomerV2(chat));
        }

        /// A live copy and its SYNC_NOTIFY. The number of the message is its key.
        fn copy(&mut self, number: u32, prev: i64) {
            let (sync_key, prev_sync_key) = (MsgId(number.into()), MsgId(prev));
            self.receive(Flags::NONE, Body::Metadata(Metadata { sync_key, prev_sync_key }));
            self.message(Flags::PUSH, number);
            self.receive(Flags::NONE, Body::SyncNotify(sync_key));
        }

        fn answer(&mut self, rows: &[u32], end: i64) {
            for &row in rows {
                self.message(Flags::NONE, row);
            }
            self.receive(Flags::NONE, Body::SyncEnd(MsgId(end)));
        }

        fn syncs_from(&mut self) -> Option<i64> {
            self.follower.next_sync().map(|key| key.0)
        }

        fn has(&self) -> Vec<u32> {
            self.follower.arrivals().iter().map(|mark| mark.number).collect()
        }

        fn counts(&self) -> [u64; 4] {
            let Live { copies, continued, dropped, syncs, .. } = self.follower.live();
            [copies, continued, dropped, syncs]
        }
    }

    #[test]
    fn copies_that_continue_need_no_sync() {
        let mut client = Client::at(4);
        client.copy(5, 4);
        client.copy(8, 5);
        assert_eq!(client.syncs_from(), None);
        assert_eq!(client.has(), [5, 8]);
        assert_eq!(client.counts(), [2, 2, 0, 0]);
    }

    #[test]
    fn a_copy_that_does_not_continue_is_dropped_and_leads_to_a_sync() {
        let mut client = Client::at(4);
        client.copy(6, 5);
        assert_eq!(client.syncs_from(), Some(4));
        assert_eq!(client.syncs_from(), None, "one at a time");
        // It continues the last copy; but what the answer brings is not known yet.
        client.copy(7, 6);
        client.answer(&[5, 6], 6);
        assert_eq!(client.syncs_from(), Some(6), "the notify of 7 is beyond the end");
        client.answer(&[7], 7);
        client.copy(8, 7);
        assert_eq!(client.syncs_from(), None);
        assert_eq!(client.has(), [5, 6, 7, 8]);
        assert_eq!(client.counts(), [3, 2, 2, 2]);
    }

    #[test]
    fn what_an_answer_may_bring_is_not_taken_twice() {
        let mut client = Client::at(4);
        client.follower.catch_up();
        assert_eq!(client.syncs_from(), Some(4));
        client.copy(5, 4);
        client.answer(&[5], 5);
        assert_eq!(client.syncs_from(), None);
        assert_eq!(client.has(), [5]);
    }

    #[test]
    fn the_first_copy_of_a_queue_is_dropped() {
        let mut client = Client::at(0);
        client.copy(1, 0);
        assert_eq!(client.syncs_from(), Some(0));
        client.answer(&[1], 1);
        assert_eq!(client.has(), [1]);
        assert_eq!(client.counts(), [1, 1, 1, 1]);
    }

    #[test]
    fn a_server_that_answers_in_parts_is_followed_and_one_that_has_no_more_is_not() {
        let mut client = Client::at(4);
        client.receive(Flags::NONE, Body::SyncNotify(MsgId(9)));
        assert_eq!(client.syncs_from(), Some(4));
        client.answer(&[5, 6], 6);
        assert_eq!(client.syncs_from(), Some(6));
        client.answer(&[], 6);
        assert_eq!(client.syncs_from(), None);
    }

    #[test]
    fn an_answer_that_breaks_off_does_not_count() {
        let mut client = Client::at(4);
        client.receive(Flags::NONE, Body::SyncNotify(MsgId(6)));
        assert_eq!(client.syncs_from(), Some(4));
        client.message(Flags::NONE, 5);
        client.follower.reconnect();
        assert_eq!(client.syncs_from(), Some(4));
        client.answer(&[5, 6], 6);
        assert_eq!(client.has(), [5, 6]);
    }

    #[test]
    fn a_transient_message_is_no_row_of_an_answer() {
        let mut client = Client::at(4);
        client.follower.catch_up();
        assert_eq!(client.syncs_from(), Some(4));
        client.message(Flags::UNPERSISTENT, 1);
        client.answer(&[5], 5);
        assert_eq!(client.has(), [5]);
        assert_eq!(client.counts(), [0; 4], "nobody had notified");
    }
}
