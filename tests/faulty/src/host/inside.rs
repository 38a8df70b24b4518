//! What every host made here does beside the example.

use std::io;
use std::net::TcpStream;

use kefu_proto::checker::{ConnectionId, Event};
use kefu_proto::{Appended, EncodeError, Outbound, Role, SaveMessage};

use super::{Connection, Host};
use crate::{FIRST_SAVE_FAILS, SECOND_SAVE_FAILS};

/// The client's port: the client knows it, too.
pub(super) fn connection_id(stream: &TcpStream) -> io::Result<ConnectionId> {
    Ok(ConnectionId(stream.peer_addr()?.port().into()))
}

impl Host {
    pub(super) fn tell(&self, event: Event<'_>) {
        if let Some(watch) = &self.watch {
            watch(event);
        }
    }

    /// Appends a copy, unless the message says that this fails.
    pub(super) fn save(
        &mut self,
        connection: ConnectionId,
        save: SaveMessage<'_>,
    ) -> io::Result<Appended> {
        let mark = match save.role() {
            Role::Receiver => FIRST_SAVE_FAILS,
            Role::Sender => SECOND_SAVE_FAILS,
        };
        let content = save.message().content();
        if !content.windows(mark.len()).any(|part| part == mark.as_bytes()) {
            return Ok(self.append(save));
        }
        let (queue, message) = (save.queue(), save.message());
        self.tell(Event::SaveFailed { connection, queue, message });
        Err(io::Error::other(mark))
    }
}

impl Connection<'_> {
    /// Gives a message to this connection.
    pub(super) fn give(&mut self, host: &Host, message: Outbound<'_>) -> Result<(), EncodeError> {
        host.tell(Event::Given { connection: self.id, message });
        self.online.write(&message, self.out)
    }
}
