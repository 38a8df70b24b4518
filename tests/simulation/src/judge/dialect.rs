//! In which form a connection gets a message (D1–D4), and what the server has read of a connection
//! by now: an accepted message decides for what is written from then on.

use bytes::Buf;

use super::{Judge, Rule, Sent, Verdict};
use crate::wire::{
    CHAT, CUSTOMER, CUSTOMER_SUPPORT, CUSTOMER_V2, HEADER, Head, OF_SERVERS, STAMP, ids, is_chat,
};

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Dialect {
    V1,
    V2,
    #[default]
    AsSent,
}

/// A message as a dialect has it.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Form {
    pub(super) command: u8,
    pub(super) flags: u8,
    pub(super) body: Vec<u8>,
}

impl Dialect {
    /// D1.1–D1.3: what a login tells.
    pub(super) fn of_login(version: u8, platform: u8, last: u8) -> Option<Self> {
        match (version, platform, last) {
            (2.., _, _) => Some(Self::V2),
            (_, 1 | 2, _) | (_, _, 2) => Some(Self::V1),
            _ => None,
        }
    }

    fn knows(self, command: u8) -> bool {
        match self {
            Self::V1 => command != CUSTOMER_V2,
            Self::V2 => command == CUSTOMER_V2,
            Self::AsSent => true,
        }
    }

    /// D2: `shop` is what the host says for two parties.
    pub(super) fn form(
        self,
        (command, flags, body): (u8, u8, &[u8]),
        kefu_app: i64,
        shop: impl Fn([i64; 2]) -> i64,
    ) -> Form {
        if self.knows(command) {
            return Form { command, flags, body: body.to_vec() };
        }
        let [a, b, c, d] = ids(body);
        let (command, ids) = match command {
            CUSTOMER => (CUSTOMER_V2, [a, b, kefu_app, d]),
            CUSTOMER_SUPPORT => (CUSTOMER_V2, [kefu_app, d, a, b]),
            _ if a == kefu_app => (CUSTOMER_SUPPORT, [c, d, shop([d, b]), b]),
            _ => (CUSTOMER, [a, b, shop([b, d]), d]),
        };
        let body = [&ids.map(i64::to_be_bytes).concat(), &body[STAMP..]].concat();
        Form { command, flags: flags & !OF_SERVERS, body }
    }
}

/// The shop of a customer and a seller, by their user ids.
pub(crate) fn shop_of([customer, seller]: [i64; 2]) -> i64 {
    // Far from the marks of messages, which begin at the ends of the numbers.
    (customer.wrapping_mul(31) ^ seller) >> 3
}

impl Judge {
    /// Bytes of a client have arrived.
    pub(crate) fn arrived(&mut self, link: usize, bytes: &[u8]) {
        self.lines[link].unread.extend_from_slice(bytes);
    }

    /// The server has gone so much further in what has arrived.
    pub(crate) fn consumed(&mut self, link: usize, length: usize) -> Verdict {
        let line = &mut self.lines[link];
        let mut taken = line.unread.split_to(length).freeze();
        if line.online.is_none() || taken.is_empty() {
            return Ok(());
        }
        Rule::DialectTold.demands(line.untold.is_none(), || {
            format!("the server goes on with connection {link}, which is {:?} now", line.dialect)
        })?;
        while let Some((head, end)) = Head::read(&taken) {
            self.heard(link, head, &taken[HEADER..end]);
            taken.advance(end);
        }
        Ok(())
    }

    /// D1.6
    fn heard(&mut self, link: usize, head: Head, body: &[u8]) {
        let accepted = is_chat(head.command) && body.len() >= CHAT && {
            let number = self.ledger.find(head.command, body);
            number.is_some_and(|number| !self.ledger.get(number).refused)
        };
        if !accepted {
            return;
        }
        let line = &mut self.lines[link];
        let shown = if head.command == CUSTOMER_V2 { Dialect::V2 } else { Dialect::V1 };
        if line.dialect != shown {
            line.dialect = shown;
            line.untold = Some(shown);
        }
    }

    /// The host has been told which dialect a connection has shown, and keeps it (D1.4, D1.8).
    pub(crate) fn kept_dialect(&mut self, link: usize, dialect: Dialect) -> Verdict {
        let line = &mut self.lines[link];
        let untold = line.untold.take();
        Rule::DialectTold.demands(untold == Some(dialect), || {
            format!("{dialect:?} instead of {untold:?} on connection {link}")
        })?;
        let seat = &self.clients[line.seat];
        self.remembered.insert((seat.queue, seat.device.platform), dialect);
        Ok(())
    }

    /// D1: the dialect that a connection begins with.
    pub(super) fn dialect_of_login(&self, client: usize, version: u8, last: u8) -> Dialect {
        let seat = &self.clients[client];
        let platform = seat.device.platform;
        Dialect::of_login(version, platform, last)
            .or_else(|| self.remembered.get(&(seat.queue, platform)).copied())
            .unwrap_or_default()
    }

    /// A stored or live message as a connection of this dialect gets it.
    pub(super) fn form(&self, dialect: Dialect, message: (u8, u8, &[u8]), live: bool) -> Form {
        let shops = self.terms.shops && !live;
        dialect.form(message, self.kefu_app, |pair| if shops { shop_of(pair) } else { 0 })
    }
}

impl Sent {
    /// H13.4, H14: the flags of a live copy.
    pub(super) fn live_flags(&self) -> u8 {
        self.flags & !OF_SERVERS | crate::wire::PUSH
    }
}
