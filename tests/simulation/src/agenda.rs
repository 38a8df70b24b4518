//! What is to happen when: simulated time, in milliseconds.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// What happens next; ids are positions in the world's lists.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Event {
    /// A client looks what it has to do.
    Act { client: usize },
    /// Bytes, or the end of them, arrive at the server.
    ToServer { link: usize },
    /// Bytes, or the end of them, arrive at the client.
    ToClient { link: usize },
    /// A shard of the store comes to its next save.
    Save { shard: usize },
    /// The store's answer arrives at the host.
    Answer(Answer),
    /// The host reads the next page of a queue for a client.
    Page { link: usize, life: u32 },
    /// A connection takes some of what waits for it.
    Drain { link: usize, life: u32 },
    /// The host is up again.
    Restart,
    /// Somebody sets the server's clock.
    ClockJump,
}

/// What the store says about one save.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Answer {
    /// Which life of the host asked: one that has crashed gets no answers.
    pub(crate) life: u32,
    pub(crate) link: usize,
    pub(crate) ticket: u64,
    /// 0 is the receiver's copy, 1 the sender's.
    pub(crate) copy: usize,
    pub(crate) msgid: Option<i64>,
    /// The newest before, where the store knows it.
    pub(crate) previous: Option<i64>,
}

#[derive(Default)]
pub(crate) struct Agenda {
    now: u64,
    count: u64,
    /// Events of the same time happen in the order in which they were put down.
    heap: BinaryHeap<Reverse<(u64, u64, Event)>>,
}

impl Agenda {
    pub(crate) fn now(&self) -> u64 {
        self.now
    }

    pub(crate) fn after(&mut self, delay: u64, event: Event) {
        self.at(self.now + delay, event);
    }

    pub(crate) fn at(&mut self, time: u64, event: Event) {
        self.count += 1;
        self.heap.push(Reverse((time.max(self.now), self.count, event)));
    }

    /// Goes to the next event's time.
    pub(crate) fn next(&mut self) -> Option<Event> {
        let Reverse((time, _, event)) = self.heap.pop()?;
        self.now = time;
        Some(event)
    }
}
