//! The login (S1).

use kefu_proto::{Closed, Login, LoginStep, Online};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::connection::end::End;
use crate::connection::socket::Socket;
use crate::service::{Registration, Service};

/// Serves the connection until a login succeeds.
///
/// The connection is registered once its `AUTH_STATUS` is queued, so that no other frame precedes
/// it.
pub(super) async fn log_in<R: AsyncRead + Unpin, W: AsyncWrite + Unpin>(
    socket: &mut Socket<R, W>,
    service: &Service,
) -> Result<(Online, Registration), End> {
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
            LoginStep::Authenticate(authentication) => {
                let out = &mut socket.output.buffer;
                if let Some(identity) = service.identify(authentication.auth_token()).await {
                    let online = authentication.accept(identity, out).map_err(Closed::from)?;
                    return Ok((online, service.register(identity.account()).await));
                }
                service.metrics.logins_refused.inc();
                login = authentication.refuse(out).map_err(Closed::from)?;
            }
        }
    }
}
