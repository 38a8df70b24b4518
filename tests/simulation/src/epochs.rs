//! World after world, each with a seed of its own. A world is dropped when it ends, so a run can
//! have any length.

use std::fmt::{Display, Write};
use std::panic::{catch_unwind, resume_unwind};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use crate::settings::Settings;
use crate::sim::{Digest, Tally};
use crate::world::{Failure, Outcome, World};

/// The sum of all worlds: it does not depend on how many threads there were.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Run {
    pub(crate) digest: Digest,
    pub(crate) tally: Tally,
}

struct Progress {
    /// Threads take worlds in their order, and a run ends with the world that completes its
    /// messages.
    next: u64,
    done: Vec<Option<Outcome>>,
    run: Run,
    added: u64,
    failure: Option<(u64, Failure)>,
    told: Instant,
}

/// Runs worlds until enough has been said, or the first one that fails.
///
/// # Errors
///
/// What to say about the failure, and how to see it again.
pub(crate) fn run(settings: Settings) -> Result<Run, String> {
    if let Some(world) = settings.world {
        let outcome = live(settings, world);
        return outcome.map(|outcome| Run::of(&outcome)).map_err(|e| explain(settings, world, &e));
    }
    let progress = Mutex::new(Progress {
        next: 0,
        done: Vec::new(),
        run: Run::default(),
        added: 0,
        failure: None,
        told: Instant::now(),
    });
    thread::scope(|scope| {
        for _ in 0..settings.threads {
            scope.spawn(|| work(settings, &progress));
        }
    });
    let Progress { run, failure, .. } = progress.into_inner().unwrap();
    match failure {
        Some((world, failure)) => Err(explain(settings, world, &failure)),
        None => Ok(run),
    }
}

fn work(settings: Settings, progress: &Mutex<Progress>) {
    let start = Instant::now();
    loop {
        let world = {
            let mut progress = progress.lock().unwrap();
            if progress.run.tally.messages >= settings.messages || progress.failure.is_some() {
                return;
            }
            progress.next += 1;
            progress.next - 1
        };
        let outcome = live(settings, world);
        let mut progress = progress.lock().unwrap();
        match outcome {
            Ok(outcome) => progress.add(world, outcome, settings.messages),
            Err(failure) => progress.failure = Some((world, failure)),
        }
        progress.tell(settings, start);
    }
}

/// A whole world. A panic is a failure, too, and says where it was.
fn live(settings: Settings, world: u64) -> Result<Outcome, Failure> {
    let seed = seed_of(settings.seed, world);
    catch_unwind(|| World::new(seed, settings.size, None).run()).unwrap_or_else(|panic| {
        eprintln!("{}", explain(settings, world, &"a panic"));
        resume_unwind(panic)
    })
}

impl Progress {
    /// Adds worlds in their order; one that comes early waits.
    fn add(&mut self, world: u64, outcome: Outcome, messages: u64) {
        let place = usize::try_from(world - self.added).unwrap();
        let length = self.done.len().max(place + 1);
        self.done.resize(length, None);
        self.done[place] = Some(outcome);
        let ready = self.done.iter().take_while(|outcome| outcome.is_some()).count();
        for outcome in self.done.drain(..ready).flatten() {
            self.added += 1;
            if self.run.tally.messages < messages {
                self.run.add(&outcome);
            }
        }
    }

    fn tell(&mut self, settings: Settings, start: Instant) {
        if self.told.elapsed() < Duration::from_secs(10) {
            return;
        }
        self.told = Instant::now();
        let messages = self.run.tally.messages;
        let percent = messages * 100 / settings.messages.max(1);
        let seconds = start.elapsed().as_secs().max(1);
        eprintln!("{percent} %: {messages} messages, {} a second", messages / seconds);
    }
}

impl Run {
    pub(crate) fn of(outcome: &Outcome) -> Self {
        let mut run = Self::default();
        run.add(outcome);
        run
    }

    fn add(&mut self, outcome: &Outcome) {
        self.digest.add_number(outcome.digest.0);
        self.tally.add(outcome.tally);
    }

    /// How often everything happened, in a line.
    pub(crate) fn summary(&mut self) -> String {
        let mut line = String::new();
        for (name, count) in self.tally.rows() {
            write!(line, "{name} {count}, ").unwrap();
        }
        line + &format!("digest {:016x}", self.digest.0)
    }
}

/// Seeds that are neighbours have worlds that are strangers.
pub(crate) fn seed_of(seed: u64, world: u64) -> u64 {
    let mut digest = Digest(seed);
    digest.add_number(world);
    digest.add_number(seed);
    digest.0
}

fn explain(Settings { seed, .. }: Settings, world: u64, failure: &dyn Display) -> String {
    let build = if cfg!(debug_assertions) { "" } else { " --release" };
    format!(
        "seed {seed}, world {world}, {failure}\nto see it again:\n  \
         KEFU_SIM_SEED={seed} KEFU_SIM_WORLD={world} cargo test{build} -p kefu-simulation -- \
         --exact every_invariant_holds --nocapture"
    )
}
