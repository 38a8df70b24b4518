//! The login (S1).

use kefu_proto::{Closed, Login, LoginStep, Online, Platform};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::connection::end::End;
use crate::connection::socket::Socket;
use crate::service::{Client, Identified, Registration, Service};

/// A connection whose client has logged in.
pub(super) struct LoggedIn {
    pub(super) online: Online,
    pub(super) platform: Platform,
    pub(super) registration: Registration,
}

/// Serves the connection until a login succeeds.
///
/// The connection is registered once its `AUTH_STATUS` is queued, so that no other frame precedes
/// it.
pub(super) async fn log_in<R: AsyncRead + Unpin, W: AsyncWrite + Unpin>(
    socket: &mut Socket<R, W>,
    service: &Service,
) -> Result<LoggedIn, End> {
    let mut login = Login::new(service.config, service.limits.frame);
    loop {
        match login.receive(&mut socket.input.buffer, &mut socket.output.buffer)? {
            LoginStep::Read(more) => {
                login = more;
                socket.output.flush().await;
                tokio::select! {
                    filled = socket.input.fill() => filled?,
                    () = service.stopping.cancelled() => return Err(End::Stopping),
                }
            }
            LoginStep::Authenticate(mut authentication) => {
                let out = &mut socket.output.buffer;
                match service.identify(&authentication).await {
                    Identified::Client(Client { identity, platform, dialect }) => {
                        authentication.set_dialect(dialect);
                        let online = authentication.accept(identity, out).map_err(Closed::from)?;
                        let registration = service.register(identity.account()).await;
                        return Ok(LoggedIn { online, platform, registration });
                    }
                    Identified::Unknown => {
                        service.metrics.logins_refused.inc();
                        login = authentication.refuse(out).map_err(Closed::from)?;
                    }
                    Identified::Unavailable => return Err(End::Store),
                    Identified::TooManyDevices(account) => {
                        tracing::warn!(%account, "closing a connection: too many new devices");
                        return Err(End::TooManyDevices);
                    }
                }
            }
        }
    }
}
