//! What clients, network, host and store of one world share: chance, time, the network, the
//! checker and the tally.

use fastrand::Rng;
use kefu_proto::checker::{Checker, Event, Violation};

use crate::agenda::Agenda;
use crate::clock::Clock;
use crate::net::Link;

/// The rule that the host breaks, if it does.
pub(crate) type Verdict = Result<(), Violation>;

pub(crate) struct Sim {
    pub(crate) rng: Rng,
    pub(crate) odds: Odds,
    pub(crate) agenda: Agenda,
    pub(crate) clock: Clock,
    pub(crate) links: Vec<Link>,
    pub(crate) checker: Checker,
    pub(crate) tally: Tally,
    pub(crate) digest: Digest,
    /// Whether the host runs.
    pub(crate) up: bool,
    /// How many messages are still to be said.
    pub(crate) unsaid: u64,
}

impl Sim {
    pub(crate) fn now(&self) -> u64 {
        self.agenda.now()
    }

    /// Whether something happens whose odds are so many in a million.
    pub(crate) fn happens(&mut self, odds: u32) -> bool {
        odds > 0 && self.rng.u32(..1_000_000) < odds
    }

    /// Something happens that the checker is to judge.
    pub(crate) fn observe(&mut self, event: Event<'_>) -> Verdict {
        self.checker.observe(event)
    }

    /// One message more: its number, which tells it from all others.
    pub(crate) fn next_message(&mut self) -> u64 {
        self.unsaid = self.unsaid.saturating_sub(1);
        self.tally.messages += 1;
        self.tally.messages
    }
}

/// How likely each fault is, in a million.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Odds {
    /// A save fails, and nothing is stored.
    pub(crate) save_fails: u32,
    /// A save succeeds and says that it failed.
    pub(crate) save_lies: u32,
    /// A save takes seconds.
    pub(crate) save_is_slow: u32,
    /// A save is answered twice.
    pub(crate) answered_twice: u32,
    /// The host dies: tried at each of its steps and after each effect.
    pub(crate) crash: u32,
    /// A connection is cut: tried at each arrival.
    pub(crate) cut: u32,
    /// Only a part of what is pending arrives.
    pub(crate) pieces: u32,
    /// A client repeats what is in flight without a reason.
    pub(crate) early_repeat: u32,
    /// A client does what no client should.
    pub(crate) mischief: u32,
    /// The clock is set, tried once in a while.
    pub(crate) clock_jump: u32,
}

impl Odds {
    /// Nothing goes wrong any more.
    pub(crate) const CALM: Self = Self {
        save_fails: 0,
        save_lies: 0,
        save_is_slow: 0,
        answered_twice: 0,
        crash: 0,
        cut: 0,
        pieces: 50_000,
        early_repeat: 0,
        mischief: 0,
        clock_jump: 0,
    };

    /// A quiet day, an ordinary one, a storm: each world has its weather.
    pub(crate) fn of_a_world(rng: &mut Rng) -> Self {
        let weather = [0, 1, 1, 1, 4, 16][rng.usize(..6)];
        Self {
            save_fails: 4_000 * weather,
            save_lies: 1_000 * weather,
            save_is_slow: 200 * weather,
            answered_twice: 2_000 * weather,
            crash: 40 * weather,
            cut: 200 * weather,
            pieces: 20_000 + 30_000 * weather,
            early_repeat: 5_000 * weather,
            mischief: 10_000 + 10_000 * weather,
            clock_jump: 100_000 * weather.min(4),
        }
    }
}

/// How often things happened.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Tally {
    pub(crate) worlds: u64,
    pub(crate) clients: u64,
    pub(crate) connections: u64,
    /// Messages said, repeats not counted.
    pub(crate) messages: u64,
    pub(crate) repeats: u64,
    pub(crate) acks: u64,
    pub(crate) refusals: u64,
    pub(crate) unpersistent: u64,
    pub(crate) copies: u64,
    pub(crate) pushes: u64,
    pub(crate) notifies: u64,
    /// METADATA and its message.
    pub(crate) pairs: u64,
    /// Notifies that have given way to others, and messages that a slow connection did not get.
    pub(crate) merged: u64,
    pub(crate) left_out: u64,
    pub(crate) translations: u64,
    pub(crate) dialect_changes: u64,
    /// SYNCs whose answer was full.
    pub(crate) full_answers: u64,
    pub(crate) syncs: u64,
    pub(crate) failed_saves: u64,
    pub(crate) late_answers: u64,
    pub(crate) crashes: u64,
    pub(crate) cuts: u64,
    pub(crate) malformed: u64,
    pub(crate) unlisted: u64,
    pub(crate) clock_jumps: u64,
}

impl Tally {
    /// Every counter under its name.
    pub(crate) fn rows(&mut self) -> [(&'static str, &mut u64); 25] {
        [
            ("worlds", &mut self.worlds),
            ("clients", &mut self.clients),
            ("connections", &mut self.connections),
            ("messages", &mut self.messages),
            ("repeats", &mut self.repeats),
            ("ACKs", &mut self.acks),
            ("refusals", &mut self.refusals),
            ("unpersistent", &mut self.unpersistent),
            ("copies", &mut self.copies),
            ("pushes", &mut self.pushes),
            ("notifies", &mut self.notifies),
            ("pairs", &mut self.pairs),
            ("merged", &mut self.merged),
            ("left out", &mut self.left_out),
            ("translations", &mut self.translations),
            ("dialect changes", &mut self.dialect_changes),
            ("syncs", &mut self.syncs),
            ("full answers", &mut self.full_answers),
            ("failed saves", &mut self.failed_saves),
            ("late answers", &mut self.late_answers),
            ("crashes", &mut self.crashes),
            ("cuts", &mut self.cuts),
            ("malformed", &mut self.malformed),
            ("unlisted", &mut self.unlisted),
            ("clock jumps", &mut self.clock_jumps),
        ]
    }

    pub(crate) fn add(&mut self, mut other: Self) {
        for ((_, sum), (_, more)) in self.rows().into_iter().zip(other.rows()) {
            *sum += *more;
        }
    }
}

/// A number that stands for everything that was sent, stored and done, in its order.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Digest(pub(crate) u64);

impl Digest {
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        self.add_number(u64::try_from(bytes.len()).unwrap());
        let mut words = bytes.chunks_exact(8);
        for word in &mut words {
            self.add_number(u64::from_le_bytes(word.try_into().unwrap()));
        }
        for byte in words.remainder() {
            self.add_number(u64::from(*byte));
        }
    }

    pub(crate) fn add_number(&mut self, number: u64) {
        self.0 = (self.0 ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
    }
}
