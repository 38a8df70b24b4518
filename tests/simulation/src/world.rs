//! One world: a host, its clients, and all that happens to them up to the last ACK.

use std::fmt;

use fastrand::Rng;
use kefu_proto::OutboxBounds;
use kefu_proto::checker::{Checker, Violation};

use crate::agenda::{Agenda, Event};
use crate::audit::{self, Loss};
use crate::cast::{Cast, Device, Size, account};
use crate::client::{Client, Voice};
use crate::clock::Clock;
use crate::host::{Host, Plant};
use crate::promises::Promises;
use crate::sim::{Digest, Odds, Sim, Tally};

/// When all is calm, everything is settled after so many milliseconds, or never.
const SETTLING: u64 = 10 * 60_000;

pub(crate) struct World {
    sim: Sim,
    cast: Cast,
    host: Host,
    clients: Vec<Client>,
    calm: bool,
}

/// What a world came to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) digest: Digest,
    pub(crate) tally: Tally,
}

/// A world has failed.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) flaw: Flaw,
    /// When, in simulated milliseconds.
    now: u64,
}

/// What is wrong with a world.
#[derive(Clone, Debug)]
pub(crate) enum Flaw {
    /// The host breaks a rule.
    Broken(Violation),
    /// In the end something is lost.
    Lost(Loss),
}

impl World {
    /// Everything follows from the seed, the size, and the fault that is planted.
    pub(crate) fn new(seed: u64, size: Size, plant: Option<Plant>) -> Self {
        let mut rng = Rng::with_seed(seed);
        let odds = Odds::of_a_world(&mut rng);
        let cast = Cast::new(&mut rng, size);
        let mut promises = Promises::of_a_world(&mut rng);
        promises.outbox = outbox_of_a_world(seed, plant);
        let mut sim = Sim {
            rng,
            odds,
            agenda: Agenda::default(),
            clock: Clock::new(),
            links: Vec::new(),
            checker: Checker::new(promises.terms(cast.kefu_app)),
            tally: Tally { worlds: 1, ..Tally::default() },
            digest: Digest::default(),
            up: true,
            unsaid: 0,
        };
        let host = Host::new(&cast, promises, plant, &mut sim);
        let mut world = Self { sim, cast, host, clients: Vec::new(), calm: false };
        world.populate();
        world
    }

    pub(crate) fn run(mut self) -> Result<Outcome, Failure> {
        match self.live() {
            Ok(()) => Ok(Outcome { digest: self.sim.digest, tally: self.sim.tally }),
            Err(flaw) => Err(Failure { flaw, now: self.sim.now() }),
        }
    }

    fn populate(&mut self) {
        let Self { sim, cast, clients, .. } = self;
        for person in &cast.people {
            sim.checker.add_token(&person.token, account(person.user));
            for device in &person.devices {
                let (id, voice) = (clients.len(), voice(device, &mut sim.rng));
                let token = person.token.clone();
                let mut client = Client::new(id, person.user, token, device.clone(), voice);
                client.schedule(sim, 1_000);
                clients.push(client);
            }
        }
        let count = u64::try_from(clients.len()).unwrap();
        sim.tally.clients = count;
        // These hit everybody at once, and a larger world has more steps at which they can happen.
        for odds in [&mut sim.odds.crash, &mut sim.odds.save_is_slow] {
            *odds = *odds * 100 / u32::try_from(count).unwrap();
        }
        sim.unsaid = count * sim.rng.u64(5..40);
        sim.agenda.after(500, Event::ClockJump);
    }

    fn live(&mut self) -> Result<(), Flaw> {
        while self.sim.unsaid > 0 {
            self.step()?;
        }
        // From here on nothing goes wrong any more. First every message gets its ACK …
        self.calm = true;
        self.sim.odds = Odds::CALM;
        self.settle()?;
        // … then every client reads its queue to the end.
        for client in &mut self.clients {
            client.read_on(&mut self.sim);
        }
        self.settle()?;
        self.sim.checker.finish()?;
        audit::audit(self.host.store(), &self.clients)?;
        Ok(())
    }

    fn settle(&mut self) -> Result<(), Violation> {
        let deadline = self.sim.now() + SETTLING;
        while self.sim.now() < deadline && self.step()? {}
        Ok(())
    }

    /// Lets the next thing happen. Returns whether there was any.
    fn step(&mut self) -> Result<bool, Violation> {
        let Self { sim, cast, host, clients, calm } = self;
        let Some(event) = sim.agenda.next() else { return Ok(false) };
        match event {
            Event::Act { client } => clients[client].act(sim, cast, *calm),
            Event::ToServer { link } => host.receive(sim, link)?,
            Event::ToClient { link } => {
                let client = sim.links[link].client;
                clients[client].receive(sim, link);
            }
            Event::Save { shard } => host.save(sim, shard)?,
            Event::Answer(answer) => host.answered(sim, answer)?,
            Event::Page { link, life } => host.page(sim, link, life)?,
            Event::Drain { link, life } => host.drain(sim, link, life)?,
            Event::Restart => sim.up = true,
            Event::ClockJump => {
                if sim.happens(sim.odds.clock_jump) {
                    sim.tally.clock_jumps += 1;
                    let now = sim.now();
                    sim.clock.jump(now, &mut sim.rng);
                }
                if !*calm {
                    sim.agenda.after(500, Event::ClockJump);
                }
            }
        }
        Ok(true)
    }
}

/// Every third host bounds what waits for a connection, most of them at very little. By itself, so
/// that a seed makes the same of everything else.
fn outbox_of_a_world(seed: u64, plant: Option<Plant>) -> Option<OutboxBounds> {
    let mut rng = Rng::with_seed(!seed);
    let has_one = plant.map_or_else(|| rng.u8(..3) == 0, Plant::is_of_outboxes);
    let messages = [1, 2, 3, 10, 100][rng.usize(..5)];
    let bytes = [200, 1_000, 10_000, 256 * 1024][rng.usize(..4)];
    has_one.then_some(OutboxBounds { messages, bytes })
}

/// Clients of all years, by what their logins tell (D1): web clients of both versions log in alike,
/// once they no longer put 2 into the last byte of a header.
fn voice(device: &Device, rng: &mut Rng) -> Voice {
    let (old, new) = (rng.u8(..2), rng.u8(..3) > 0);
    match (new, device.platform == Device::WEB) {
        (false, false) => Voice { version: old, speaks_v2: false, last: rng.u8(..3) },
        (true, false) => Voice { version: 2, speaks_v2: true, last: 0 },
        (false, true) => Voice { version: old, speaks_v2: false, last: 2 * rng.u8(..2) },
        (true, true) => Voice { version: rng.u8(..3), speaks_v2: true, last: 0 },
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "after {} simulated ms: {}", self.now, self.flaw)
    }
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broken(violation) => violation.fmt(f),
            Self::Lost(loss) => loss.fmt(f),
        }
    }
}

impl From<Violation> for Flaw {
    fn from(violation: Violation) -> Self {
        Self::Broken(violation)
    }
}

impl From<Loss> for Flaw {
    fn from(loss: Loss) -> Self {
        Self::Lost(loss)
    }
}
