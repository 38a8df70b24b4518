//! A customer who repeats what got no ACK, and knows what did.

use std::collections::VecDeque;
use std::net::SocketAddr;

use kefu_proto::{Account, Body, Flags, Message, MsgId, Seq};

use crate::client::{Client, Synced, question};

/// The most messages in flight.
const WINDOW: usize = 20;
const DEVICE: &str = "sender";

/// Sends numbered messages to one seller. Messages without an ACK are repeated on the next
/// connection, under the same uuid.
pub struct Sender {
    from: Account,
    to: Account,
    next: usize,
    /// Sent and not yet acknowledged, oldest first.
    in_flight: VecDeque<usize>,
}

impl Sender {
    pub const fn new(from: Account, to: Account) -> Self {
        Self { from, to, next: 0, in_flight: VecDeque::new() }
    }

    /// How many messages have been acknowledged.
    pub fn acked(&self) -> usize {
        self.next - self.in_flight.len()
    }

    /// Sends until the server goes away.
    pub async fn send_until_gone(&mut self, addr: SocketAddr) {
        self.send(addr, usize::MAX).await;
    }

    /// Sends until this many messages have been acknowledged, or until the server goes away.
    pub async fn send(&mut self, addr: SocketAddr, enough: usize) {
        let mut client = Client::log_in(addr, self.from, DEVICE).await;
        let repeated: Vec<_> = self.in_flight.drain(..).collect();
        let mut seqs = VecDeque::new();
        if !self.write(&mut client, repeated, &mut seqs).await {
            return;
        }
        loop {
            let room = WINDOW - self.in_flight.len();
            let new = self.next..enough.min(self.next + room);
            self.next = self.next.max(new.end);
            if !self.write(&mut client, new, &mut seqs).await || self.in_flight.is_empty() {
                return;
            }
            let Some(Message { body: Body::Ack(ack), .. }) = client.next_message().await else {
                return;
            };
            assert_eq!(Some(ack.seq), seqs.pop_front(), "ACKs come in the order of their messages");
            self.in_flight.pop_front();
        }
    }

    /// Returns false if the server is gone.
    async fn write(
        &mut self,
        client: &mut Client,
        numbers: impl IntoIterator<Item = usize>,
        seqs: &mut VecDeque<Seq>,
    ) -> bool {
        let mut frames = Vec::new();
        for number in numbers {
            self.in_flight.push_back(number);
            let body = question(self.from, self.to, content(number));
            frames.extend_from_slice(&client.frame(Flags::TEXT, body));
            seqs.push_back(client.last());
        }
        client.try_write(&frames).await
    }

    /// Every acknowledged message is in both queues exactly once, and all are in order. Messages
    /// without an ACK may be there.
    pub async fn check(&self, addr: SocketAddr) {
        for owner in [self.to, self.from] {
            let mut reader = Client::log_in(addr, owner, "another device").await;
            self.check_queue(owner, &reader.sync_all(MsgId(-1)).await);
        }
    }

    fn check_queue(&self, owner: Account, found: &Synced) {
        let mut found = found.contents().into_iter().peekable();
        let mut in_flight = self.in_flight.iter().peekable();
        for number in 0..self.next {
            let may_be_missing = in_flight.next_if_eq(&&number).is_some();
            let content = content(number);
            let is_there = found.next_if_eq(&content.as_bytes()).is_some();
            let next = || found.clone().next().map(String::from_utf8_lossy);
            assert!(
                is_there || may_be_missing,
                "in the queue of {owner} message {number} is lost, doubled or out of order, before {:?}",
                next()
            );
        }
        let surplus = found.next().map(String::from_utf8_lossy);
        assert_eq!(surplus, None, "in the queue of {owner} is what should not be there");
    }
}

fn content(number: usize) -> String {
    format!(r#"{{"text":"message {number}","uuid":"u-{number}"}}"#)
}
