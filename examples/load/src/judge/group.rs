//! A seller and the customers who write to it, under one checker.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kefu_proto::checker::{Checker, ConnectionId, Event, ServerId, Violation};
use kefu_proto::{Account, UnixTime};

use crate::judge::broken::Broken;
use crate::judge::verdicts::Verdicts;

#[derive(Debug)]
pub(crate) struct Group {
    seller: Account,
    state: Mutex<State>,
    verdicts: Arc<Verdicts>,
}

#[derive(Debug)]
struct State {
    checker: Checker,
    /// From the first violation on nothing is checked: it might be judged wrongly.
    broken: Option<Broken>,
    /// Whose connections are open, and on which device.
    open: HashMap<ConnectionId, (Account, &'static str)>,
    /// How many events there were at the last ticks.
    ticks: VecDeque<u64>,
}

impl Group {
    pub(super) fn new(seller: Account, checker: Checker, verdicts: Arc<Verdicts>) -> Self {
        let (open, ticks) = (HashMap::new(), VecDeque::new());
        Self { seller, state: Mutex::new(State { checker, broken: None, open, ticks }), verdicts }
    }

    pub(super) fn open(
        &self,
        connection: ConnectionId,
        server: ServerId,
        whose: (Account, &'static str),
    ) {
        self.lock().open.insert(connection, whose);
        self.observe(Event::Opened { connection, server });
    }

    pub(super) fn close(&self, connection: ConnectionId) {
        self.observe(Event::Closed { connection });
        self.lock().open.remove(&connection);
    }

    pub(super) fn observe(&self, event: Event<'_>) {
        self.check(|checker| checker.observe(event));
    }

    /// A second has passed. What was owed `patience` seconds ago must be there.
    pub(super) fn tick(&self, now: UnixTime, patience: usize) {
        self.observe(Event::Time(now));
        let due = {
            let State { checker, ticks, .. } = &mut *self.lock();
            ticks.push_back(checker.events());
            if ticks.len() > patience { ticks.pop_front() } else { None }
        };
        if let Some(due) = due {
            self.check(|checker| checker.expire(due));
        }
    }

    /// Whether nothing is owed and nothing has come in part only. `at_last` it must be so.
    pub(super) fn is_settled(&self, at_last: bool) -> bool {
        let mut state = self.lock();
        if state.broken.is_some() {
            return true;
        }
        match state.checker.finish() {
            Ok(()) => true,
            Err(violation) => {
                if at_last {
                    self.found(&mut state, &violation);
                }
                false
            }
        }
    }

    /// Tells of a rule that is broken beyond what the checker knows.
    pub(super) fn complain(&self, rule: &str, what: String) {
        let seller = self.seller.to_string();
        self.breaks(&mut self.lock(), Broken { rule: rule.to_owned(), seller, what });
    }

    pub(super) fn broken(&self) -> Option<Broken> {
        self.lock().broken.clone()
    }

    pub(super) fn events(&self) -> u64 {
        self.lock().checker.events()
    }

    fn check(&self, check: impl FnOnce(&mut Checker) -> Result<(), Violation>) {
        let mut state = self.lock();
        if state.broken.is_some() {
            return;
        }
        if let Err(violation) = check(&mut state.checker) {
            self.found(&mut state, &violation);
        }
    }

    fn found(&self, state: &mut State, violation: &Violation) {
        let of = |number| {
            let (account, device) = state.open.get(&ConnectionId(number))?;
            Some(format!("{account} on {device}"))
        };
        let broken = Broken::new(violation, self.seller.to_string(), of);
        self.breaks(state, broken);
    }

    /// Keeps the first.
    fn breaks(&self, state: &mut State, broken: Broken) {
        if state.broken.is_none() {
            self.verdicts.add(&broken);
            state.broken = Some(broken);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
