//! A simulated client. What it says next depends on what it has read and on what it still waits
//! for.

mod draft;
mod mischief;
mod reading;
mod saying;

use std::collections::VecDeque;

use bytes::BytesMut;
use draft::{Draft, Mark};

use crate::agenda::Event;
use crate::cast::{Cast, Device, User};
use crate::sim::Sim;
use crate::wire::{AUTH_TOKEN, Head, SYNC};

/// After so many milliseconds a client repeats a message without an ACK, and leaves if its login
/// has no answer.
const ANSWER_TIMEOUT: u64 = 3_000;

pub(crate) struct Client {
    id: usize,
    user: User,
    device: Device,
    token: Vec<u8>,
    voice: Voice,
    line: Option<Line>,
    /// What is to be repeated until it is acknowledged, oldest first.
    waiting: VecDeque<Waiting>,
    /// Its sync key, and the newest id it has been notified of.
    key: i64,
    heard: i64,
    /// Who has written to it last.
    friend: Option<User>,
    /// Whether a look at what there is to do stands on the agenda.
    due: bool,
    out: Vec<u8>,
}

/// How a client speaks.
#[derive(Clone, Copy)]
pub(crate) struct Voice {
    pub(crate) version: u8,
    /// Whether it says CUSTOMER_V2. A login does not always tell (D1).
    pub(crate) speaks_v2: bool,
    /// What it puts into the last byte of a header.
    pub(crate) last: u8,
}

struct Waiting {
    draft: Draft,
    since: u64,
}

/// A connection as the client sees it.
struct Line {
    link: usize,
    since: u64,
    read: BytesMut,
    seq: i32,
    /// It has sent a token that names it; the server has let it in.
    knocked: bool,
    inside: bool,
    /// It has sent what the server closes a connection for.
    spoilt: bool,
    /// The seqs that may still be acknowledged.
    tried: Vec<(i32, Mark)>,
    /// Which of the syncs in flight were for its own key.
    syncs: VecDeque<bool>,
    /// The METADATA that belongs to the next frame: a key, and the one before.
    metadata: Option<(i64, i64)>,
}

impl Client {
    pub(crate) fn new(id: usize, user: User, token: Vec<u8>, device: Device, voice: Voice) -> Self {
        Self {
            id,
            user,
            device,
            token,
            voice,
            line: None,
            waiting: VecDeque::new(),
            key: 0,
            heard: 0,
            friend: None,
            due: false,
            out: Vec::new(),
        }
    }

    pub(crate) fn schedule(&mut self, sim: &mut Sim, delay: u64) {
        if !std::mem::replace(&mut self.due, true) {
            let delay = sim.rng.u64(1..=delay);
            sim.agenda.after(delay, Event::Act { client: self.id });
        }
    }

    /// Looks what there is to do. `calm`: only what is left over.
    pub(crate) fn act(&mut self, sim: &mut Sim, cast: &Cast, calm: bool) {
        self.due = false;
        match &self.line {
            None => self.connect(sim, calm),
            Some(line) if line.inside => {
                self.repeat(sim, ANSWER_TIMEOUT);
                if !calm {
                    self.converse(sim, cast);
                }
            }
            Some(line) => {
                if line.since + ANSWER_TIMEOUT < sim.now() {
                    self.hang_up(sim);
                }
            }
        }
        self.flush(sim);
        if !calm || !self.is_content() {
            self.schedule(sim, 600);
        }
    }

    /// Asks once more for what its queue has, when all has been said.
    pub(crate) fn read_on(&mut self, sim: &mut Sim) {
        if self.line.as_ref().is_some_and(|line| line.inside) {
            self.sync(self.key, true);
            self.flush(sim);
        }
        self.schedule(sim, 100);
    }

    pub(crate) fn user(&self) -> User {
        self.user
    }

    pub(crate) fn key(&self) -> i64 {
        self.key
    }

    /// How many of its messages have no ACK.
    pub(crate) fn unacked(&self) -> usize {
        self.waiting.len()
    }

    fn is_content(&self) -> bool {
        let quiet = |line: &Line| line.inside && !line.spoilt && line.syncs.is_empty();
        self.waiting.is_empty() && self.key >= self.heard && self.line.as_ref().is_some_and(quiet)
    }

    /// S1: login and sync go out together, sometimes with words before that nobody may listen to.
    fn connect(&mut self, sim: &mut Sim, calm: bool) {
        if !sim.up {
            return;
        }
        let link = sim.connect(self.id);
        self.line = Some(Line::new(link, sim));
        if !calm && sim.rng.u8(..30) == 0 {
            self.ping();
            self.repeat(sim, 0);
        }
        if !calm && sim.rng.u8(..30) == 0 {
            self.knock(false);
            self.repeat(sim, 0);
        }
        self.knock(true);
        if !calm && sim.rng.u8(..30) == 0 {
            // Only here a SYNC of 0 is answered from the kept key (S2.9), which never falls (S3.1).
            self.keep(self.key);
            self.keep(self.key / 2);
            self.sync(0, false);
        }
        self.sync(self.key, true);
        if sim.rng.bool() {
            self.repeat(sim, 0);
        }
    }

    fn knock(&mut self, right: bool) {
        let Some(line) = &mut self.line else { return };
        line.knocked |= right;
        let token = if right { &self.token[..] } else { b"nobody" };
        let length = |bytes: &[u8]| [u8::try_from(bytes.len()).unwrap()];
        let (platform, name) = ([self.device.platform], &self.device.name[..]);
        let body = [&platform, &length(token)[..], token, &length(name), name].concat();
        self.write(AUTH_TOKEN, 0, &[&body]);
    }

    /// S2. `own`: from where it has read to, so that the answer counts.
    fn sync(&mut self, key: i64, own: bool) {
        let Some(line) = &mut self.line else { return };
        if line.knocked && !line.spoilt {
            line.syncs.push_back(own);
        }
        self.write(SYNC, 0, &[&key.to_be_bytes()]);
    }

    fn hang_up(&mut self, sim: &mut Sim) {
        self.flush(sim);
        if let Some(line) = self.line.take() {
            sim.client_closes(line.link);
        }
    }

    /// Puts a frame under the next number behind what is to be sent, and returns that number.
    fn write(&mut self, command: u8, flags: u8, body: &[&[u8]]) -> i32 {
        let Some(line) = &mut self.line else { return 0 };
        let seq = line.next_seq();
        let Voice { version, last, .. } = self.voice;
        Head { seq, command, version, flags, last }.write(body, &mut self.out);
        seq
    }

    fn flush(&mut self, sim: &mut Sim) {
        if let Some(line) = &self.line
            && !self.out.is_empty()
        {
            sim.send_to_server(line.link, &self.out);
        }
        self.out.clear();
    }
}

impl Line {
    fn new(link: usize, sim: &mut Sim) -> Self {
        Self {
            link,
            since: sim.now(),
            read: BytesMut::new(),
            seq: [0, 0, -1, i32::MAX - 2, i32::MIN][sim.rng.usize(..5)],
            knocked: false,
            inside: false,
            spoilt: false,
            tried: Vec::new(),
            syncs: VecDeque::new(),
            metadata: None,
        }
    }

    /// Whether the server is to handle what comes next.
    fn is_live(&self) -> bool {
        self.knocked && !self.spoilt
    }

    /// W7.6: numbers repeat, but none that may still be acknowledged.
    fn next_seq(&mut self) -> i32 {
        loop {
            self.seq = self.seq.wrapping_add(1);
            if self.tried.iter().all(|&(seq, _)| seq != self.seq) {
                return self.seq;
            }
        }
    }
}
