//! The server's clock, which may be set to any time (H4.1).

use std::collections::VecDeque;
use std::vec::Vec;

/// So many settings are remembered; what is older counts as one.
const SETTINGS: usize = 64;

/// What the clock has shown.
#[derive(Clone, Debug, Default)]
pub(super) struct Clock {
    /// From when to when, between two times at which it was set back. The last is today's.
    spans: VecDeque<Span>,
    /// How many spans have been before the first.
    before: u64,
    /// By how many seconds what it shows may be wrong.
    error: i64,
}

#[derive(Clone, Copy, Debug)]
struct Span {
    from: i64,
    to: i64,
}

/// A moment of this clock.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Moment {
    span: u64,
    time: i64,
}

impl Clock {
    pub(super) fn new(error: u32) -> Self {
        Self { error: error.into(), ..Self::default() }
    }

    /// The clock shows this time.
    pub(super) fn show(&mut self, time: i32) {
        let time = i64::from(time);
        match self.spans.back_mut() {
            Some(span) if span.to <= time && time - span.to < 3_600 => span.to = time,
            _ => self.spans.push_back(Span { from: time, to: time }),
        }
        let spare = self.spans.len().saturating_sub(SETTINGS);
        for first in self.spans.drain(..spare).collect::<Vec<_>>() {
            self.before += 1;
            let next = &mut self.spans[0];
            next.from = next.from.min(first.from);
            next.to = next.to.max(first.to);
        }
    }

    pub(super) fn now(&self) -> Moment {
        let last = self.spans.len().saturating_sub(1);
        let span = self.before + u64::try_from(last).unwrap_or(0);
        Moment { span, time: self.spans.back().map_or(i64::MIN, |span| span.to) }
    }

    /// Whether the clock has shown this stamp at a moment or since.
    pub(super) fn has_shown(&self, stamp: i32, since: Moment) -> bool {
        let stamp = i64::from(stamp);
        let mut spans = self.spans.iter().zip(self.before..);
        self.spans.is_empty()
            || spans.any(|(span, number)| {
                let from = if number == since.span { since.time } else { span.from };
                number >= since.span && (from - self.error..=span.to + self.error).contains(&stamp)
            })
    }
}
