//! The checker that goes along with a state. It is told what each step shows, and it alone knows
//! the protocol's rules.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use bytes::BytesMut;
use kefu_proto::checker::{Checker, ConnectionId, Event, Repeats, ServerId, Terms, Violation};
use kefu_proto::{SyncBounds, UnixTime};

use super::cast::{self, ACCOUNTS, OWNERS};
use super::world::World;

/// A connection that exists no more.
const GONE: ConnectionId = ConnectionId(0);

/// What has been seen on the way to a state.
///
/// It takes no part in what a state is, but for whether a rule is broken: otherwise hardly two ways
/// would ever meet. Where they do, the search goes on with the checker that came first. So each step
/// out of each state is judged, behind one of the ways that lead there.
#[derive(Clone, Debug)]
pub(crate) struct Judge {
    /// States share it until one of them sees more.
    checker: Arc<Checker>,
    violation: Option<Violation>,
    lines: [Line; OWNERS.len()],
    opened: u64,
}

/// The connection of a device.
#[derive(Clone, Copy, Debug)]
struct Line {
    id: ConnectionId,
    /// How many frames have been written to it.
    written: i32,
}

impl Judge {
    pub(crate) fn new(world: &World) -> Self {
        let mut terms = Terms::new(cast::config());
        terms.sync_bounds = Some(SyncBounds { rows: world.rows, ..SyncBounds::default() });
        if world.idempotent {
            // The content of a post is its number.
            terms.repeats = Repeats::Once { mark: |content| Some(content) };
        }
        let mut checker = Checker::new(terms);
        for (device, owner) in OWNERS.into_iter().enumerate() {
            checker.add_token(&cast::token(device), ACCOUNTS[owner]);
        }
        let line = Line { id: GONE, written: 0 };
        let (checker, lines) = (Arc::new(checker), [line; OWNERS.len()]);
        let mut judge = Self { checker, violation: None, lines, opened: 0 };
        judge.observe(Event::Time(UnixTime::from(cast::NOW)));
        judge
    }

    /// What comes behind the first violation is not judged.
    pub(crate) fn observe(&mut self, event: Event<'_>) {
        if self.violation.is_none() {
            self.violation = Arc::make_mut(&mut self.checker).observe(event).err();
        }
    }

    pub(crate) fn opens(&mut self, device: usize) {
        self.opened += 1;
        let connection = ConnectionId(self.opened);
        self.lines[device] = Line { id: connection, written: 0 };
        self.observe(Event::Opened { connection, server: ServerId(0) });
    }

    pub(crate) fn closes(&mut self, device: usize) {
        self.observe(Event::Closed { connection: self.lines[device].id });
        self.lines[device].id = GONE;
    }

    pub(crate) fn sends(&mut self, device: usize, bytes: &[u8]) {
        self.observe(Event::Sent { connection: self.lines[device].id, bytes });
    }

    /// Frames are written to a device. The connection that has written them stands in for one that
    /// has written more (see `host::resume`), so they get the numbers that they would have had.
    pub(crate) fn receives(&mut self, device: usize, frames: &BytesMut) {
        let mut frames = frames.clone();
        let mut rest = &mut frames[..];
        while let Some(length) = rest.first_chunk() {
            let length = usize::try_from(i32::from_be_bytes(*length)).unwrap();
            let (frame, behind) = rest.split_at_mut(12 + length);
            self.lines[device].written += 1;
            frame[4..8].copy_from_slice(&self.lines[device].written.to_be_bytes());
            rest = behind;
        }
        self.observe(Event::Received { connection: self.lines[device].id, bytes: &frames });
    }

    pub(crate) fn connection(&self, device: usize) -> ConnectionId {
        self.lines[device].id
    }

    /// The connection that a message has come on.
    pub(crate) fn origin(&self, device: usize, connected: bool) -> ConnectionId {
        if connected { self.connection(device) } else { GONE }
    }

    /// The rule that is broken. `at_rest`: and nothing more will come.
    pub(crate) fn violation(&self, at_rest: bool) -> Option<Violation> {
        if self.violation.is_none() && at_rest {
            return Checker::clone(&self.checker).finish().err();
        }
        self.violation.clone()
    }
}

impl PartialEq for Judge {
    fn eq(&self, other: &Self) -> bool {
        self.violation.is_some() == other.violation.is_some()
    }
}

impl Eq for Judge {}

impl Hash for Judge {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.violation.is_some().hash(hasher);
    }
}
