//! The checker, as clients and host share it.

use std::collections::HashSet;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use kefu_faulty::Watch;
use kefu_proto::checker::{Checker, ConnectionId, Event, Terms, Violation};
use kefu_proto::{Account, AppId, Config, UnixTime};

/// Longer than anything takes on a busy machine: only what never comes is waited for so long.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// From where the host is seen.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum View {
    Inside,
    Outside,
    Both,
}

/// Hears of everything, and keeps the first violation.
pub(crate) struct Judge {
    view: View,
    state: Mutex<State>,
    has_closed: Condvar,
}

struct State {
    checker: Checker,
    violation: Option<Violation>,
    closed: HashSet<ConnectionId>,
}

impl Judge {
    pub(crate) fn new(view: View, accounts: &[Account]) -> Self {
        let mut terms = Terms::new(Config::new(AppId(1453)).expect("not 0"));
        terms.has_own_rules = true;
        terms.saves_may_fail = true;
        terms.remembers_dialects = true;
        let mut checker = Checker::new(terms);
        for &account in accounts {
            checker.add_token(token(account).as_bytes(), account);
        }
        let state = Mutex::new(State { checker, violation: None, closed: HashSet::new() });
        Self { view, state, has_closed: Condvar::new() }
    }

    /// What the host tells.
    pub(crate) fn watch(self: &Arc<Self>) -> Watch {
        let judge = Arc::clone(self);
        Arc::new(move |event| judge.inside(event))
    }

    fn inside(&self, event: Event<'_>) {
        let mut state = self.lock();
        match (self.view, &event) {
            // The client has told of its coming, before it sent anything.
            (View::Outside, _) | (View::Both, Event::Opened { .. }) => {}
            _ => state.observe(event),
        }
        if let Event::Closed { connection } = event {
            state.closed.insert(connection);
            self.has_closed.notify_all();
        }
    }

    /// What a client sees or does.
    pub(crate) fn outside(&self, event: Event<'_>) {
        if self.view == View::Inside {
            return;
        }
        let mut state = self.lock();
        // Otherwise the host tells the time, which is the one that it goes by.
        if self.view == View::Outside {
            state.observe(Event::Time(UnixTime::saturating_from(SystemTime::now())));
        }
        state.observe(event);
    }

    /// Waits until the host has found out that a client has left.
    pub(crate) fn wait_until_closed(&self, connection: ConnectionId) {
        let is_open = |state: &mut State| !state.closed.contains(&connection);
        let waited = self.has_closed.wait_timeout_while(self.lock(), DEADLINE, is_open);
        let (_state, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        assert!(!timeout.timed_out(), "the host does not notice that {connection} has left");
    }

    pub(crate) fn is_outside(&self) -> bool {
        self.view == View::Outside
    }

    /// All is quiet: the first violation, if there is one.
    pub(crate) fn verdict(&self) -> Option<Violation> {
        let state = &mut *self.lock();
        state.violation.take().or_else(|| state.checker.finish().err())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn observe(&mut self, event: Event<'_>) {
        if self.violation.is_none() {
            self.violation = self.checker.observe(event).err();
        }
    }
}

pub(crate) fn token(Account { appid, uid }: Account) -> String {
    format!("tok-{appid}-{uid}")
}
