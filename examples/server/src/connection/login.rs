//! The login (S1).

use kefu_proto::{Closed, Login, LoginStep, Online, Platform};

use crate::connection::end::End;
use crate::connection::socket::Socket;
use crate::connection::transport::Transport;
use crate::places::{Evicted, Place};
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
pub(super) async fn log_in<S: Transport>(
    socket: &mut Socket<S>,
    place: &mut Place,
    service: &Service,
) -> Result<LoggedIn, End> {
    let mut login = Login::new(service.config, service.limits.frame);
    let mut refused = 0;
    loop {
        match socket.exchange(|input, out| login.receive(input, out))? {
            LoginStep::Read(more) => {
                login = more;
                // Who does not read is not read from.
                let reads = !socket.is_waiting();
                socket.progress(reads, true).await?;
            }
            LoginStep::Authenticate(mut authentication) => {
                place.begin_login().map_err(|Evicted| End::Evicted)?;
                match service.identify(&authentication).await {
                    Identified::Client(Client { identity, token, platform, dialect }) => {
                        authentication.set_dialect(dialect);
                        let online = socket.write(|out| authentication.accept(identity, out));
                        let online = online.map_err(Closed::from)?;
                        place.logged_in();
                        let registration = service.register(identity.account(), token).await;
                        return Ok(LoggedIn { online, platform, registration });
                    }
                    Identified::Unknown => {
                        place.login_refused();
                        service.metrics.logins_refused.inc();
                        refused += 1;
                        login =
                            socket.write(|out| authentication.refuse(out)).map_err(Closed::from)?;
                        if refused >= service.limits.login_attempts.get() {
                            return Err(End::LoginAttempts);
                        }
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
