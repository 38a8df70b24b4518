//! What a client says: new messages, answers, repeats.

use super::draft::Draft;
use super::{Client, Waiting};
use crate::cast::{Cast, User};
use crate::sim::Sim;
use crate::wire::{CUSTOMER, CUSTOMER_SUPPORT, CUSTOMER_V2, PING, UNPERSISTENT};

/// How many messages may be in flight.
const WINDOW: usize = 8;

impl Client {
    pub(super) fn converse(&mut self, sim: &mut Sim, cast: &Cast) {
        if sim.happens(sim.odds.early_repeat) {
            self.repeat(sim, 0);
        }
        if sim.happens(sim.odds.mischief) {
            self.misbehave(sim, cast);
        }
        match sim.rng.u8(..20) {
            0 => self.ping(),
            1..12 => {
                for _ in 0..sim.rng.usize(1..4) {
                    self.say(sim, cast);
                }
            }
            _ => {}
        }
    }

    /// Sends again what has been in flight for longer than `timeout`, in its order.
    pub(super) fn repeat(&mut self, sim: &mut Sim, timeout: u64) {
        let now = sim.now();
        for index in 0..self.waiting.len() {
            let waiting = &mut self.waiting[index];
            if waiting.since + timeout <= now {
                waiting.since = now;
                let draft = waiting.draft.clone();
                sim.tally.repeats += 1;
                self.send(sim, &draft);
            }
        }
    }

    pub(super) fn ping(&mut self) {
        self.write(PING, 0, &[]);
    }

    /// Says something new: to a user who has written, to any user, or to nobody.
    pub(super) fn say(&mut self, sim: &mut Sim, cast: &Cast) {
        if sim.unsaid == 0 || self.waiting.len() >= WINDOW {
            return;
        }
        let flags = match sim.rng.u8(..20) {
            0 => UNPERSISTENT,
            1 => sim.rng.u8(..),
            _ => 1,
        };
        let serves = self.user.0 == cast.kefu_app && sim.rng.u8(..8) > 0;
        let partner = self.partner(sim, if serves { &cast.customers } else { &cast.sellers });
        let store = sim.rng.i64(..);
        let (command, ids) = match (self.voice.speaks_v2, serves) {
            (true, _) => {
                let app = if serves { partner.0 } else { cast.kefu_app };
                (CUSTOMER_V2, [self.user.0, self.user.1, app, partner.1])
            }
            (false, true) => (CUSTOMER_SUPPORT, [partner.0, partner.1, store, self.user.1]),
            (false, false) => {
                let seller = if partner.1 == 0 { 1 } else { partner.1 };
                (CUSTOMER, [self.user.0, self.user.1, store, seller])
            }
        };
        let content = cast.texts.pick(&mut sim.rng);
        let draft = Draft::new(sim.next_message(), command, flags, ids, &content);
        self.waiting.push_back(Waiting { draft: draft.clone(), since: sim.now() });
        self.send(sim, &draft);
    }

    pub(super) fn send(&mut self, sim: &mut Sim, draft: &Draft) {
        // H4: what a client thinks of the time does not matter.
        let stamp = sim.rng.i32(..).to_be_bytes();
        let Draft { command, flags, ids, content } = draft;
        let seq = self.write(*command, *flags, &[&ids.concat(), &stamp, content]);
        if let Some(line) = &mut self.line
            && line.is_live()
        {
            line.tried.push((seq, draft.mark()));
        }
    }

    fn partner(&self, sim: &mut Sim, anybody: &[User]) -> User {
        match (sim.rng.u8(..16), self.friend) {
            (0, _) => (sim.rng.i64(..), sim.rng.i64(..)),
            (1..10, Some(friend)) => friend,
            _ => anybody[sim.rng.usize(..anybody.len())],
        }
    }
}
