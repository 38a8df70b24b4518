//! From numbers to steps.

use alloc::vec::Vec;

use proptest::prelude::*;

use super::cast::{Participant, cast};
use super::knobs::Knobs;
use super::plan::Script;
use super::refused::{OF_CUSTOMERS, OF_SELLERS};
use super::roll::{MessageRoll, Roll, StepRoll, is_in, roll};
use super::step::{Act, Said, Step};
use crate::id::Account;
use crate::wire::Flags;

/// Scripts with these [`Knobs`]. They shrink to fewer clients, fewer steps and fewer messages, and
/// to apps of version 1.
///
/// ```
/// use kefu_proto::script::{Knobs, script};
/// use proptest::prelude::*;
///
/// let knobs = Knobs { customers: 1..=1, sellers: 1..=1, steps: 0..=5, ..Knobs::default() };
/// proptest!(|(script in script(&knobs))| {
///     println!("{script:?}"); // who takes part and what they do, step by step
///     prop_assert!(script.tokens().count() == 2);
/// });
/// ```
pub fn script(knobs: &Knobs) -> impl Strategy<Value = Script> + use<> {
    let knobs = knobs.clone();
    roll(&knobs).prop_map(move |roll| of(&knobs, &roll)).boxed()
}

fn of(knobs: &Knobs, roll: &Roll) -> Script {
    let cast = cast(knobs, roll);
    let states = cast.iter().map(|_| State::default()).collect();
    let mut writer = Writer { knobs, cast: &cast, states, steps: Vec::new(), said: 0 };
    roll.steps.iter().for_each(|step| writer.add(step));
    let Knobs { config, token, content, .. } = *knobs;
    let steps = writer.steps;
    Script { config, token, content, cast, steps }
}

/// Writes the steps that follow from a roll.
struct Writer<'k> {
    knobs: &'k Knobs,
    cast: &'k [Participant],
    states: Vec<State>,
    steps: Vec<Step>,
    /// How many messages there are so far.
    said: u32,
}

/// Where a client is.
#[derive(Clone, Copy, Debug, Default)]
struct State {
    is_online: bool,
    last_said: Option<Said>,
}

/// The kinds of steps that have a share.
#[derive(Clone, Copy)]
enum What {
    Leave,
    Sync,
    Repeat,
    LogIn,
    FailSave,
    Say,
}

/// What clients of either version send. The last are those that only a server may set in version 2
/// (W8.3).
const FLAGS: [Flags; 4] = [Flags::NONE, Flags::TEXT, Flags(0x40), Flags::OF_SERVERS];

impl Writer<'_> {
    fn add(&mut self, roll: &StepRoll) {
        let who = roll.who.index(self.cast.len());
        let State { is_online, last_said } = self.states[who];
        match (self.what(roll.what), last_said) {
            (What::Leave, _) if is_online => self.leave(who, roll),
            (What::Leave, _) => self.come(who),
            (What::LogIn, _) if is_online => self.push(who, Act::LogInAgain),
            (What::LogIn, _) => {
                let said = self.said(who, &roll.messages[0]);
                self.push(who, Act::FailLogin(said));
            }
            (What::FailSave, _) => {
                self.steps.push(Step::FailSave { after: *roll.which.get(&[0, 1, 2, 3]) });
            }
            (What::Sync, _) => {
                let does = roll.which.get(&[Act::Sync, Act::SyncKept, Act::KeepOlderKey]).clone();
                self.online(who, does);
            }
            (What::Repeat, Some(said)) => self.online(who, Act::Repeat(said)),
            (What::Repeat, None) | (What::Say, _) => self.say(who, roll),
        }
    }

    fn what(&self, roll: f64) -> What {
        let Knobs { leaves, syncs, repeats, logins, save_failures, .. } = *self.knobs;
        let shares = [
            (leaves, What::Leave),
            (syncs, What::Sync),
            (repeats, What::Repeat),
            (logins, What::LogIn),
            (save_failures, What::FailSave),
        ];
        let mut sum = 0.0;
        let found = shares.into_iter().find(|(share, _)| {
            sum += share.clamp(0.0, 1.0);
            is_in(sum, roll)
        });
        found.map_or(What::Say, |(_, what)| what)
    }

    fn say(&mut self, who: usize, roll: &StepRoll) {
        if !is_in(self.knobs.refused, roll.detail) {
            let said = self.all_said(who, roll);
            return self.online(who, Act::Say(said));
        }
        let rules = if self.cast[who].is_seller { OF_SELLERS } else { OF_CUSTOMERS };
        let refused = *roll.which.get(rules);
        let said = self.said(who, &roll.messages[0]);
        self.online(who, Act::SayRefused(refused, said));
    }

    fn leave(&mut self, who: usize, roll: &StepRoll) {
        let in_flight = is_in(self.knobs.in_flight, roll.detail);
        let said = if in_flight { self.all_said(who, roll) } else { Vec::new() };
        self.push(who, Act::Leave(said));
        self.states[who].is_online = false;
    }

    fn come(&mut self, who: usize) {
        self.push(who, Act::Come);
        self.states[who].is_online = true;
    }

    /// Whoever does something has to come first.
    fn online(&mut self, who: usize, does: Act) {
        if !self.states[who].is_online {
            self.come(who);
        }
        self.push(who, does);
    }

    fn push(&mut self, who: usize, does: Act) {
        self.steps.push(Step::Client { who, does });
    }

    fn all_said(&mut self, who: usize, roll: &StepRoll) -> Vec<Said> {
        let said: Vec<Said> = roll.messages.iter().map(|message| self.said(who, message)).collect();
        self.states[who].last_said = said.last().copied();
        said
    }

    fn said(&mut self, who: usize, roll: &MessageRoll) -> Said {
        self.said += 1;
        let is_seller = self.cast[who].is_seller;
        let others: Vec<Account> = self
            .cast
            .iter()
            .filter(|other| other.is_seller != is_seller)
            .map(|other| other.account)
            .collect();
        let unpersistent = is_in(self.knobs.unpersistent, roll.unpersistent);
        let flags = *roll.flags.get(&FLAGS);
        let flags = if unpersistent { flags | Flags::UNPERSISTENT } else { flags };
        Said { to: *roll.to.get(&others), flags, number: self.said }
    }
}
