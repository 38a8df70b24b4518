//! The login (S1).

use kefu_proto::{Closed, Login, LoginStep, Online, Platform};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::connection::end::End;
use crate::connection::socket::Socket;
use crate::places::{Evicted, Place};
use crate::service::{Client, Registration, Service};

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
    place: &mut Place,
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
                    () = place.evicted() => return Err(End::Evicted),
                    () = service.stopping.cancelled() => return Err(End::Stopping),
                }
            }
            LoginStep::Authenticate(mut authentication) => {
                let out = &mut socket.output.buffer;
                place.begin_login().map_err(|Evicted| End::Evicted)?;
                if let Some(client) = service.identify(&authentication).await {
                    let Client { identity, platform, dialect } = client;
                    authentication.set_dialect(dialect);
                    let online = authentication.accept(identity, out).map_err(Closed::from)?;
                    place.logged_in();
                    let registration = service.register(identity.account()).await;
                    return Ok(LoggedIn { online, platform, registration });
                }
                place.login_refused();
                service.metrics.logins_refused.inc();
                login = authentication.refuse(out).map_err(Closed::from)?;
            }
        }
    }
}
