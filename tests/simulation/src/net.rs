//! The network: byte streams that arrive late, in pieces, or only in part.

use bytes::BytesMut;

use crate::agenda::Event;
use crate::sim::Sim;

/// One connection, a stream either way.
pub(crate) struct Link {
    pub(crate) client: usize,
    to_server: Pipe,
    to_client: Pipe,
}

#[derive(Default)]
struct Pipe {
    pending: BytesMut,
    /// An arrival stands on the agenda.
    due: bool,
    /// Nothing more is taken: what is pending arrives, then the end.
    closing: bool,
    /// The end has arrived.
    ended: bool,
}

/// What arrives at one end of a link.
pub(crate) struct Arrival {
    pub(crate) bytes: BytesMut,
    pub(crate) end: bool,
}

#[derive(Clone, Copy)]
enum Way {
    ToServer,
    ToClient,
}

impl Sim {
    pub(crate) fn connect(&mut self, client: usize) -> usize {
        self.tally.connections += 1;
        self.links.push(Link { client, to_server: Pipe::default(), to_client: Pipe::default() });
        self.links.len() - 1
    }

    pub(crate) fn send_to_server(&mut self, link: usize, bytes: &[u8]) {
        self.digest.add(bytes);
        self.push(link, Way::ToServer, bytes);
    }

    pub(crate) fn send_to_client(&mut self, link: usize, bytes: &[u8]) {
        self.digest.add(bytes);
        self.push(link, Way::ToClient, bytes);
    }

    pub(crate) fn arrive_at_server(&mut self, link: usize) -> Arrival {
        self.arrive(link, Way::ToServer)
    }

    pub(crate) fn arrive_at_client(&mut self, link: usize) -> Arrival {
        self.arrive(link, Way::ToClient)
    }

    /// The client has gone: what it has sent still arrives, what was sent to it does not.
    pub(crate) fn client_closes(&mut self, link: usize) {
        self.links[link].to_client.ended = true;
        self.close(link, Way::ToServer);
    }

    /// The server has closed: what it has sent still arrives.
    pub(crate) fn server_closes(&mut self, link: usize) {
        self.links[link].to_server.ended = true;
        self.close(link, Way::ToClient);
    }

    /// The host of this link is no more: any part of what it has sent still arrives.
    pub(crate) fn server_dies(&mut self, link: usize) {
        self.truncate(link, Way::ToClient);
        self.server_closes(link);
    }

    fn push(&mut self, link: usize, way: Way, bytes: &[u8]) {
        let pipe = self.pipe(link, way);
        if !pipe.closing && !pipe.ended {
            pipe.pending.extend_from_slice(bytes);
            self.arrange(link, way);
        }
    }

    fn close(&mut self, link: usize, way: Way) {
        self.pipe(link, way).closing = true;
        self.arrange(link, way);
    }

    fn arrange(&mut self, link: usize, way: Way) {
        let pipe = self.pipe(link, way);
        if !std::mem::replace(&mut pipe.due, true) {
            let delay = self.rng.u64(1..40);
            self.agenda.after(delay, way.event(link));
        }
    }

    /// All that is pending, or any part of it, or a connection cut anywhere.
    fn arrive(&mut self, link: usize, way: Way) -> Arrival {
        self.pipe(link, way).due = false;
        if self.happens(self.odds.cut) {
            self.tally.cuts += 1;
            for way in [Way::ToServer, Way::ToClient] {
                self.truncate(link, way);
                self.close(link, way);
            }
        }
        let part = self.happens(self.odds.pieces);
        let length = self.pipe(link, way).pending.len();
        let length = if part { self.rng.usize(..=length) } else { length };
        let pipe = self.pipe(link, way);
        let bytes = pipe.pending.split_to(length);
        let over = pipe.pending.is_empty();
        let end = over && pipe.closing && !pipe.ended;
        pipe.ended |= end;
        if !over {
            self.arrange(link, way);
        }
        Arrival { bytes, end }
    }

    fn truncate(&mut self, link: usize, way: Way) {
        let length = self.pipe(link, way).pending.len();
        let length = self.rng.usize(..=length);
        self.pipe(link, way).pending.truncate(length);
    }

    fn pipe(&mut self, link: usize, way: Way) -> &mut Pipe {
        match way {
            Way::ToServer => &mut self.links[link].to_server,
            Way::ToClient => &mut self.links[link].to_client,
        }
    }
}

impl Way {
    fn event(self, link: usize) -> Event {
        match self {
            Self::ToServer => Event::ToServer { link },
            Self::ToClient => Event::ToClient { link },
        }
    }
}
