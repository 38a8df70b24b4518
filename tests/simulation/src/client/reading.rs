//! What a client makes of what the server says.

use super::Client;
use crate::sim::Sim;
use crate::wire::{
    ACK, AUTH_STATUS, CUSTOMER, CUSTOMER_SUPPORT, CUSTOMER_V2, HEADER, Head, METADATA, PUSH,
    SYNC_END, SYNC_KEY, SYNC_NOTIFY, ids, int32, int64,
};

impl Client {
    /// Bytes arrive on one of its connections, or the end of it.
    pub(crate) fn receive(&mut self, sim: &mut Sim, link: usize) {
        let arrival = sim.arrive_at_client(link);
        let Some(line) = self.line.as_mut().filter(|line| line.link == link) else { return };
        line.read.extend_from_slice(&arrival.bytes);
        while let Some(line) = &mut self.line
            && let Some((head, end)) = Head::read(&line.read)
        {
            let frame = line.read.split_to(end);
            self.read(head, &frame[HEADER..]);
        }
        self.flush(sim);
        if arrival.end {
            self.hang_up(sim);
            self.schedule(sim, 1_000);
        }
    }

    fn read(&mut self, head: Head, body: &[u8]) {
        let Some(line) = &mut self.line else { return };
        let metadata = line.metadata.take();
        match head.command {
            METADATA => line.metadata = Some((int64(body), int64(&body[8..]))),
            AUTH_STATUS => line.inside |= int32(body) == 0,
            ACK => {
                self.go_on(metadata);
                self.acknowledged(int32(body));
            }
            CUSTOMER_V2 => {
                let [sender_appid, sender, receiver_appid, receiver] = ids(body);
                let sender = (sender_appid, sender);
                let other = if sender == self.user { (receiver_appid, receiver) } else { sender };
                self.friend = Some(other);
                if head.flags & PUSH != 0 {
                    self.go_on(metadata);
                }
            }
            CUSTOMER | CUSTOMER_SUPPORT => {
                let customer = (int64(body), int64(&body[8..]));
                let seller = (self.user.0, int64(&body[24..]));
                self.friend = Some(if customer == self.user { seller } else { customer });
            }
            SYNC_NOTIFY => {
                self.heard = self.heard.max(int64(body));
                self.catch_up();
            }
            SYNC_END => {
                if line.syncs.pop_front() == Some(true) {
                    self.key = self.key.max(int64(body));
                    self.keep(self.key);
                }
                self.catch_up();
            }
            _ => {}
        }
    }

    /// Who has missed nothing needs no sync for a live copy (W10).
    fn go_on(&mut self, metadata: Option<(i64, i64)>) {
        if let Some((key, previous)) = metadata
            && previous == self.key
            && previous != 0
        {
            self.key = key;
        }
    }

    fn acknowledged(&mut self, seq: i32) {
        let Some(line) = &mut self.line else { return };
        let Some(index) = line.tried.iter().position(|&(known, _)| known == seq) else { return };
        let (_, mark) = line.tried.remove(index);
        self.waiting.retain(|waiting| waiting.draft.mark() != mark);
    }

    /// S5: a notify of something new is followed by a sync, if none is in flight.
    fn catch_up(&mut self) {
        let idle = |line: &super::Line| !line.syncs.contains(&true);
        if self.heard > self.key && self.line.as_ref().is_some_and(idle) {
            self.sync(self.key, true);
        }
    }

    /// S5: what it has read, the server is to keep.
    pub(super) fn keep(&mut self, key: i64) {
        self.write(SYNC_KEY, 0, &[&key.to_be_bytes()]);
    }
}
