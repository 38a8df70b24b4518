//! The simulated host: what a server builds around the library. It takes one request after the
//! other, or several at once, and it may die between any two effects.

mod connection;
mod effects;
mod login;
mod plant;
mod planted;
mod store;
mod sync;
mod tampering;

use std::collections::HashMap;

use kefu_proto::{
    Accepted, Account, AppId, Appended, Config, Copies, Dialect, Encode, MsgId, Online, Platform,
    Request, Saves, UnixTime, UserId,
};

use crate::agenda::{Answer, Event};
use crate::cast::Cast;
use crate::judge::{Rule, Terms, Verdict, Violation};
use crate::sim::Sim;
use connection::{Connection, Failed, InFlight, Saving, State};
pub(crate) use plant::Plant;
use store::Store;
use tampering::Tampering;

pub(crate) struct Host {
    config: Config,
    terms: Terms,
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
    pub(crate) fn new(cast: &Cast, terms: Terms, plant: Option<Plant>, sim: &mut Sim) -> Self {
        let account = |user: (i64, i64)| Account { appid: AppId(user.0), uid: UserId(user.1) };
        let tokens = cast.people.iter().map(|one| (one.token.clone(), account(one.user))).collect();
        let both_at_once = sim.rng.bool();
        Self {
            config: Config::new(AppId(cast.kefu_app)).unwrap(),
            terms,
            servers: sim.rng.usize(1..4),
            window: if both_at_once { [1, 4, 32][sim.rng.usize(..3)] } else { 1 },
            both_at_once,
            plant,
            store: Store::new(terms.idempotent, plant, &mut sim.rng),
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

    pub(crate) fn audit(&self, sim: &Sim) -> Verdict {
        self.store.audit(sim)
    }

    /// Bytes arrive, or the end of a client's.
    pub(crate) fn receive(&mut self, sim: &mut Sim, link: usize) -> Verdict {
        let arrival = sim.arrive_at_server(link);
        let config = self.config;
        let length = self.connections.len().max(link + 1);
        self.connections.resize_with(length, || Some(Connection::new(config)));
        if !sim.up || self.dies(sim) {
            self.lose(sim, link);
            return Ok(());
        }
        let Some(connection) = &mut self.connections[link] else { return Ok(()) };
        connection.read.extend_from_slice(&arrival.bytes);
        sim.judge.arrived(link, &arrival.bytes);
        connection.hung_up |= arrival.end;
        self.work(sim, link)
    }

    pub(crate) fn save(&mut self, sim: &mut Sim, shard: usize) -> Verdict {
        self.store.step(sim, shard)
    }

    /// The store has answered: late, twice, or to a host that is no more.
    pub(crate) fn answered(&mut self, sim: &mut Sim, answer: Answer) -> Verdict {
        let Answer { life, link, ticket, copy, msgid, previous } = answer;
        if life != self.life || self.dies(sim) {
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
        if self.plant == Some(Plant::NotifyEarly) && copy == 0 {
            self.notify_early(sim, link, ticket, msgid)?;
        }
        self.second_save(sim, link, ticket);
        self.work(sim, link)
    }

    /// Whether the host dies here. All that it had in memory is lost.
    fn dies(&mut self, sim: &mut Sim) -> bool {
        if !sim.happens(sim.odds.crash) {
            return false;
        }
        sim.tally.crashes += 1;
        self.life += 1;
        sim.up = false;
        self.store.crash(&mut sim.rng);
        self.directory.clear();
        for link in 0..self.connections.len() {
            self.lose(sim, link);
        }
        let delay = sim.rng.u64(1..5_000);
        sim.agenda.after(delay, Event::Restart);
        true
    }

    fn lose(&mut self, sim: &mut Sim, link: usize) {
        if self.connections[link].take().is_some() {
            sim.judge.gone(link);
            sim.server_dies(link);
        }
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
            self.remove(sim, link);
        }
        Ok(())
    }

    fn remove(&mut self, sim: &mut Sim, link: usize) {
        let connection = self.connections[link].take();
        if let Some(account) = connection.as_ref().and_then(Connection::account) {
            self.directory.get_mut(&account).unwrap().retain(|&other| other != link);
        }
        sim.judge.gone(link);
        sim.server_closes(link);
    }

    /// H4: the clock is read for every request.
    fn take_in(&mut self, sim: &mut Sim, link: usize) -> Verdict {
        let now = UnixTime::saturating_from_secs(sim.clock.read(sim.now()));
        loop {
            let Some(connection) = &mut self.connections[link] else { return Ok(()) };
            let State::Online(online) = &mut connection.state else { return Ok(()) };
            if connection.in_flight.len() >= self.window {
                return Ok(());
            }
            let peeked = self.plant.and_then(|_| planted::first_chat(&connection.read));
            let unread = connection.read.len();
            let next = online.receive(&mut connection.read, now);
            let consumed = unread - connection.read.len();
            sim.judge.consumed(link, consumed)?;
            match next {
                Ok(Some(Request::KeepDialect(dialect))) => self.keep_dialect(sim, link, dialect)?,
                Ok(Some(request)) => {
                    let request = self.spoil(sim, link, request, peeked)?;
                    self.begin(sim, link, request);
                }
                Ok(None) => return Ok(()),
                Err(_) => {
                    // S7: whatever else has been read, it is over.
                    let over = online.receive(&mut connection.read, now).is_err();
                    Rule::IgnoredIsNothing
                        .demands(over, || format!("connection {link} goes on"))?;
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
                let continues = [copies.receiver, copies.sender].map(|it| it.previous.is_some());
                let (command, body) = (saves.message().command(), store::body_of(&saves));
                sim.judge.confirmed(command.0, &body, continues);
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
            Request::Unlisted(frame) => {
                let spoilt = u8::from(self.plant == Some(Plant::ChangeUnlisted));
                sim.judge.got_unlisted(link, frame.command.0 ^ spoilt, &frame.body)
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
        if out.is_empty() && plant.is_some_and(|plant| tampering::insists(plant, message.command()))
        {
            message.encode(out).unwrap();
        }
        self.flush(sim, link)
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
        let mut rest = &out[..];
        while !rest.is_empty() {
            let end = crate::wire::Head::read(rest).map_or(rest.len(), |(_, end)| end);
            let now = sim.now();
            sim.judge.wrote(&sim.clock, now, link, &rest[..end])?;
            rest = &rest[end..];
        }
        if !out.is_empty() {
            sim.send_to_client(link, &out);
        }
        out.clear();
        self.out = out;
        Ok(())
    }
}
