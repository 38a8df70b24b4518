//! Compares what a queue holds with what it should: each sender's messages once and in order.

use std::collections::HashMap;

use kefu_proto::Account;
use serde::Serialize;

use crate::content::{Form, Mark};
use crate::customer::{Again, Sent};
use crate::plan::{Plan, Role};

/// How many wrong messages are named; the rest is only counted.
const EXAMPLES: usize = 5;

/// What was found in one queue or in many.
#[derive(Debug, Default, Serialize)]
pub struct Verdict {
    /// Copies that were looked for: two of each persistent message that got its ACK.
    pub expected: u64,
    /// Copies of this run that were read.
    pub read: u64,
    /// Got its ACK and is not there.
    pub lost: u64,
    /// Is there more than once.
    pub duplicated: u64,
    /// Comes after a later message of the same sender.
    pub reordered: u64,
    /// Was not sent to this queue, not to be stored, or not with this content.
    pub unexpected: u64,
    /// The first few of them.
    pub examples: Vec<String>,
}

impl Verdict {
    pub const fn is_clean(&self) -> bool {
        self.lost == 0 && self.duplicated == 0 && self.reordered == 0 && self.unexpected == 0
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.expected += other.expected;
        self.read += other.read;
        self.lost += other.lost;
        self.duplicated += other.duplicated;
        self.reordered += other.reordered;
        self.unexpected += other.unexpected;
        self.examples.extend(other.examples);
        self.examples.truncate(EXAMPLES);
    }
}

/// Where messages are looked for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place {
    Queue,
    Client,
}

/// One queue while it is read, or what a client has got of it.
#[derive(Debug)]
pub(crate) struct Ledger<'a> {
    plan: &'a Plan,
    place: Place,
    owner: Account,
    pages: HashMap<u32, Page<'a>>,
    verdict: Verdict,
}

/// One sender's messages in a queue.
#[derive(Debug)]
struct Page<'a> {
    sent: &'a Sent,
    /// One bit per message.
    seen: Vec<u64>,
    /// How many more copies there are of messages that have more than one.
    further: HashMap<u32, u32>,
    highest: Option<u32>,
}

impl<'a> Ledger<'a> {
    /// A ledger of what belongs in the queue of a client.
    pub(crate) fn new(
        plan: &'a Plan,
        place: Place,
        (role, uid): (Role, u32),
        sent: &'a [Sent],
    ) -> Self {
        let belongs = |sent: &&Sent| match role {
            Role::Customer => uid == sent.uid,
            Role::Seller => uid == plan.seller_of(sent.uid),
        };
        let pages = sent.iter().filter(belongs).map(|sent| (sent.uid, Page::new(sent))).collect();
        let owner = plan.account(role, uid);
        Self { plan, place, owner, pages, verdict: Verdict::default() }
    }

    /// The next message of the queue.
    pub(crate) fn enter(&mut self, mark: Mark) {
        let Mark { customer, number, intact } = mark;
        self.verdict.read += 1;
        let belongs = intact && !self.plan.is_transient(customer, number);
        let page = self.pages.get_mut(&customer);
        let Some(page) = page.filter(|page| belongs && number < page.sent.count) else {
            self.verdict.unexpected += 1;
            self.example("unexpected", customer, number);
            return;
        };
        if !page.see(number) {
            // Of more copies than one, the first has to be in order.
            if page.see_further(number) > page.again(number).sent {
                self.verdict.duplicated += 1;
                self.example("duplicated", customer, number);
            }
        } else if page.highest.is_some_and(|highest| highest > number) {
            self.verdict.reordered += 1;
            self.example("reordered", customer, number);
        } else {
            page.highest = Some(number);
        }
    }

    /// The queue has no more messages.
    pub(crate) fn close(mut self) -> Verdict {
        let pages = std::mem::take(&mut self.pages);
        for page in pages.values() {
            let uid = page.sent.uid;
            let persistent = |number: &u32| !self.plan.is_transient(uid, *number);
            for number in (0..page.sent.count).filter(persistent) {
                let (expected, seen) = (self.expected(page, number), page.copies(number));
                self.verdict.expected += u64::from(expected);
                if seen < expected {
                    self.verdict.lost += u64::from(expected - seen);
                    self.example("lost", uid, number);
                }
            }
        }
        self.verdict
    }

    /// How many copies there must be at least. Without a mark each ACK is of a message of its own.
    fn expected(&self, page: &Page<'_>, number: u32) -> u32 {
        let acked = u32::from(page.sent.unacked.binary_search(&number).is_err());
        match self.plan.form(page.sent.uid, number) {
            Form::Marked => acked,
            Form::Unmarked => acked + page.again(number).acked,
        }
    }

    fn example(&mut self, what: &str, customer: u32, number: u32) {
        if self.verdict.examples.len() < EXAMPLES {
            let uuid = self.plan.format.uuid(customer, number);
            let place = match self.place {
                Place::Queue => "in the queue of",
                Place::Client => "at the client of",
            };
            self.verdict.examples.push(format!("{what} {place} {}: {uuid}", self.owner));
        }
    }
}

impl<'a> Page<'a> {
    fn new(sent: &'a Sent) -> Self {
        let (last, _) = place(sent.count);
        Self { sent, seen: vec![0; last + 1], further: HashMap::new(), highest: None }
    }

    /// Whether it is the first time.
    fn see(&mut self, number: u32) -> bool {
        let (word, bit) = place(number);
        let first = self.seen[word] & bit == 0;
        self.seen[word] |= bit;
        first
    }

    /// How often it has been seen after the first time.
    fn see_further(&mut self, number: u32) -> u32 {
        let further = self.further.entry(number).or_default();
        *further += 1;
        *further
    }

    fn copies(&self, number: u32) -> u32 {
        let (word, bit) = place(number);
        let further = self.further.get(&number).copied().unwrap_or(0);
        u32::from(self.seen[word] & bit != 0) + further
    }

    fn again(&self, number: u32) -> Again {
        self.sent.again.get(&number).copied().unwrap_or_default()
    }
}

/// The word and the bit of a message. 32 bits fit into a `usize` wherever there are sockets.
fn place(number: u32) -> (usize, u64) {
    (usize::try_from(number / 64).unwrap_or(usize::MAX), 1 << (number % 64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Args;

    /// Reads a queue with the messages of customer 1, who sent 0 to 9. The odd ones are transient,
    /// and 8 got no ACK. Returns lost, duplicated, reordered, unexpected.
    fn verdict(rows: &[(u32, u32)]) -> [u64; 4] {
        let plan = Plan::new(&Args::from_options(["--transient", "50"]).unwrap()).unwrap();
        let sent = [Sent { count: 10, unacked: vec![8], ..Sent::new(1) }, Sent::new(2)];
        let mut ledger = Ledger::new(&plan, Place::Queue, (Role::Customer, 1), &sent);
        for &(customer, number) in rows {
            ledger.enter(Mark { customer, number, intact: true });
        }
        let verdict = ledger.close();
        assert_eq!(verdict.expected, 4);
        assert_eq!(verdict.is_clean(), verdict.examples.is_empty());
        [verdict.lost, verdict.duplicated, verdict.reordered, verdict.unexpected]
    }

    #[test]
    fn every_acked_message_once_and_in_order_is_clean() {
        assert_eq!(verdict(&[(1, 0), (1, 2), (1, 4), (1, 6)]), [0; 4]);
        assert_eq!(verdict(&[(1, 0), (1, 2), (1, 4), (1, 6), (1, 8)]), [0; 4], "8 may be there");
    }

    #[test]
    fn each_fault_is_told_from_the_others() {
        assert_eq!(verdict(&[]), [4, 0, 0, 0]);
        assert_eq!(verdict(&[(1, 0), (1, 2), (1, 6)]), [1, 0, 0, 0]);
        assert_eq!(verdict(&[(1, 0), (1, 2), (1, 2), (1, 4), (1, 6)]), [0, 1, 0, 0]);
        assert_eq!(verdict(&[(1, 0), (1, 2), (1, 4), (1, 6), (1, 8), (1, 8)]), [0, 1, 0, 0]);
        assert_eq!(verdict(&[(1, 0), (1, 4), (1, 2), (1, 6)]), [0, 0, 1, 0]);
        let transient = (1, 3);
        let unsent = (1, 10);
        let foreign = (2, 0);
        let unexpected = [(1, 0), transient, (1, 2), unsent, (1, 4), foreign, (1, 6)];
        assert_eq!(verdict(&unexpected), [0, 0, 0, 3]);
    }

    /// Reads the queue of customer 1, who repeats and sent 0 to 15. Of these 3 and 7 have a uuid, 11
    /// and 15 have none. `copies` says how often each of these four is there; each was sent three
    /// times and got two ACKs. Returns lost and duplicated.
    fn verdict_of_repeats(options: &[&str], copies: [usize; 4]) -> [u64; 2] {
        let options = [&["--repeat", "100"], options].concat();
        let plan = Plan::new(&Args::from_options(options).unwrap()).unwrap();
        let recorded = if plan.allows_repeats { &[3, 7, 11, 15][..] } else { &[11, 15] };
        let again = recorded.iter().map(|&number| (number, Again { sent: 2, acked: 1 })).collect();
        let sent = [Sent { count: 16, again, ..Sent::new(1) }];
        let mut ledger = Ledger::new(&plan, Place::Queue, (Role::Customer, 1), &sent);
        for number in 0..16 {
            let repeated = [3, 7, 11, 15].iter().position(|&repeated| repeated == number);
            for _ in 0..repeated.map_or(1, |place| copies[place]) {
                ledger.enter(Mark { customer: 1, number, intact: true });
            }
        }
        let verdict = ledger.close();
        assert_eq!((verdict.expected, verdict.reordered, verdict.unexpected), (18, 0, 0));
        [verdict.lost, verdict.duplicated]
    }

    #[test]
    fn a_repeat_with_a_uuid_is_there_once_and_one_without_as_often_as_it_was_acked() {
        let verdict = |copies| verdict_of_repeats(&[], copies);
        assert_eq!(verdict([1, 1, 2, 2]), [0, 0]);
        assert_eq!(verdict([1, 1, 3, 2]), [0, 0], "the third may have been stored");
        assert_eq!(verdict([1, 1, 4, 2]), [0, 1]);
        assert_eq!(verdict([1, 1, 1, 0]), [3, 0]);
        assert_eq!(verdict([2, 1, 2, 2]), [0, 1]);
        assert_eq!(verdict([1, 0, 2, 2]), [1, 0]);
    }

    #[test]
    fn where_repeats_may_be_stored_again_there_are_as_many_as_were_sent_at_most() {
        let verdict = |copies| verdict_of_repeats(&["--allow-repeats"], copies);
        assert_eq!(verdict([1, 3, 2, 3]), [0, 0]);
        assert_eq!(verdict([1, 4, 2, 3]), [0, 1]);
        assert_eq!(verdict([0, 3, 1, 3]), [2, 0]);
    }
}
