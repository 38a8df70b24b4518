//! Plays a script: the host and the checker get every byte, step by step.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::failure::{Cause, Failure};
use super::host::Host;
use super::peer::Peer;
use super::plan::Script;
use super::step::{Act, Step};
use crate::checker::{Checker, ConnectionId, Event};

impl Script {
    /// Plays the script to a host that has just begun, while a checker of the same kefu app looks
    /// on. Each step ends when all connected clients have caught up and have got a PONG. In the end
    /// all clients come back, say again what is in flight, and read what is new in their queues;
    /// then the checker is asked whether anything is missing.
    ///
    /// # Errors
    ///
    /// The first [`Failure`].
    pub fn play(&self, host: &mut dyn Host, checker: &mut Checker) -> Result<(), Failure> {
        self.tokens().for_each(|(token, account)| checker.add_token(token.as_bytes(), account));
        let mut play = Play::new(self, host, checker);
        for (index, step) in self.steps.iter().chain([&Step::CatchUp]).enumerate() {
            play.step(step).map_err(|cause| {
                let doing = step.named(&self.cast).to_string();
                Failure::new(index + 1, doing, cause, play.clients())
            })?;
        }
        Ok(())
    }
}

/// After so many exchanges in one step, and a few more for each message there is, a client that
/// still syncs is taken to do so for ever. One answer has a message at least.
const EXCHANGES: usize = 1_000;
/// How often a message is said again until it must have an ACK: one save may fail, as a script
/// demands.
const REPEATS: usize = 3;
/// How often a host may wait for what is missing.
const WAITS: usize = 25;

struct Play<'p> {
    host: &'p mut dyn Host,
    checker: &'p mut Checker,
    peers: Vec<Peer>,
    opened: u64,
    closed: Vec<ConnectionId>,
    /// How many there may be in one step.
    exchanges: usize,
}

impl<'p> Play<'p> {
    fn new(script: &Script, host: &'p mut dyn Host, checker: &'p mut Checker) -> Self {
        let peers = script.cast.iter().map(|client| Peer::new(script, client)).collect();
        let exchanges = script.messages().saturating_mul(4).saturating_add(EXCHANGES);
        Self { host, checker, peers, opened: 0, closed: Vec::new(), exchanges }
    }

    fn step(&mut self, step: &Step) -> Result<(), Cause> {
        match step {
            Step::Client { who, does } => self.act(*who, does).and_then(|()| self.settle()),
            Step::FailSave { after } => {
                self.host.fail_save(*after);
                Ok(())
            }
            Step::CatchUp => self.catch_up(),
        }
    }

    /// Where each client is, and what it has been doing.
    fn clients(&self) -> Vec<String> {
        let place = |peer: &Peer| peer.connection.map_or("away".into(), |it| it.to_string());
        self.peers.iter().map(|peer| format!("{}: {}", place(peer), peer.client)).collect()
    }

    fn act(&mut self, who: usize, does: &Act) -> Result<(), Cause> {
        if self.peers[who].connection.is_none() {
            self.connect(who)?;
        }
        self.peers[who].perform(does);
        match does {
            Act::Leave(_) => self.send(who).and_then(|()| self.disconnect(who)),
            _ => Ok(()),
        }
    }

    fn connect(&mut self, who: usize) -> Result<(), Cause> {
        self.opened += 1;
        let connection = ConnectionId(self.opened);
        self.peers[who].connection = Some(connection);
        let server = self.host.server(connection);
        self.note(Event::Opened { connection, server })
            .and_then(|()| Ok(self.host.open(connection)?))
    }

    fn disconnect(&mut self, who: usize) -> Result<(), Cause> {
        let connection = self.peers[who].connection;
        self.peers[who].disconnect();
        self.closed.extend(connection);
        connection.map_or(Ok(()), |connection| {
            self.host.close(connection);
            self.note(Event::Closed { connection })
        })
    }

    /// Exchanges what there is until nobody has anything to say: that is the end of a step.
    fn settle(&mut self) -> Result<(), Cause> {
        for _ in 0..self.exchanges {
            let mut is_quiet = true;
            for who in 0..self.peers.len() {
                is_quiet &= self.peers[who].out.is_empty();
                self.exchange(who)?;
            }
            if is_quiet && self.peers.iter().all(|peer| peer.out.is_empty()) {
                return self.read_closed();
            }
        }
        let who = self.first(|peer| !peer.out.is_empty());
        Err(self.unanswered("S12.3", who, "the end of its queue"))
    }

    /// Sends what a client has to say and a PING, and reads up to the PONG.
    fn exchange(&mut self, who: usize) -> Result<(), Cause> {
        let peer = &mut self.peers[who];
        let Some(connection) = peer.connection else { return Ok(()) };
        let pongs = peer.client.pongs();
        peer.client.ping(&mut peer.out);
        self.send(who)?;
        while self.peers[who].client.pongs() == pongs {
            let bytes = self.host.take_output(connection)?;
            if bytes.is_empty() {
                return Err(self.unanswered("S4.1", who, "a PONG"));
            }
            self.received(connection, &bytes)?;
            self.peers[who].receive(&bytes);
        }
        Ok(())
    }

    fn send(&mut self, who: usize) -> Result<(), Cause> {
        let peer = &mut self.peers[who];
        let bytes = peer.out.split();
        peer.connection.filter(|_| !bytes.is_empty()).map_or(Ok(()), |connection| {
            self.note(Event::Time(self.host.now()))
                .and_then(|()| self.note(Event::Sent { connection, bytes: &bytes }))
                .and_then(|()| Ok(self.host.receive(connection, &bytes, self.checker)?))
        })
    }

    /// A sound host writes nothing for those who have left.
    fn read_closed(&mut self) -> Result<(), Cause> {
        for connection in self.closed.clone() {
            let bytes = self.host.take_output(connection)?;
            if !bytes.is_empty() {
                self.received(connection, &bytes)?;
            }
        }
        Ok(())
    }

    fn received(&mut self, connection: ConnectionId, bytes: &[u8]) -> Result<(), Cause> {
        self.note(Event::Time(self.host.now()))
            .and_then(|()| self.note(Event::Received { connection, bytes }))
    }

    fn catch_up(&mut self) -> Result<(), Cause> {
        for who in 0..self.peers.len() {
            if !self.peers[who].client.is_logged_in() {
                self.act(who, &Act::Come)?;
            }
        }
        self.settle()?;
        for _ in 0..REPEATS {
            if self.peers.iter().all(|peer| peer.client.in_flight() == 0) {
                break;
            }
            self.peers.iter_mut().for_each(|peer| peer.client.repeat(&mut peer.out));
            self.settle()?;
        }
        let missing = self.peers.iter().find_map(|peer| peer.client.missing_ack());
        if let Some(rule) = missing {
            let who = self.first(|peer| peer.client.in_flight() > 0);
            return Err(self.unanswered(rule, who, "an ACK"));
        }
        self.peers.iter_mut().for_each(|peer| peer.perform(&Act::Sync));
        self.settle().and_then(|()| self.finish())
    }

    fn finish(&mut self) -> Result<(), Cause> {
        let mut verdict = self.checker.finish();
        for _ in 0..WAITS {
            if verdict.is_ok() || !self.host.wait() {
                break;
            }
            self.settle()?;
            verdict = self.checker.finish();
        }
        Ok(verdict?)
    }

    fn note(&mut self, event: Event<'_>) -> Result<(), Cause> {
        Ok(self.checker.observe(event)?)
    }

    /// A client waits in vain.
    fn unanswered(&self, rule: &'static str, who: usize, what: &'static str) -> Cause {
        Cause::Unanswered { rule, client: self.peers[who].client.account().to_string(), what }
    }

    fn first(&self, waits: impl Fn(&Peer) -> bool) -> usize {
        self.peers.iter().position(waits).unwrap_or(0)
    }
}
