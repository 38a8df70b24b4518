//! One customer's messages in flight: numbered from 0, sent, and not yet acknowledged.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use kefu_proto::Seq;

/// The messages in flight, oldest first.
#[derive(Debug)]
pub(crate) struct Window {
    next: u32,
    in_flight: VecDeque<InFlight>,
    /// Messages that were sent once more on this connection, oldest first.
    repeats: VecDeque<u32>,
    /// When the last ACK came, or the wait for one began.
    last_ack: Instant,
}

#[derive(Clone, Copy, Debug)]
struct InFlight {
    number: u32,
    since: Instant,
}

/// A message that got its ACK.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Acked {
    pub(crate) number: u32,
    /// From its first sending.
    pub(crate) latency: Duration,
}

impl Window {
    pub(crate) fn new(size: usize) -> Self {
        let in_flight = VecDeque::with_capacity(size);
        Self { next: 0, in_flight, repeats: VecDeque::new(), last_ack: Instant::now() }
    }

    /// The number of the next message, which is also how many there have been.
    pub(crate) const fn next(&self) -> u32 {
        self.next
    }

    /// How many messages are in flight, with their repeats.
    pub(crate) fn len(&self) -> usize {
        self.in_flight.len() + self.repeats.len()
    }

    /// The numbers of the messages in flight, in the order in which they were sent.
    pub(crate) fn unacked(&self) -> impl Iterator<Item = u32> {
        self.in_flight.iter().map(|message| message.number)
    }

    /// Takes the next number.
    pub(crate) fn send(&mut self, now: Instant) -> u32 {
        if self.len() == 0 {
            self.last_ack = now;
        }
        let number = self.next;
        self.in_flight.push_back(InFlight { number, since: now });
        self.next += 1;
        number
    }

    /// A message is sent once more, though it need not be.
    pub(crate) fn repeat(&mut self, number: u32, now: Instant) {
        if self.len() == 0 {
            self.last_ack = now;
        }
        self.repeats.push_back(number);
    }

    /// The message whose repeat this ACK belongs to.
    pub(crate) fn ack_repeat(&mut self, seq: Seq, now: Instant) -> Option<u32> {
        let number = u32::try_from(seq.0.checked_neg()?).ok()?.checked_sub(1)?;
        let place = self.repeats.iter().position(|&repeat| repeat == number)?;
        self.last_ack = now;
        self.repeats.remove(place)
    }

    /// The connection is lost: the ACKs of repeats will not come.
    pub(crate) fn forget_repeats(&mut self) {
        self.repeats.clear();
    }

    /// The message that this ACK belongs to. `None` for an unexpected ACK.
    pub(crate) fn ack(&mut self, seq: Seq, now: Instant) -> Option<Acked> {
        let number = u32::try_from(seq.0).ok()?.checked_sub(1)?;
        // ACKs come in the order of the messages, except where a server skips one.
        let message = match self.in_flight.front() {
            Some(oldest) if oldest.number == number => self.in_flight.pop_front()?,
            _ => {
                let place = self.in_flight.binary_search_by_key(&number, |message| message.number);
                self.in_flight.remove(place.ok()?)?
            }
        };
        self.last_ack = now;
        Some(Acked { number, latency: now.saturating_duration_since(message.since) })
    }

    /// Whether messages are in flight and none has been acknowledged for longer than `timeout`.
    pub(crate) fn is_stuck(&self, now: Instant, timeout: Duration) -> bool {
        self.len() > 0 && now.saturating_duration_since(self.last_ack) > timeout
    }
}

/// The number of a message's frame, the same on every connection. Other frames have number 0.
pub(crate) fn seq(number: u32) -> Seq {
    Seq(i32::try_from(number).map_or(i32::MAX, |number| number.saturating_add(1)))
}

/// The number of the frame that repeats a message.
pub(crate) fn repeat_seq(number: u32) -> Seq {
    Seq(-seq(number).0)
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
        let acked = |number, ms| Some(Acked { number, latency: Duration::from_millis(ms) });
        assert_eq!(window.ack(seq(0), after(10)), acked(0, 10));
        assert_eq!(window.ack(seq(2), after(10)), acked(2, 8));
        for unknown in [seq(0), seq(2), seq(4), Seq(0), Seq(-1), Seq(i32::MIN), Seq(i32::MAX)] {
            assert_eq!(window.ack(unknown, after(11)), None);
        }
        assert!(window.unacked().eq([1, 3]));
        assert_eq!((window.len(), window.next()), (2, 4));
    }

    #[test]
    fn a_repeat_is_in_flight_until_its_own_ack() {
        let now = Instant::now();
        let mut window = Window::new(2);
        window.send(now);
        window.repeat(0, now);
        assert_eq!((window.len(), window.ack_repeat(seq(0), now)), (2, None));
        assert_eq!(window.ack(repeat_seq(0), now), None);
        assert_eq!(window.ack_repeat(repeat_seq(0), now), Some(0));
        assert_eq!(window.ack_repeat(repeat_seq(0), now), None);
        assert!(window.unacked().eq([0]) && window.len() == 1);
        window.repeat(0, now);
        window.forget_repeats();
        assert_eq!((window.len(), window.ack_repeat(repeat_seq(0), now)), (1, None));
        assert_eq!(window.ack_repeat(Seq(i32::MIN), now), None);
    }

    #[test]
    fn it_is_stuck_when_no_ack_at_all_comes() {
        let start = Instant::now();
        let after = |secs| start + Duration::from_secs(secs);
        let timeout = Duration::from_secs(5);
        let mut window = Window::new(2);
        assert!(!window.is_stuck(after(100), timeout));
        window.send(after(100));
        window.send(after(100));
        assert!(!window.is_stuck(after(105), timeout));
        assert!(window.is_stuck(after(106), timeout));
        window.ack(seq(1), after(106));
        assert!(!window.is_stuck(after(110), timeout));
        assert!(window.is_stuck(after(112), timeout));
    }
}
