//! Judges what the server does while it is loaded, by the bytes of the clients alone.

mod broken;
mod group;
mod verdicts;
pub(crate) mod witness;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use kefu_proto::checker::{Checker, Terms};
use kefu_proto::{Account, AppId, UnixTime, UserId};
use serde::Serialize;
use tokio::time::{MissedTickBehavior, interval};

use crate::args::Check;
pub use crate::judge::broken::Broken;
use crate::judge::group::Group;
use crate::judge::verdicts::Verdicts;
use crate::judge::witness::Witness;
use crate::plan::{Plan, Role, seller_of, token};

/// How many broken rules are told; the rest is only counted.
const EXAMPLES: usize = 5;
/// How often it is looked whether something is overdue.
const TICK: Duration = Duration::from_secs(1);
/// How many rows and messages all groups remember together: some 40 MB.
const MEMORY: usize = 200_000;
/// But each at least so many: more than a server may have waiting for one client.
const LEAST_MEMORY: usize = 20_000;
/// Servers that have lost touch with each other notify everybody of the newest message afterwards:
/// each server does so for each outage.
const SPARE_NOTIFIES: u32 = 16;
/// By how many seconds a server's clock may differ from this one.
const CLOCK_ERROR: u32 = 300;

/// What was found in the frames of the clients.
#[derive(Debug, Serialize)]
pub struct Routing {
    pub check: Check,
    /// Groups of a seller and its customers, and how many of them were judged.
    pub groups: u32,
    pub judged: u32,
    /// What the clients of these groups sent and received: reads and writes, connections that came
    /// and went.
    pub events: u64,
    /// Groups in which a rule was broken.
    pub broken: u32,
    /// The first rule that was broken in each, for the first few.
    pub examples: Vec<Broken>,
}

impl Routing {
    pub const fn is_clean(&self) -> bool {
        self.broken == 0
    }
}

/// Judges groups of accounts. A seller and the customers who write to it have nothing to do with
/// anybody else, so each group has a checker of its own, and none waits for another's.
#[derive(Debug)]
pub(crate) struct Judge {
    check: Check,
    kefu_app: AppId,
    /// How many groups there are, judged or not.
    all: u32,
    /// Those behind them only flood the server.
    customers: u32,
    /// By the seller's uid.
    groups: BTreeMap<u32, Arc<Group>>,
    verdicts: Arc<Verdicts>,
    patience: Duration,
}

impl Judge {
    pub(crate) fn new(plan: &Plan) -> Self {
        let sellers: Vec<u32> = (1..=plan.sellers).filter(|&uid| plan.is_judged(uid)).collect();
        let memory = (MEMORY / sellers.len().max(1)).max(LEAST_MEMORY);
        let verdicts = Arc::new(Verdicts::default());
        let mut checkers: BTreeMap<u32, Checker> =
            sellers.into_iter().map(|uid| (uid, Checker::new(terms(plan, memory)))).collect();
        let sellers = (1..=plan.sellers).map(|uid| (uid, plan.account(Role::Seller, uid)));
        let customers = (1..=plan.customers)
            .map(|uid| (plan.seller_of(uid), plan.account(Role::Customer, uid)));
        for (group, account) in sellers.chain(customers) {
            if let Some(checker) = checkers.get_mut(&group) {
                checker.add_token(token(account).as_bytes(), account);
            }
        }
        let group = |(uid, checker)| {
            let seller = plan.account(Role::Seller, uid);
            (uid, Arc::new(Group::new(seller, checker, Arc::clone(&verdicts))))
        };
        let groups = checkers.into_iter().map(group).collect();
        let patience = plan.patience();
        let kefu_app = plan.config.kefu_appid();
        let (check, all, customers) = (plan.check, plan.sellers, plan.customers);
        Self { check, kefu_app, all, customers, groups, verdicts, patience }
    }

    /// Who tells what happens on a new connection. `None` if nobody judges it.
    pub(crate) fn witness(
        &self,
        account: Account,
        device: &'static str,
        (number, server): (u64, usize),
    ) -> Option<Witness> {
        let group = self.groups.get(&self.group_of(account)?)?;
        Some(Witness::new(Arc::clone(group), (account, device), number, server))
    }

    /// The group of an account, by its seller's uid.
    fn group_of(&self, Account { appid, uid: UserId(uid) }: Account) -> Option<u32> {
        let uid = u32::try_from(uid).ok()?;
        if appid == self.kefu_app {
            return Some(uid);
        }
        (uid <= self.customers).then(|| seller_of(uid, self.all))
    }

    /// Looks again and again whether something is overdue, for ever.
    ///
    /// It counts ticks instead of reading a clock: if this program was suspended, so were the
    /// clients.
    pub(crate) async fn watch(&self) -> Infallible {
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let patience = usize::try_from(self.patience.as_secs()).unwrap_or(usize::MAX);
        loop {
            tick.tick().await;
            let now = UnixTime::saturating_from(SystemTime::now());
            for group in self.groups.values() {
                group.tick(now, patience);
            }
        }
    }

    /// The rule that was broken first.
    pub(crate) fn first(&self) -> Option<&Broken> {
        self.verdicts.first()
    }

    pub(crate) fn routing(&self) -> Routing {
        let mut examples: Vec<Broken> = self.first().cloned().into_iter().collect();
        let others = self.groups.values().filter_map(|group| group.broken());
        examples.extend(others.filter(|broken| Some(broken) != self.first()));
        examples.truncate(EXAMPLES);
        Routing {
            check: self.check,
            groups: self.all,
            judged: u32::try_from(self.groups.len()).unwrap_or(u32::MAX),
            events: self.groups.values().map(|group| group.events()).sum(),
            broken: self.verdicts.count(),
            examples,
        }
    }
}

/// Any sound server keeps these, with earlier data, with rules of its own, and after a restart.
fn terms(plan: &Plan, memory: usize) -> Terms {
    let mut terms = Terms::new(plan.config);
    terms.begins_empty = false;
    terms.has_own_rules = true;
    terms.saves_may_fail = true;
    terms.remembers_dialects = true;
    terms.sync_bounds = None;
    terms.leaves_out = plan.leaves_out;
    terms.clock_error = CLOCK_ERROR;
    if plan.addrs.len() > 1 {
        terms.spare_notifies = SPARE_NOTIFIES;
    }
    terms.memory = memory;
    terms
}
