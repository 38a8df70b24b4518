//! Tells the judge what happens on one connection.

use std::sync::Arc;

use kefu_proto::Account;
use kefu_proto::checker::{ConnectionId, Event, ServerId};

use crate::judge::group::Group;

/// One connection in the eyes of its group. It is closed when this is dropped.
#[derive(Debug)]
pub(crate) struct Witness {
    group: Arc<Group>,
    connection: ConnectionId,
    whose: (Account, &'static str),
    has_left: bool,
}

impl Witness {
    /// A client has connected.
    pub(super) fn new(
        group: Arc<Group>,
        whose: (Account, &'static str),
        number: u64,
        server: usize,
    ) -> Self {
        let connection = ConnectionId(number);
        let server = ServerId(u32::try_from(server).unwrap_or(u32::MAX));
        group.open(connection, server, whose);
        Self { group, connection, whose, has_left: false }
    }

    /// The client is about to write these bytes.
    pub(crate) fn sent(&self, bytes: &[u8]) {
        if !self.has_left {
            self.group.observe(Event::Sent { connection: self.connection, bytes });
        }
    }

    /// The client has read these bytes.
    pub(crate) fn received(&self, bytes: &[u8]) {
        if !self.has_left {
            self.group.observe(Event::Received { connection: self.connection, bytes });
        }
    }

    /// The client has said that it sends nothing more. What comes now may be on its way, and nothing
    /// must.
    pub(crate) fn leave(&mut self) {
        self.has_left = true;
        self.group.observe(Event::Closed { connection: self.connection });
    }

    /// Whether all clients of the group have what they must have. `at_last` it must be so.
    pub(crate) fn is_settled(&self, at_last: bool) -> bool {
        self.group.is_settled(at_last)
    }

    /// Tells of a rule that is broken beyond what the checker knows.
    pub(crate) fn complain(&self, rule: &str, what: &str) {
        let Self { connection, whose: (account, device), .. } = self;
        self.group.complain(rule, format!("{connection} of {account} on {device} {what}"));
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.group.close(self.connection);
    }
}
