//! What can happen next, and why it comes to an end.

use core::cmp::Reverse;

use stateright::{Model, Property};

use super::cast::OWNERS;
use super::properties;
use super::store::Answer;
use super::world::{Failed, State, World};

/// One step of the world. Posts, devices, jobs and calls are given by their index.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Step {
    Send(usize),
    Perform(usize),
    Answer(usize),
    Apply(usize),
    Sync(usize),
    KeepKey(usize),
    LogIn(usize),
    Fault(Fault),
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Fault {
    /// The host loses its connections and everything in flight.
    Crash,
    /// A connection breaks.
    Drop(usize),
    /// A save fails.
    Fail(usize),
    /// A save is reported to have failed and has been done.
    FailLate(usize),
    /// An answer comes, and will come once more.
    AnswerTwice(usize),
    /// A client has sent again without need, perhaps while the ACK was on its way.
    SendTwice(usize),
}

impl Model for World {
    type State = State;
    type Action = Step;

    /// One state for each number of faults, since all the faults that are left do happen: otherwise
    /// a path that comes to rest without them would not be one that ends.
    fn init_states(&self) -> Vec<State> {
        (0..=self.faults).map(|faults| self.start(faults)).collect()
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        steps.extend(self.sends(state).map(Step::Send));
        for (index, call) in state.calls.iter().enumerate() {
            steps.push(call.answer.map_or(Step::Perform(index), |_| Step::Answer(index)));
        }
        let saved = |index: &usize| self.is_saved(&state.jobs[*index]);
        steps.extend((0..state.jobs.len()).filter(saved).map(Step::Apply));
        for device in 0..OWNERS.len() {
            match state.connections[device] {
                None if self.takes_part(device) => steps.push(Step::LogIn(device)),
                None => {}
                Some(connection) => {
                    let idle = self.is_idle(state, device);
                    if connection.reading.is_some() || idle && state.clients[device].wants_sync {
                        steps.push(Step::Sync(device));
                    }
                    if idle && state.clients[device].owes_key {
                        steps.push(Step::KeepKey(device));
                    }
                }
            }
        }
        if state.faults_left > 0 {
            steps.extend(self.possible_faults(state).map(Step::Fault));
        }
    }

    fn next_state(&self, last: &State, step: Step) -> Option<State> {
        let mut next = last.clone();
        let state = &mut next;
        match step {
            Step::Send(post) => self.send(state, post),
            Step::Perform(call) => {
                let answer = self.perform(state, call);
                state.calls[call].answer = Some(Ok(answer));
            }
            Step::Answer(call) => {
                let call = state.calls.remove(call);
                self.answer(state, &call);
            }
            Step::Apply(job) => self.apply(state, job),
            Step::Sync(device) => self.sync(state, device),
            Step::KeepKey(device) => self.keep_key(state, device),
            Step::LogIn(device) => self.log_in(state, device),
            Step::Fault(fault) => self.fail(state, fault),
        }
        self.settle(last, step, &mut next);
        assert!(next.rank() < last.rank(), "{step:?} leads no nearer to the end of {last:#?}");
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = properties::all();
        properties.extend(properties::occurrences_of_version_2(self));
        if self.faults > 0 {
            properties.extend(properties::occurrences());
        }
        properties
    }
}

impl World {
    /// A client sends what it has to send, and again if that brought no ACK and nothing is under
    /// way on its connection any more. It never takes more repeats than there were faults.
    fn sends<'s>(&'s self, state: &'s State) -> impl Iterator<Item = usize> + 's {
        (0..self.posts.len()).filter(|post| {
            let device = self.posts[*post].device;
            let first = state.sent[*post] == 0;
            let again = self.posts[*post].parties.is_some()
                && !state.clients[device].acked.contains(*post)
                && state.sent[*post] <= state.faults_had;
            (first || again) && self.is_idle(state, device)
        })
    }

    /// Whether the host has finished what came on the connection of a device: one request after the
    /// other.
    pub(crate) fn is_idle(&self, state: &State, device: usize) -> bool {
        let busy = state
            .jobs
            .iter()
            .any(|job| job.connected && self.posts[job.ticket.post].device == device);
        !busy && state.connections[device].is_some_and(|connection| connection.reading.is_none())
    }

    fn possible_faults<'s>(&'s self, state: &'s State) -> impl Iterator<Item = Fault> + 's {
        let devices = (0..OWNERS.len()).filter(|device| state.connections[*device].is_some());
        let calls = |answered| {
            let calls = state.calls.iter().enumerate();
            calls.filter(move |call| call.1.answer.is_some() == answered).map(|call| call.0)
        };
        let posts = (0..self.posts.len())
            .filter(|post| state.sent[*post] > 0 && self.is_idle(state, self.posts[*post].device));
        [Fault::Crash]
            .into_iter()
            .chain(devices.map(Fault::Drop))
            .chain(calls(false).flat_map(|call| [Fault::Fail(call), Fault::FailLate(call)]))
            .chain(calls(true).map(Fault::AnswerTwice))
            .chain(posts.map(Fault::SendTwice))
    }

    fn fail(&self, state: &mut State, fault: Fault) {
        state.faults_left -= 1;
        state.faults_had += 1;
        match fault {
            Fault::Crash => {
                state.jobs.clear();
                (0..OWNERS.len()).for_each(|device| state.close(device));
            }
            Fault::Drop(device) => {
                state.close(device);
                for job in &mut state.jobs {
                    job.connected &= self.posts[job.ticket.post].device != device;
                }
            }
            Fault::Fail(call) => state.calls[call].answer = Some(Err(Failed)),
            Fault::FailLate(call) => {
                self.perform(state, call);
                state.calls[call].answer = Some(Err(Failed));
            }
            Fault::AnswerTwice(call) => {
                let call = state.calls[call].clone();
                self.answer(state, &call);
            }
            Fault::SendTwice(post) => self.send(state, post),
        }
    }
}

/// What is left to happen, the weightiest first: see [`State::rank`].
type Rank = (usize, Reverse<usize>, usize, usize, Reverse<i64>, usize, usize, Reverse<i64>, usize);

impl State {
    fn close(&mut self, device: usize) {
        if self.connections[device].take().is_some() {
            self.judge.closes(device);
        }
    }

    /// Falls with every step, so that no path has a cycle and every path ends. On that rests what
    /// stateright says of a property that holds eventually.
    fn rank(&self) -> Rank {
        let unanswered = |ids: &[Option<Answer>; 2]| ids.iter().filter(|id| id.is_none()).count();
        let jobs = self
            .jobs
            .iter()
            .map(|job| 100 + 10 * job.saving.as_ref().map_or(0, unanswered) - job.applied);
        let calls = self.calls.iter().map(|call| 1 + usize::from(call.answer.is_none()));
        let offline = self.connections.iter().filter(|connection| connection.is_none());
        let wishes = self.clients.iter().filter(|client| client.wants_sync);
        let connections = || self.connections.iter().flatten();
        let synced = || connections().filter_map(|it| it.reading).map(|(_, upto)| upto);
        // Where a device's next SYNC begins, or this one has begun.
        let begun = self.clients.iter().zip(&self.connections).map(|(client, connection)| {
            connection.and_then(|it| it.reading).map_or(client.key.0, |(begin, _)| begin.0)
        });
        (
            self.faults_left,
            Reverse(self.sent.iter().sum()),
            jobs.sum::<usize>() + calls.sum::<usize>(),
            offline.count(),
            Reverse(begun.sum()),
            wishes.count(),
            synced().count(),
            Reverse(synced().map(|msgid| msgid.0).sum()),
            self.clients.iter().filter(|client| client.owes_key).count(),
        )
    }
}
