//! A customer who does not give up, and remembers what was acknowledged.

use std::collections::VecDeque;
use std::net::SocketAddr;

use kefu_proto::{Account, Body, Flags, Message, MsgId, Seq};

use super::client::{Client, Synced, question};

/// How many messages are on their way to an ACK.
const WINDOW: usize = 20;
const DEVICE: &str = "sender";

/// Sends numbered messages to one seller. What got no ACK on one connection is repeated on the next, under the same uuid.
pub struct Sender {
    from: Account,
    to: Account,
    next: usize,
    /// Sent and not acknowledged, oldest first.
    waiting: VecDeque<usize>,
}

impl Sender {
    pub const fn new(from: Account, to: Account) -> Self {
        Self { from, to, next: 0, waiting: VecDeque::new() }
    }

    /// How many messages have been acknowledged.
    pub fn acked(&self) -> usize {
        self.next - self.waiting.len()
    }

    /// Sends until the server goes away.
    pub async fn send_until_gone(&mut self, addr: SocketAddr) {
        self.send(addr, usize::MAX).await;
    }

    /// Sends until there have been so many messages and nothing waits any more, or the server goes away.
    pub async fn send(&mut self, addr: SocketAddr, enough: usize) {
        let mut client = Client::log_in(addr, self.from, DEVICE).await;
        let repeated: Vec<_> = self.waiting.drain(..).collect();
        let mut seqs = VecDeque::new();
        if !self.write(&mut client, repeated, &mut seqs).await {
            return;
        }
        loop {
            let room = WINDOW - self.waiting.len();
            let new = self.next..enough.min(self.next + room);
            self.next = self.next.max(new.end);
            if !self.write(&mut client, new, &mut seqs).await || self.waiting.is_empty() {
                return;
            }
            let Some(Message { body: Body::Ack(seq), .. }) = client.next_message().await else {
                return;
            };
            assert_eq!(Some(seq), seqs.pop_front(), "ACKs come in the order of their messages");
            self.waiting.pop_front();
        }
    }

    /// Whether the server still reads.
    async fn write(
        &mut self,
        client: &mut Client,
        numbers: impl IntoIterator<Item = usize>,
        seqs: &mut VecDeque<Seq>,
    ) -> bool {
        let mut frames = Vec::new();
        for number in numbers {
            self.waiting.push_back(number);
            let body = question(self.from, self.to, content(number));
            frames.extend_from_slice(&client.frame(Flags::TEXT, body));
            seqs.push_back(client.last());
        }
        client.try_write(&frames).await
    }

    /// Every message that was acknowledged is in both queues exactly once, and all are in order. What was not can be there.
    pub async fn check(&self, addr: SocketAddr) {
        for owner in [self.to, self.from] {
            let mut reader = Client::log_in(addr, owner, "another device").await;
            self.check_queue(owner, &reader.sync(MsgId(-1)).await);
        }
    }

    fn check_queue(&self, owner: Account, found: &Synced) {
        let mut found = found.contents().into_iter().peekable();
        let mut waiting = self.waiting.iter().peekable();
        for number in 0..self.next {
            let may_be_missing = waiting.next_if_eq(&&number).is_some();
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
