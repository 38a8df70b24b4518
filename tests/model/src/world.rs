//! The model: clients, network, store and the process of the host. Only the library knows the
//! protocol's rules.
//!
//! Between two steps nothing of the library is kept: it holds no state but the message on its way,
//! so each step hands in the client's frame again and goes on from there. What is kept is what a
//! host keeps: which saves have been answered and how many effects have been applied.
//!
//! What is written to a connection is read at once. Nothing is lost by that: a client that reads
//! late is one that acts late, and frames that a broken connection swallows are those of a
//! connection that broke before they were written.

use bytes::BytesMut;
use kefu_proto::checker::Event;
use kefu_proto::{
    Accepted, Body, Dialect, Effect, Effects, MsgId, Online, Outbound, Request, Saves, Seq,
    StoredMessage, SyncAnswer,
};

use super::cast::{self, ACCOUNTS, OWNERS, Post, Posts};
use super::client::Client;
use super::host::{self, Host};
use super::judge::Judge;
use super::steps::{Fault, Step};
use super::store::{Answer, Copy, Store};

/// What does not change while the model runs.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a choice by itself")]
pub(crate) struct World {
    pub(crate) host: &'static dyn Host,
    pub(crate) posts: &'static [Post],
    /// At most this many faults happen.
    pub(crate) faults: usize,
    /// Whether the store answers a repeat with the first copy's id, so that nothing may be stored
    /// twice.
    pub(crate) idempotent: bool,
    /// Whether the host asks for both saves at once, or for the second after the first.
    pub(crate) at_once: bool,
    /// How many rows of a queue the host reads in one go.
    pub(crate) page: usize,
    /// What each device speaks. One that is `AsSent` speaks version 1, and its login does not tell.
    pub(crate) dialects: [Dialect; OWNERS.len()],
    /// Whether the store tells what was the newest before.
    pub(crate) tells: bool,
    /// With how many rows a SYNC is answered at most.
    pub(crate) rows: usize,
    /// Whether clients reconnect at once after a crash and sync as soon as they are notified,
    /// instead of at any time.
    pub(crate) prompt: bool,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct State {
    pub(crate) clients: [Client; OWNERS.len()],
    /// `None`: not connected.
    pub(crate) connections: [Option<Connection>; OWNERS.len()],
    /// How often each post has been sent.
    pub(crate) sent: Vec<usize>,
    /// The messages in flight in the host, in the order of their tickets.
    pub(crate) jobs: Vec<Job>,
    /// What is on its way between the host and the store, in the order of tickets and copies.
    pub(crate) calls: Vec<Call>,
    pub(crate) store: Store,
    /// The posts that the push service was told about, by account.
    pub(crate) pushed: [Posts; ACCOUNTS.len()],
    pub(crate) faults_left: usize,
    pub(crate) faults_had: usize,
    pub(crate) judge: Judge,
}

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Connection {
    pub(crate) dialect: Dialect,
    /// Where a sync in progress has begun, and how far it has read.
    pub(crate) reading: Option<(MsgId, MsgId)>,
    /// The key of the last SYNC_END, where that still matters.
    pub(crate) ended: Option<MsgId>,
    /// The client has been told to ask on, and has not.
    pub(crate) is_behind: bool,
    /// A METADATA has been written since the sync in progress began.
    pub(crate) has_copies: bool,
}

/// Which try of which post.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct Ticket {
    pub(crate) post: usize,
    pub(crate) time: usize,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Job {
    pub(crate) ticket: Ticket,
    /// Whether the message's connection still exists. If not, the message is finished all the same
    /// (S7).
    pub(crate) connected: bool,
    /// The ids of both copies as far as they are known; `None` where nothing is to be saved.
    pub(crate) saving: Option<[Option<Answer>; 2]>,
    pub(crate) applied: usize,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Call {
    pub(crate) ticket: Ticket,
    pub(crate) copy: Copy,
    pub(crate) answer: Option<Result<Answer, Failed>>,
}

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Failed;

impl World {
    /// Three devices are connected and have nothing to read; the seller's second one is not
    /// connected yet.
    pub(crate) fn start(&self, faults: usize) -> State {
        let mut state = State {
            clients: [Client::NEW; OWNERS.len()],
            connections: [None; OWNERS.len()],
            sent: vec![0; self.posts.len()],
            jobs: Vec::new(),
            calls: Vec::new(),
            store: Store::default(),
            pushed: [Posts::NONE; ACCOUNTS.len()],
            faults_left: faults,
            faults_had: 0,
            judge: Judge::new(self),
        };
        for device in [cast::ANNS, cast::BOBS, cast::DESK] {
            if !self.takes_part(device) {
                continue;
            }
            self.log_in(&mut state, device);
            self.sync(&mut state, device);
        }
        state
    }

    /// Prompt clients do what they do at once.
    pub(crate) fn settle(&self, last: &State, step: Step, state: &mut State) {
        if !self.prompt {
            return;
        }
        for device in 0..OWNERS.len() {
            if step == Step::Fault(Fault::Crash) && last.connections[device].is_some() {
                self.log_in(state, device);
            }
            while state.clients[device].wants_sync && self.is_idle(state, device) {
                self.sync(state, device);
            }
            if state.clients[device].owes_key && self.is_idle(state, device) {
                self.keep_key(state, device);
            }
        }
    }

    /// Whether a post concerns this device. A device that it does not concern never connects.
    pub(crate) fn takes_part(&self, device: usize) -> bool {
        self.posts.iter().any(|post| {
            let is_party = |parties: [usize; 2]| parties.contains(&OWNERS[device]);
            post.device == device || post.parties.is_some_and(is_party)
        })
    }

    pub(crate) fn log_in(&self, state: &mut State, device: usize) {
        let dialect = self.dialects[device];
        let (online, out) = host::log_in(self.host, device, dialect, None);
        let (judge, identity) = (&mut state.judge, online.identity());
        judge.opens(device);
        judge.sends(device, &cast::login(device, dialect));
        let connection = judge.connection(device);
        judge.observe(Event::LoggedIn { connection, identity, dialect: online.dialect() });
        judge.receives(device, &out);
        let (reading, ended, is_behind, has_copies) = (None, None, false, false);
        state.connections[device] =
            Some(Connection { dialect, reading, ended, is_behind, has_copies });
        state.clients[device].read(out);
    }

    /// A client sends a post, and the host begins with it.
    pub(crate) fn send(&self, state: &mut State, post: usize) {
        let device = self.posts[post].device;
        let frame = self.posts[post].frame(post, self.dialects[device]);
        state.judge.sends(device, &frame);
        self.receive(state, post);
        state.sent[post] += 1;
    }

    fn receive(&self, state: &mut State, post: usize) {
        let ticket = Ticket { post, time: state.sent[post] };
        if !self.host.listens(ticket.time) {
            return;
        }
        let saving = match self.request(post) {
            Request::Deliver(delivery) => {
                let device = self.posts[post].device;
                let (connection, message) = (state.judge.connection(device), delivery.message());
                state.judge.observe(Event::Came { connection, message });
                if let Some(connection) = &mut state.connections[device] {
                    // D1.6
                    connection.dialect = self.spoken(device);
                }
                delivery.is_persistent().then_some([None; 2])
            }
            Request::Refused(_) => {
                if self.host.acknowledges_refused() {
                    let seq = Seq(i32::try_from(post).unwrap());
                    self.write(state, self.posts[post].device, &Outbound::Ack(seq.into()));
                }
                return;
            }
            other => panic!("a post became {other:?}"),
        };
        state.jobs.push(Job { ticket, connected: true, saving, applied: 0 });
        state.jobs.sort_unstable_by_key(|job| job.ticket);
        if saving.is_some() {
            let copies = if self.at_once { &Copy::BOTH[..] } else { &[Copy::Receivers] };
            for copy in copies {
                state.call(ticket, *copy);
            }
        }
    }

    /// The store does what it was asked for.
    pub(crate) fn perform(&self, state: &mut State, call: usize) -> Answer {
        let Call { ticket: Ticket { post, .. }, copy, .. } = state.calls[call];
        let saves = self.saves(post);
        let save = saves.requests()[copy.index()];
        let row = self.host.row(copy, save);
        let known = self.idempotent && self.host.hands_in_the_mark();
        let queue = self.host.queue(save.queue());
        let before = state.store.queues[queue].len();
        let answer = state.store.append(queue, row, known);
        if state.store.queues[queue].len() > before {
            let row = state.store.read(queue, answer.msgid);
            state.judge.observe(Event::Stored { queue: ACCOUNTS[queue], row: &row });
        }
        Answer { previous: answer.previous.filter(|_| self.tells), ..answer }
    }

    /// An answer of the store comes to the host, where perhaps nobody waits for it any more.
    pub(crate) fn answer(&self, state: &mut State, call: &Call) {
        let waiting = state.jobs.iter_mut().enumerate().find_map(|(index, job)| {
            let saving = job.saving?;
            let copy = self.host.answered((job.ticket, saving), (call.ticket, call.copy))?;
            Some((index, copy))
        });
        let Some((index, copy)) = waiting else { return };
        if let Some(Err(Failed)) = call.answer {
            self.tell_failure(state, index, call);
        }
        let failure = || {
            let msgid = self.host.id_of_failure()?;
            Some(Answer { msgid, previous: None })
        };
        let mut answer = call.answer.unwrap().ok().or_else(failure);
        if answer.is_none() {
            state.jobs.remove(index);
            return;
        }
        let Job { ticket, saving, .. } = &mut state.jobs[index];
        let (ticket, saving) = (*ticket, saving.as_mut().unwrap());
        let first = saving[copy.index()].is_none() && copy == Copy::Receivers;
        if let Some(answer) = &mut answer {
            let newest = || {
                let queue = self.saves(ticket.post).requests()[copy.index()].queue();
                state.store.newest_but(self.host.queue(queue), answer.msgid)
            };
            answer.previous = self.host.previous(ticket.time, *answer, &newest);
        }
        saving[copy.index()] = answer;
        if first && !self.at_once {
            state.call(ticket, Copy::Senders);
        }
    }

    fn tell_failure(&self, state: &mut State, index: usize, call: &Call) {
        let Job { ticket, connected, .. } = state.jobs[index];
        let connection = state.judge.origin(self.posts[ticket.post].device, connected);
        let saves = self.saves(ticket.post);
        let queue = saves.requests()[call.copy.index()].queue();
        state.judge.observe(Event::SaveFailed { connection, queue, message: saves.message() });
    }

    /// Whether the effects of a message may be applied.
    pub(crate) fn is_saved(&self, job: &Job) -> bool {
        job.saving.is_none_or(|ids| self.host.saved(ids).is_some())
    }

    /// The host applies the next effect of a message.
    pub(crate) fn apply(&self, state: &mut State, index: usize) {
        let job = &mut state.jobs[index];
        let Job { ticket: Ticket { post, .. }, connected, saving, applied } = job.clone();
        job.applied += 1;
        let effects = self.effects(post, saving);
        if applied + 1 == effects.len() {
            state.jobs.remove(index);
        }
        if let Some(copies) = effects.copies().filter(|_| applied == 0) {
            let connection = state.judge.origin(self.posts[post].device, connected);
            let message = effects.message();
            state.judge.observe(Event::Confirmed { connection, message, copies });
        }
        let effect = effects.iter().nth(applied).unwrap();
        state.push(&effect);
        let own = connected.then_some(self.posts[post].device);
        for device in 0..OWNERS.len() {
            if self.host.reaches(&effect, device, own) {
                self.write(state, device, &effect.message());
            }
        }
    }

    /// A client sends SYNC if none is in progress; the host reads the next rows, and the answer ends
    /// after the last or where it is full.
    pub(crate) fn sync(&self, state: &mut State, device: usize) {
        let connection = state.connections[device].unwrap();
        let mut out = BytesMut::new();
        let mut online = host::resume(self, device, connection);
        let mut answer = self.begin_sync(state, device, &mut online, &mut out);
        let begin = answer.after().unwrap();
        let mut end = begin;
        let mut next = |answer: &mut SyncAnswer, out: &mut BytesMut| {
            let row = self.next_row(&state.store, answer)?;
            online.sync_row(answer, row, out).unwrap();
            end = answer.after()?;
            Some(())
        };
        // An answer in progress is made once more, up to where it was: so much has been written.
        if let Some((_, upto)) = connection.reading {
            while answer.after() < Some(upto) && next(&mut answer, &mut out).is_some() {}
            out.clear();
        }
        let goes_on = (0..self.page).all(|_| next(&mut answer, &mut out).is_some());
        let is_full = answer.after().is_none();
        let dialect = connection.dialect;
        state.connections[device] = Some(if goes_on {
            Connection { reading: Some((begin, end)), is_behind: false, ..connection }
        } else {
            online.finish_sync(answer, &mut out).unwrap();
            // Otherwise the client asks from a key of its own, and it does not matter.
            let ended = (is_full || end == MsgId(0)).then_some(end);
            // S12.4
            let is_behind = is_full && !connection.has_copies;
            Connection { dialect, reading: None, ended, is_behind, has_copies: false }
        });
        state.judge.receives(device, &out);
        state.clients[device].read(out);
    }

    fn begin_sync(
        &self,
        state: &mut State,
        device: usize,
        online: &mut Online,
        out: &mut BytesMut,
    ) -> SyncAnswer {
        let connection = state.connections[device].unwrap();
        let client = &mut state.clients[device];
        let begun = connection.reading.map(|(begin, _)| begin);
        let key = begun.unwrap_or(client.key);
        let mut frame = cast::plain(Body::Sync(key));
        if begun.is_none() {
            state.judge.sends(device, &frame);
        }
        let request = match host::receive(online, &mut frame) {
            Request::Sync(request) => request,
            other => panic!("SYNC became {other:?}"),
        };
        let kept = state.store.kept[self.host.queue(request.queue())];
        let kept = kept.filter(|_| begun.is_none()).unwrap_or(MsgId(0));
        if begun.is_none() {
            let connection = state.judge.connection(device);
            state.judge.observe(Event::Syncing { connection, kept });
        }
        let answer = online.begin_sync(request, kept, out).unwrap();
        client.wants_sync &= begun.is_some();
        if begun.is_none() && client.key == MsgId(0) {
            client.since = answer.after().unwrap();
        }
        answer
    }

    fn next_row(&self, store: &Store, answer: &SyncAnswer) -> Option<StoredMessage> {
        let queue = self.host.queue(answer.queue());
        let msgid = self.host.next_row(&mut store.ids_after(queue, answer.after()?))?;
        Some(store.read(queue, msgid))
    }

    /// What the devices of a post's owner say.
    fn spoken(&self, device: usize) -> Dialect {
        match self.dialects[device] {
            Dialect::AsSent => Dialect::V1,
            spoken => spoken,
        }
    }

    /// A client sends SYNC_KEY, and the host keeps it.
    pub(crate) fn keep_key(&self, state: &mut State, device: usize) {
        let frame = cast::plain(Body::SyncKey(state.clients[device].key));
        state.judge.sends(device, &frame);
        let (online, request) = host::request(self.host, device, self.dialects[device], frame);
        let Request::KeepSyncKey(key) = request else { panic!("SYNC_KEY became {request:?}") };
        let kept = &mut state.store.kept[self.host.queue(online.identity().account())];
        *kept = Some(self.host.keeps(*kept, key));
        state.clients[device].owes_key = false;
    }

    /// A frame goes out on the connection of a device, if there is one.
    fn write(&self, state: &mut State, device: usize, message: &Outbound<'_>) {
        let Some(connection) = state.connections[device] else { return };
        // How the last SYNC ended matters only to who has to ask on.
        let ended = connection.ended.filter(|_| connection.is_behind);
        let mut online = host::resume(self, device, Connection { ended, ..connection });
        let mut out = BytesMut::new();
        self.host.write(&mut online, message, &mut out);
        let to = state.judge.connection(device);
        state.judge.observe(Event::Given { connection: to, message: *message });
        state.judge.receives(device, &out);
        let is_pair = matches!(message, Outbound::LiveCopy(_) | Outbound::LiveAck(_));
        let copies = is_pair && connection.reading.is_some() && connection.dialect != Dialect::V1;
        let has_copies = connection.has_copies || copies;
        state.connections[device] = Some(Connection { has_copies, ..connection });
        state.clients[device].read(out);
    }

    fn effects(&self, post: usize, saving: Option<[Option<Answer>; 2]>) -> Effects {
        match self.accepted(post) {
            Accepted::Persistent(saves) => saves.confirm(self.host.saved(saving.unwrap()).unwrap()),
            Accepted::Transient(effects) => effects,
        }
    }

    fn saves(&self, post: usize) -> Saves {
        let Accepted::Persistent(saves) = self.accepted(post) else { panic!("not to be saved") };
        saves
    }

    fn accepted(&self, post: usize) -> Accepted {
        match self.request(post) {
            Request::Deliver(delivery) => delivery.accept(),
            other => panic!("a post became {other:?}"),
        }
    }

    fn request(&self, post: usize) -> Request {
        let Post { device, .. } = self.posts[post];
        let dialect = self.dialects[device];
        host::request(self.host, device, dialect, self.posts[post].frame(post, dialect)).1
    }
}

impl State {
    /// H7.3: the push service is told about users who are connected nowhere.
    fn push(&mut self, effect: &Effect<'_>) {
        let Effect::PushMessage { to, message } = effect else { return };
        let account = ACCOUNTS.iter().position(|account| account == to).unwrap();
        let online =
            |device: usize| OWNERS[device] == account && self.connections[device].is_some();
        if !(0..OWNERS.len()).any(online) {
            self.pushed[account].insert(message.content()[0].into());
            self.judge.observe(Event::Pushed { to: *to, message });
        }
    }

    fn call(&mut self, ticket: Ticket, copy: Copy) {
        self.calls.push(Call { ticket, copy, answer: None });
        self.calls.sort_unstable_by_key(|call| (call.ticket, call.copy));
    }
}
