//! One customer's messages on their way: numbered from 0, sent, and without an ACK so far.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use kefu_proto::Seq;

/// The messages that have no ACK yet, oldest first.
#[derive(Debug)]
pub(crate) struct Window {
    next: u32,
    waiting: VecDeque<Waiting>,
    /// When the server last said something, or was first asked to.
    heard: Instant,
}

#[derive(Clone, Copy, Debug)]
struct Waiting {
    number: u32,
    since: Instant,
}

impl Window {
    pub(crate) fn new(size: usize) -> Self {
        Self { next: 0, waiting: VecDeque::with_capacity(size), heard: Instant::now() }
    }

    /// The number of the next message, which is also how many there have been.
    pub(crate) const fn next(&self) -> u32 {
        self.next
    }

    /// How many messages have no ACK yet.
    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// The messages without an ACK, in the order in which they were sent.
    pub(crate) fn unacked(&self) -> impl Iterator<Item = u32> {
        self.waiting.iter().map(|waiting| waiting.number)
    }

    /// Takes the next number.
    pub(crate) fn send(&mut self, now: Instant) -> u32 {
        if self.waiting.is_empty() {
            self.heard = now;
        }
        let number = self.next;
        self.waiting.push_back(Waiting { number, since: now });
        self.next += 1;
        number
    }

    /// How long the message of this ACK has waited, from its first sending. `None` for an ACK that nobody waits for.
    pub(crate) fn ack(&mut self, seq: Seq, now: Instant) -> Option<Duration> {
        let number = u32::try_from(seq.0).ok()?.checked_sub(1)?;
        // ACKs come in the order of the messages, save where a server leaves one out.
        let waiting = match self.waiting.front() {
            Some(oldest) if oldest.number == number => self.waiting.pop_front()?,
            _ => {
                let place = self.waiting.binary_search_by_key(&number, |waiting| waiting.number);
                self.waiting.remove(place.ok()?)?
            }
        };
        self.heard = now;
        Some(now.saturating_duration_since(waiting.since))
    }

    /// Whether messages have been waiting for so long without any ACK at all.
    pub(crate) fn is_stuck(&self, now: Instant, patience: Duration) -> bool {
        !self.waiting.is_empty() && now.saturating_duration_since(self.heard) > patience
    }
}

/// The number that a message's frame has on every connection: no two in a window are alike, and 0 is left to other frames.
pub(crate) fn seq(number: u32) -> Seq {
    Seq(i32::try_from(number).map_or(i32::MAX, |number| number.saturating_add(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ack_ends_the_wait_of_its_message_and_no_other() {
        let start = Instant::now();
        let after = |ms| start + Duration::from_millis(ms);
        let mut window = Window::new(4);
        for ms in 0..4 {
            window.send(after(ms));
        }
        assert_eq!(window.ack(seq(0), after(10)), Some(Duration::from_millis(10)));
        assert_eq!(window.ack(seq(2), after(10)), Some(Duration::from_millis(8)));
        for unknown in [seq(0), seq(2), seq(4), Seq(0), Seq(-1), Seq(i32::MIN), Seq(i32::MAX)] {
            assert_eq!(window.ack(unknown, after(11)), None);
        }
        assert!(window.unacked().eq([1, 3]));
        assert_eq!((window.len(), window.next()), (2, 4));
    }

    #[test]
    fn it_is_stuck_when_no_ack_at_all_comes() {
        let start = Instant::now();
        let after = |secs| start + Duration::from_secs(secs);
        let patience = Duration::from_secs(5);
        let mut window = Window::new(2);
        assert!(!window.is_stuck(after(100), patience));
        window.send(after(100));
        window.send(after(100));
        assert!(!window.is_stuck(after(105), patience));
        assert!(window.is_stuck(after(106), patience));
        window.ack(seq(1), after(106));
        assert!(!window.is_stuck(after(110), patience));
        assert!(window.is_stuck(after(112), patience));
    }
}
