//! A connection from its first byte to its end.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

use crate::connection::admit::Guest;
use crate::connection::end::End;
use crate::connection::liveness::Liveness;
use crate::connection::login::log_in;
use crate::connection::online::OnlineConnection;
use crate::connection::socket::Socket;
use crate::metrics::ConnectionState;
use crate::service::Service;

/// Serves a connection and returns why it has ended.
pub async fn serve(
    reader: impl AsyncRead + Unpin,
    writer: impl AsyncWrite + Unpin,
    mut guest: Guest,
    liveness: Liveness,
    service: Arc<Service>,
) -> End {
    let mut socket = Socket::new(reader, writer);
    let time = service.limits.login_timeout.saturating_sub(guest.accepted.elapsed());
    let end = match timeout(time, log_in(&mut socket, &service)).await {
        Ok(Ok(logged_in)) => {
            guest.counted.becomes(ConnectionState::Online);
            OnlineConnection::new(&mut socket, logged_in, liveness, &service).run().await
        }
        Ok(Err(end)) => end,
        Err(_) => End::LoginDeadline,
    };
    guest.counted.becomes(ConnectionState::Closing);
    // Queued frames are still sent (S7).
    if end.client_reads() {
        let _ = timeout(CLOSE_GRACE, socket.output.finish()).await;
    }
    end
}

/// How long a client may take to read the final frames.
pub const CLOSE_GRACE: Duration = Duration::from_secs(5);
