//! The simulated host: what a server builds around the library. It takes one request after the
//! other, or several at once, and it may die between any two effects.

mod connection;
mod effects;
mod login;
mod outbox;
mod plant;
mod planted;
mod store;
mod sync;
mod tampering;

use std::collections::HashMap;

use kefu_proto::checker::{self, ConnectionId, ServerId, Violation};
use kefu_proto::{
    Accepted, Account, AppId, Appended, Config, Copies, Dialect, Encode, MsgId, Online, Platform,
    Request, Saves, UnixTime,
};

use crate::agenda::{Answer, Event};
use crate::cast::{Cast, account};
use crate::promises::Promises;
use crate::sim::{Sim, Verdict};
use connection::{Connection, Failed, InFlight, Saving, State};
pub(crate) use plant::Plant;
pub(crate) use store::Store;
use tampering::Tampering;

pub(crate) struct Host {
    config: Config,
    promises: Promises,
    /// Connections are spread over so many servers, which pass messages on as bytes.
    servers: usize,
    /// How many requests of a connection may be in flight.
    window: usize,
    /// Whether both copies are saved at the same time; if not, one after the other.
    both_at_once: bool,
    plant: Option<Plant>,
    store: Store,
    connections: Vec<Option<Connection>>,
    directory: HashMap<Account, Vec<usize>>,
    tokens: HashMap<Vec<u8>, Account>,
    devices: HashMap<(Vec<u8>, i8), i64>,
    /// What web clients have shown to speak (D1.4).
    dialects: HashMap<(Account, Platform), Dialect>,
    tampering: Tampering,
    tickets: u64,
    life: u32,
    out: Vec<u8>,
}

impl Host {
    pub(crate) fn new(
        cast: &Cast,
        promises: Promises,
        plant: Option<Plant>,
        sim: &mut Sim,
    ) -> Self {
        let tokens = cast.people.iter().map(|one| (one.token.clone(), account(one.user))).collect();
        let both_at_once = sim.rng.bool();
        Self {
            config: Config::new(AppId(cast.kefu_app)).unwrap(),
            promises,
            servers: sim.rng.usize(1..4),
            window: if both_at_once { [1, 4, 32][sim.rng.usize(..3)] } else { 1 },
            both_at_once,
            plant,
            store: Store::new(promises.idempotent, plant, &mut sim.rng),
            connections: Vec::new(),
            directory: HashMap::new(),
            tokens,
            devices: HashMap::new(),
            dialects: HashMap::new(),
            tampering: Tampering::default(),
            tickets: 0,
            life: 0,
            out: Vec::new(),
        }
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// Bytes arrive, or the end of a client's.
    pub(crate) fn receive(&mut self, sim: &mut Sim, link: usize) -> Verdict {
        let arrival = sim.arrive_at_server(link);
        self.open(sim, link)?;
        if !sim.up || self.dies(sim)? {
            return self.lose(sim, link);
        }
        let Some(connection) = &mut self.connections[link] else { return Ok(()) };
        connection.read.extend_from_slice(&arrival.bytes);
        connection.unjudged.extend_from_slice(&arrival.bytes);
        connection.hung_up |= arrival.end;
        self.work(sim, link)
    }

    /// Connections up to this one are open, or have been. All pass for those of one server: what is
    /// passed on between them arrives at once.
    fn open(&mut self, sim: &mut Sim, link: usize) -> Verdict {
        for link in self.connections.len()..=link {
            let (connection, server) = (id(link), ServerId(0));
            sim.observe(checker::Event::Opened { connection, server })?;
            let bounds = self.promises.outbox.unwrap_or_default();
            self.connections.push(Some(Connection::new(self.config, bounds)));
        }
        Ok(())
    }

    pub(crate) fn save(&mut self, sim: &mut Sim, shard: usize) -> Verdict {
        self.store.step(sim, shard)
    }

    /// The store has answered: late, twice, or to a host that is no more.
    pub(crate) fn answered(&mut self, sim: &mut Sim, answer: Answer) -> Verdict {
        let Answer { life, link, ticket, copy, msgid, previous } = answer;
        if life != self.life || self.dies(sim)? {
            sim.tally.late_answers += 1;
            return Ok(());
        }
        let Some(connection) = &mut self.connections[link] else { return Ok(()) };
        let Some(saving) = connection.saving(ticket) else { return Ok(()) };
        if saving.answers[copy].is_some() {
            return Ok(());
        }
        let appended =
            msgid.map(|msgid| Appended { msgid: MsgId(msgid), previous: previous.map(MsgId) });
        saving.answers[copy] = Some(appended.ok_or(Failed));
        if appended.is_none() {
            let queue = saving.saves.requests()[copy].queue();
            let (connection, message) = (id(link), saving.saves.message());
            sim.observe(checker::Event::SaveFailed { connection, queue, message })?;
        }
        if self.plant == Some(Plant::NotifyEarly) && copy == 0 {
            self.notify_early(sim, link, ticket, msgid)?;
        }
        self.second_save(sim, link, ticket);
        self.work(sim, link)
    }

    /// Whether the host dies here. All that it had in memory is lost.
    fn dies(&mut self, sim: &mut Sim) -> Result<bool, Violation> {
        if !sim.happens(sim.odds.crash) {
            return Ok(false);
        }
        sim.tally.crashes += 1;
        self.life += 1;
        sim.up = false;
        self.store.crash(&mut sim.rng);
        self.directory.clear();
        for link in 0..self.connections.len() {
            self.lose(sim, link)?;
        }
        let delay = sim.rng.u64(1..5_000);
        sim.agenda.after(delay, Event::Restart);
        Ok(true)
    }

    fn lose(&mut self, sim: &mut Sim, link: usize) -> Verdict {
        if self.connections[link].take().is_some() {
            sim.observe(checker::Event::Closed { connection: id(link) })?;
            sim.server_dies(link);
        }
        Ok(())
    }

    /// Takes requests in and finishes them in order, until there is nothing left to do now.
    fn work(&mut self, sim: &mut Sim, link: usize) -> Verdict {
        loop {
            self.log_in(sim, link)?;
            self.take_in(sim, link)?;
            if !self.finish_first(sim, link)? {
                break;
            }
        }
        let Some(connection) = &self.connections[link] else { return Ok(()) };
        let closed = matches!(connection.state, State::Closed(_));
        if connection.in_flight.is_empty() && (closed || connection.hung_up) {
            self.remove(sim, link)?;
        }
        Ok(())
    }

    fn remove(&mut self, sim: &mut Sim, link: usize) -> Verdict {
        self.write_waiting(sim, link)?;
        let connection = self.connections[link].take();
        if let Some(account) = connection.as_ref().and_then(Connection::account) {
            self.directory.get_mut(&account).unwrap().retain(|&other| other != link);
        }
        sim.observe(checker::Event::Closed { connection: id(link) })?;
        sim.server_closes(link);
        Ok(())
    }

    /// H4: the clock is read for every request.
    fn take_in(&mut self, sim: &mut Sim, link: usize) -> Verdict {
        let now = UnixTime::saturating_from_secs(sim.clock.read(sim.now()));
        sim.observe(checker::Event::Time(now))?;
        loop {
            let Some(connection) = &mut self.connections[link] else { return Ok(()) };
            let State::Online(online) = &mut connection.state else { return Ok(()) };
            if connection.in_flight.len() >= self.window {
                return Ok(());
            }
            let peeked = self.plant.and_then(|_| planted::first_chat(&connection.read));
            let next = online.receive(&mut connection.read, now);
            let over = next.is_err();
            // S7.1: whatever else has been read, it is over.
            assert!(!over || online.receive(&mut connection.read, now).is_err(), "it goes on");
            let bytes = connection.judged(over);
            sim.observe(checker::Event::Sent { connection: id(link), bytes: &bytes })?;
            match next {
                Ok(Some(Request::KeepDialect(dialect))) => self.keep_dialect(sim, link, dialect)?,
                Ok(Some(request)) => {
                    came(sim, link, &request)?;
                    let request = self.spoil(sim, link, request, peeked)?;
                    self.begin(sim, link, request);
                }
                Ok(None) => return Ok(()),
                Err(_) => {
                    connection.close();
                    self.go_on_after_malformed(sim, link, peeked);
                }
            }
        }
    }

    fn begin(&mut self, sim: &mut Sim, link: usize, request: Request) {
        let begun = match request {
            Request::Deliver(delivery) => match delivery.accept() {
                Accepted::Persistent(saves) => InFlight::Saving(self.saving(sim, link, saves)),
                Accepted::Transient(effects) => InFlight::Applying(effects),
            },
            request => InFlight::Ready(request),
        };
        self.connections[link].as_mut().unwrap().in_flight.push_back(begun);
    }

    fn saving(&mut self, sim: &mut Sim, link: usize, saves: Saves) -> Saving {
        self.tickets += 1;
        let ticket = self.tickets;
        let body = store::body_of(&saves);
        for copy in 0..if self.both_at_once { 2 } else { 1 } {
            let (life, msgid, previous) = (self.life, None, None);
            let answer = Answer { life, link, ticket, copy, msgid, previous };
            self.store.submit(sim, &saves, &body, answer);
        }
        Saving { ticket, saves, body, answers: [None; 2] }
    }

    /// A host that saves one copy after the other goes on only after the first is stored (H8).
    fn second_save(&mut self, sim: &mut Sim, link: usize, ticket: u64) {
        let life = self.life;
        let Some(connection) = &mut self.connections[link] else { return };
        let Some(saving) = connection.saving(ticket) else { return };
        match saving.answers {
            [Some(Err(Failed)), None] if !self.both_at_once => {
                saving.answers[1] = Some(Err(Failed));
            }
            [Some(Ok(_)), None] if !self.both_at_once => {
                let (copy, msgid, previous) = (1, None, None);
                let answer = Answer { life, link, ticket, copy, msgid, previous };
                self.store.submit(sim, &saving.saves, &saving.body, answer);
            }
            _ => {}
        }
    }

    /// Finishes the first request, if it can be. Returns whether it was.
    fn finish_first(&mut self, sim: &mut Sim, link: usize) -> Result<bool, Violation> {
        let Some(connection) = &mut self.connections[link] else { return Ok(false) };
        match connection.in_flight.front() {
            None
            | Some(
                InFlight::Syncing(..)
                | InFlight::Saving(Saving { answers: [None, _] | [_, None], .. }),
            ) => return Ok(false),
            Some(InFlight::Ready(_) | InFlight::Applying(_) | InFlight::Saving(_)) => {}
        }
        match connection.in_flight.pop_front() {
            Some(InFlight::Ready(request)) => self.finish(sim, link, request)?,
            Some(InFlight::Applying(effects)) => self.apply(sim, link, &effects)?,
            Some(InFlight::Saving(Saving {
                saves,
                answers: [Some(Ok(receiver)), Some(Ok(sender))],
                ..
            })) => {
                let copies = self.spoil_copies(&saves, Copies { receiver, sender });
                let (connection, message) = (id(link), saves.message());
                sim.observe(checker::Event::Confirmed { connection, message, copies })?;
                self.apply(sim, link, &saves.confirm(copies))?;
            }
            // H8: nothing follows.
            _ => {}
        }
        Ok(true)
    }

    fn finish(&mut self, sim: &mut Sim, link: usize, request: Request) -> Verdict {
        match request {
            Request::Reply(message) => self.write(sim, link, &message),
            Request::Sync(request) => self.sync(sim, link, request),
            Request::KeepSyncKey(key) => {
                let account = self.account(link).unwrap();
                self.store.keep(sim, account, key);
                Ok(())
            }
            Request::Refused(_) => {
                sim.tally.refusals += 1;
                Ok(())
            }
            Request::Unlisted(mut frame) => {
                frame.command.0 ^= u8::from(self.plant == Some(Plant::ChangeUnlisted));
                sim.observe(checker::Event::Unlisted { connection: id(link), frame: &frame })
            }
            other => panic!("{other:?} is nothing to finish"),
        }
    }

    fn account(&self, link: usize) -> Option<Account> {
        self.connections[link].as_ref()?.account()
    }

    /// Writes a frame to a connection, if it still exists and is logged in.
    fn write(&mut self, sim: &mut Sim, link: usize, message: &impl Encode) -> Verdict {
        let plant = self.plant;
        let own_numbers = plant == Some(Plant::OwnNumbers);
        let Some((online, out)) = self.online(link) else { return Ok(()) };
        if own_numbers {
            message.encode(out).unwrap();
        } else {
            online.write(message, out).unwrap();
        }
        let insists = plant.is_some_and(|plant| tampering::insists(plant, message.command()));
        if out.is_empty() && insists && !self.is_answering(link) {
            message.encode(&mut self.out).unwrap();
        }
        self.flush(sim, link)
    }

    /// Whether the answer to a SYNC is under way, for whose end a SYNC_NOTIFY waits (S12.6).
    fn is_answering(&self, link: usize) -> bool {
        let first = self.connections[link].as_ref().and_then(|it| it.in_flight.front());
        matches!(first, Some(InFlight::Syncing(_)))
    }

    /// The connection, if it still exists and is logged in, and the buffer that it writes to.
    fn online(&mut self, link: usize) -> Option<(&mut Online, &mut Vec<u8>)> {
        match &mut self.connections.get_mut(link)?.as_mut()?.state {
            State::Online(online) | State::Closed(Some(online)) => Some((online, &mut self.out)),
            State::Login(_) | State::Closed(None) => None,
        }
    }

    /// Sends what is in `out`, one frame after the other.
    fn flush(&mut self, sim: &mut Sim, link: usize) -> Verdict {
        let mut out = std::mem::take(&mut self.out);
        if let Some(plant) = self.plant {
            self.tampering.tamper(plant, link, &mut out);
        }
        if !out.is_empty() {
            sim.observe(checker::Event::Received { connection: id(link), bytes: &out })?;
            sim.send_to_client(link, &out);
        }
        out.clear();
        self.out = out;
        Ok(())
    }
}

/// A connection as the checker knows it.
fn id(link: usize) -> ConnectionId {
    ConnectionId(u64::try_from(link).unwrap())
}

/// The host takes a request in.
fn came(sim: &mut Sim, link: usize, request: &Request) -> Verdict {
    let Request::Deliver(delivery) = request else { return Ok(()) };
    let (connection, message) = (id(link), delivery.message());
    sim.observe(checker::Event::Came { connection, message })
}
