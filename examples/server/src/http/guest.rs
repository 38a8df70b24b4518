//! The guest behind the requests of a connection.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use crate::connection::Guest;

/// In the extensions of every request: whose connection it is.
#[derive(Clone)]
pub(super) struct Admitted {
    pub(super) peer: SocketAddr,
    guest: Arc<Mutex<Option<Guest>>>,
}

impl Admitted {
    pub(super) fn new(guest: Guest) -> Self {
        Self { peer: guest.peer, guest: Arc::new(Mutex::new(Some(guest))) }
    }

    /// Takes the guest, and with it the connection's place: for a WebSocket, once the connection is
    /// upgraded. `None` if that has happened already.
    pub(super) fn take(&self) -> Option<Guest> {
        self.guest.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
