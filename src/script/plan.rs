//! A script.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::cast::Participant;
use super::step::Step;
use crate::id::Account;
use crate::identity::Config;

/// Several clients, and what they do, step by step. [`script`](super::script) makes them.
///
/// `Debug` lists who takes part and all steps, a line each, without contents.
#[derive(Clone)]
pub struct Script {
    pub(super) config: Config,
    pub(super) token: fn(Account) -> String,
    pub(super) content: fn(u32) -> Vec<u8>,
    pub(super) cast: Vec<Participant>,
    pub(super) steps: Vec<Step>,
}

impl Script {
    /// The tokens of all who take part, and whom they name, for a host that looks them up.
    pub fn tokens(&self) -> impl Iterator<Item = (String, Account)> {
        let mut accounts: Vec<Account> = self.cast.iter().map(|client| client.account).collect();
        accounts.dedup();
        accounts.into_iter().map(|account| ((self.token)(account), account))
    }

    /// How many messages are said, without what is in flight and said again.
    pub(super) fn messages(&self) -> usize {
        self.steps.iter().map(Step::messages).sum()
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let clients = self.cast.iter().map(|client| format!("{client}: {}", client.kind));
        let steps = (1..).zip(&self.steps);
        let steps = steps.map(|(number, step)| format!("{number}. {}", step.named(&self.cast)));
        let lines: Vec<String> = clients.chain(steps).collect();
        write!(f, "Script\n    {}", lines.join("\n    "))
    }
}
