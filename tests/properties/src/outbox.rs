//! What waits for a connection, beside a model that is a list, and what a client makes of it (S13).

use bytes::Bytes;
use kefu_proto::{
    Accepted, Account, Ack, AppId, Appended, Body, Config, CustomerMessage, CustomerMessageV2,
    Delivery, DeviceId, Effects, Flags, Identity, LeftOut, Message, MsgId, Outbound, Outbox,
    OutboxBounds, OwnedOutbound, Pushed, Seq, Session, StoreId, UnixTime, UserId,
};
use proptest::prelude::*;

proptest! {
    /// S13.1–S13.5: the same comes out, in the same order, and the same is left out.
    #[test]
    fn s13_an_outbox_is_what_the_list_says(bounds in bounds(), steps in steps(200)) {
        let mut outbox = Outbox::new(bounds);
        let mut list = List::new(bounds);
        let mut queue = Queue::default();
        for step in steps {
            for message in queue.take(&step) {
                prop_assert_eq!(outbox.push(message.clone()), list.push(message));
            }
            if matches!(step, Step::Pop) {
                prop_assert_eq!(outbox.pop(), list.pop());
            }
            prop_assert_eq!(outbox.len(), list.waiting.len());
            prop_assert_eq!(outbox.is_empty(), list.waiting.is_empty());
            prop_assert_eq!(outbox.bytes(), list.bytes());
        }
        while let Some(message) = outbox.pop() {
            prop_assert_eq!(Some(message), list.pop());
        }
        prop_assert_eq!(list.pop(), None);
    }

    /// Nothing but a SYNC_NOTIFY and ACKs is ever beyond the bounds.
    #[test]
    fn s13_the_bounds_hold(bounds in bounds(), steps in steps(200)) {
        let mut outbox = Outbox::new(bounds);
        let (mut queue, mut acks) = (Queue::default(), 0);
        for step in steps {
            for message in queue.take(&step) {
                acks += usize::from(is_ack(&message));
                outbox.push(message);
            }
            if matches!(step, Step::Pop) {
                acks -= usize::from(outbox.pop().as_ref().is_some_and(is_ack));
            }
            prop_assert!(outbox.len() <= bounds.messages + acks + 1);
            prop_assert!(outbox.bytes() <= bounds.bytes + acks * size_of::<OwnedOutbound>());
        }
    }

    /// S13.2: what comes out stands for all that were given since the last, is not before a live copy
    /// of those, and comes in bounded time.
    #[test]
    fn s13_2_the_notify_that_comes_out_stands_for_all(bounds in bounds(), steps in steps(400)) {
        let mut outbox = Outbox::new(bounds);
        let mut queue = Queue::default();
        let (mut greatest, mut waited, mut acks, mut copies) = (None, 0, 0, Vec::new());
        for step in steps {
            for message in queue.take(&step) {
                acks += usize::from(is_ack(&message));
                let became = outbox.push(message.clone());
                match message.get() {
                    Outbound::SyncNotify(msgid) => greatest = greatest.max(Some(msgid)),
                    Outbound::LiveCopy(copy) if became == Pushed::Kept => {
                        copies.push(copy.metadata().sync_key);
                    }
                    _ => {}
                }
            }
            let popped = if matches!(step, Step::Pop) { outbox.pop() } else { None };
            match popped.as_ref().map(OwnedOutbound::get) {
                Some(Outbound::SyncNotify(msgid)) => {
                    prop_assert_eq!(Some(msgid), greatest);
                    prop_assert!(copies.iter().all(|&copy| copy > msgid), "{copies:?} {msgid:?}");
                    (greatest, waited) = (None, 0);
                }
                Some(message) => {
                    if let Outbound::LiveCopy(_) = message {
                        copies.remove(0);
                    }
                    waited += usize::from(greatest.is_some());
                    prop_assert!(waited <= 2 * bounds.messages + acks, "{waited}");
                }
                None => {}
            }
        }
    }

    /// S13.2, S13.3: a client that syncs at notifies, and takes the live copies that continue what it
    /// has, ends with all that was stored, each once, however slowly it reads.
    #[test]
    fn s13_3_a_client_misses_nothing_that_is_stored(
        bounds in bounds(),
        steps in steps(200),
        takes_copies: bool,
        key in 0..3_usize,
    ) {
        let mut outbox = Outbox::new(bounds);
        let mut queue = Queue::default();
        for _ in 0..3 {
            queue.take(&Step::Store { content: 1, has_copy: true });
        }
        // One that has not synced yet drops copies up to its first notify.
        let mut client = Client { key, takes_copies, read: vec![false; key] };
        for step in steps {
            for message in queue.take(&step) {
                outbox.push(message);
            }
            if matches!(step, Step::Pop) {
                client.reads(outbox.pop().as_ref(), queue.rows)?;
            }
        }
        let [copy, notify] = &queue.take(&Step::Store { content: 1, has_copy: true })[..] else {
            return Err(TestCaseError::fail("two messages"));
        };
        outbox.push(copy.clone());
        outbox.push(notify.clone());
        while !outbox.is_empty() {
            client.reads(outbox.pop().as_ref(), queue.rows)?;
        }
        prop_assert_eq!(client.key, queue.rows);
        prop_assert!(client.read.iter().skip(key).all(|&is_read| is_read));
    }
}

const CUSTOMER: Account = Account::new(AppId(7), UserId(1));
const SELLER: Account = Account::new(AppId(1453), UserId(2));

#[derive(Clone, Debug)]
enum Step {
    /// A message is stored: a live copy, if the store knows what was before, and a notify.
    Store {
        content: usize,
        has_copy: bool,
    },
    Unpersistent {
        content: usize,
    },
    Ack {
        is_live: bool,
    },
    /// A notify that another server has sent late.
    Late {
        behind: usize,
    },
    Pop,
}

fn bounds() -> impl Strategy<Value = OutboxBounds> {
    (0..6_usize, prop_oneof![0..800_usize, Just(1_000_000)])
        .prop_map(|(messages, bytes)| OutboxBounds { messages, bytes })
}

fn steps(most: usize) -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0..200_usize, prop::bool::weighted(0.8))
            .prop_map(|(content, has_copy)| Step::Store { content, has_copy }),
        2 => (0..200_usize).prop_map(|content| Step::Unpersistent { content }),
        1 => any::<bool>().prop_map(|is_live| Step::Ack { is_live }),
        1 => (0..3_usize).prop_map(|behind| Step::Late { behind }),
        8 => Just(Step::Pop),
    ];
    prop::collection::vec(step, 0..most)
}

/// The queue of an account: its rows are numbered from 1.
#[derive(Default)]
struct Queue {
    rows: usize,
}

impl Queue {
    /// What a step gives to a connection.
    fn take(&mut self, step: &Step) -> Vec<OwnedOutbound> {
        match *step {
            Step::Store { content, has_copy } => {
                self.rows += 1;
                let effects = stored(msgid(self.rows), content);
                let mut messages = effects.iter().skip(1).map(|effect| effect.message());
                let pair = messages.by_ref().take(2).map(Outbound::into_owned);
                pair.skip(usize::from(!has_copy)).collect()
            }
            Step::Unpersistent { content } => vec![unpersistent(content)],
            Step::Ack { is_live: false } => vec![Outbound::Ack(Ack::from(Seq(1))).into_owned()],
            Step::Ack { is_live: true } => {
                let effects = stored(msgid(self.rows), 0);
                vec![effects.iter().last().unwrap().message().into_owned()]
            }
            Step::Late { behind } => {
                vec![Outbound::SyncNotify(msgid(self.rows.saturating_sub(behind))).into_owned()]
            }
            Step::Pop => vec![],
        }
    }
}

/// What waits, as a list.
struct List {
    bounds: OutboxBounds,
    waiting: Vec<OwnedOutbound>,
    has_gap: bool,
    /// How many have gone before the notify.
    passed: usize,
}

impl List {
    fn new(bounds: OutboxBounds) -> Self {
        Self { bounds, waiting: Vec::new(), has_gap: false, passed: 0 }
    }

    fn push(&mut self, message: OwnedOutbound) -> Pushed {
        match message.get() {
            Outbound::SyncNotify(msgid) => return self.notify(msgid),
            Outbound::Chat(_) if !self.fits(&message) => {
                return Pushed::LeftOut(LeftOut::Unpersistent);
            }
            Outbound::LiveCopy(_) => {
                let is_late = self.place().is_some() && self.passed >= self.bounds.messages;
                if self.has_gap || is_late || !self.fits(&message) {
                    self.has_gap = true;
                    return Pushed::LeftOut(LeftOut::LiveCopy);
                }
            }
            _ => {}
        }
        self.waiting.push(message);
        Pushed::Kept
    }

    fn notify(&mut self, mut msgid: MsgId) -> Pushed {
        let Some(place) = self.place() else {
            self.passed = 0;
            self.waiting.push(Outbound::SyncNotify(msgid).into_owned());
            return Pushed::Kept;
        };
        if let Outbound::SyncNotify(waiting) = self.waiting.remove(place).get() {
            msgid = msgid.max(waiting);
        }
        let is_copy = |it: &OwnedOutbound| matches!(it.get(), Outbound::LiveCopy(_));
        let behind = self.waiting.iter().rposition(is_copy).map_or(0, |last| last + 1);
        let notify = Outbound::SyncNotify(msgid).into_owned();
        self.waiting.insert(place.max(behind), notify);
        Pushed::Merged
    }

    fn pop(&mut self) -> Option<OwnedOutbound> {
        let first = (!self.waiting.is_empty()).then(|| self.waiting.remove(0))?;
        self.passed += 1;
        self.has_gap &= !is_notify(&first);
        Some(first)
    }

    fn place(&self) -> Option<usize> {
        self.waiting.iter().position(is_notify)
    }

    fn fits(&self, message: &OwnedOutbound) -> bool {
        let others = self.waiting.iter().filter(|waiting| !is_notify(waiting)).count();
        others < self.bounds.messages && self.bytes() + size(message) <= self.bounds.bytes
    }

    fn bytes(&self) -> usize {
        self.waiting.iter().map(size).sum()
    }
}

/// A client of version 2, or one that takes no live copies.
struct Client {
    /// Up to where it has read its queue.
    key: usize,
    takes_copies: bool,
    /// The rows that it has read.
    read: Vec<bool>,
}

impl Client {
    fn reads(&mut self, message: Option<&OwnedOutbound>, rows: usize) -> Result<(), TestCaseError> {
        match message.map(OwnedOutbound::get) {
            Some(Outbound::LiveCopy(copy)) if self.takes_copies => {
                let metadata = copy.metadata();
                let is_next = self.key > 0 && metadata.prev_sync_key == msgid(self.key);
                if is_next {
                    self.row(self.key + 1)?;
                }
            }
            // The SYNC is answered before anything else is read.
            Some(Outbound::SyncNotify(told)) if told > msgid(self.key) => {
                for row in self.key + 1..=rows {
                    self.row(row)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn row(&mut self, row: usize) -> Result<(), TestCaseError> {
        prop_assert_eq!(self.read.len() + 1, row, "each once, and in order");
        self.read.push(true);
        self.key = row;
        Ok(())
    }
}

fn msgid(row: usize) -> MsgId {
    MsgId(row.try_into().unwrap())
}

fn is_notify(message: &OwnedOutbound) -> bool {
    matches!(message.get(), Outbound::SyncNotify(_))
}

fn is_ack(message: &OwnedOutbound) -> bool {
    matches!(message.get(), Outbound::Ack(_) | Outbound::LiveAck(_))
}

fn size(message: &OwnedOutbound) -> usize {
    let content = match message.get() {
        Outbound::SyncNotify(_) => return 0,
        Outbound::Chat(chat) => chat.content().len(),
        // 36 bytes stand before it.
        Outbound::LiveCopy(copy) => kefu_proto::Encode::encoded_body_len(&copy) - 36,
        _ => 0,
    };
    size_of::<OwnedOutbound>() + content
}

fn unpersistent(content: usize) -> OwnedOutbound {
    let accepted = handled(Body::Customer(CustomerMessage {
        customer_appid: CUSTOMER.appid,
        customer_id: CUSTOMER.uid,
        store_id: StoreId(1),
        seller_id: SELLER.uid,
        timestamp: UnixTime::from(1),
        content: Bytes::from(vec![b'u'; content]),
    }));
    let Accepted::Transient(effects) = accepted.accept() else { panic!("to be stored") };
    effects.iter().next().unwrap().message().into_owned()
}

/// The effects of a CUSTOMER_V2 of which both copies have this id.
fn stored(msgid: MsgId, content: usize) -> Effects {
    let (sender, receiver, timestamp) = (CUSTOMER, SELLER, UnixTime::from(1));
    let content = Bytes::from(vec![b'c'; content]);
    let delivery =
        handled(Body::CustomerV2(CustomerMessageV2 { sender, receiver, timestamp, content }));
    let appended = Appended { msgid, previous: Some(MsgId(msgid.0 - 1)) };
    delivery.save_with(|_| Ok::<_, ()>(appended)).unwrap()
}

fn handled(body: Body) -> Delivery {
    let config = Config::new(AppId(1453)).unwrap();
    let session = Session::new(config, Identity::new(CUSTOMER, DeviceId(11)).unwrap());
    let message = Message { flags: Flags::UNPERSISTENT, ..Message::from(body) };
    session.handle(message, UnixTime::from(1)).unwrap()
}
