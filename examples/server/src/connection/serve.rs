//! A connection from its first byte to its end.

use std::sync::Arc;

use bytes::BytesMut;
use tokio::time::timeout_at;

use crate::connection::admit::Guest;
use crate::connection::end::End;
use crate::connection::framing::Framing;
use crate::connection::login::{LoggedIn, log_in};
use crate::connection::online::OnlineConnection;
use crate::connection::socket::Socket;
use crate::connection::transport::Transport;
use crate::metrics::{ConnectionState, CountedConnection};
use crate::service::Service;

/// Serves a connection and returns why it has ended. `read` is what has been read of it already.
pub async fn serve(
    stream: impl Transport,
    framing: Framing,
    mut read: BytesMut,
    mut guest: Guest,
    service: Arc<Service>,
) -> End {
    let mut counted = CountedConnection::new(Arc::clone(&service.metrics));
    let mut socket = Socket::new(stream, framing);
    socket.greet(service.limits.idle_timeout);
    if !read.is_empty() {
        socket.take(&mut read);
        drop(read);
    }
    let (end, account) = match admitted(&mut socket, &mut guest, &service).await {
        Ok(logged_in) => {
            counted.becomes(ConnectionState::Online);
            let account = logged_in.registration.seat.account();
            let mut online = Box::new(OnlineConnection::new(&mut socket, logged_in, &service));
            let end = online.run().await;
            drop(online);
            (end, Some(account))
        }
        Err(end) => (end, None),
    };
    counted.becomes(ConnectionState::Closing);
    guest.log.note(guest.peer, account, end);
    // Queued frames are still sent (S7).
    socket.finish(end).await;
    end
}

/// The client's login, if it comes in time.
async fn admitted<S: Transport>(
    socket: &mut Socket<S>,
    guest: &mut Guest,
    service: &Service,
) -> Result<Box<LoggedIn>, End> {
    let deadline = guest.accepted + service.limits.login_timeout;
    // In a box, since most connections are beyond it for most of their time.
    let evicted = guest.place.evicted();
    let login = Box::pin(log_in(socket, &mut guest.place, service));
    tokio::select! {
        biased;
        () = service.stopping.cancelled() => Err(End::Stopping),
        () = evicted => Err(End::Evicted),
        in_time = timeout_at(deadline, login) => {
            in_time.unwrap_or(Err(End::LoginDeadline)).map(Box::new)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::Stream;

    /// The size of the future that `start` would return.
    fn size<F: Future>(_start: impl FnOnce(Stream, Guest, Arc<Service>) -> F) -> usize {
        size_of::<F>()
    }

    /// Of what a connection holds while it is idle, this is the largest part.
    #[test]
    fn the_task_of_a_connection_is_small() {
        let size = size(|stream, guest, service| {
            serve(stream, Framing::Plain, BytesMut::new(), guest, service)
        });
        assert!(size <= 2048, "{size}");
    }
}
