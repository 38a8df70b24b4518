//! One task per connection: from its first byte to its end.

use std::sync::Arc;
use std::time::Duration;

use kefu_proto::{Closed, Login, LoginStep, Online};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, timeout};

use crate::jetstream::Presence;
use crate::online::Client;
use crate::router::{Inbox, Seat};
use crate::server::Shared;
use crate::wire::Wire;

/// Carries a connection to its end, and says why it has ended. The time to log in runs since it was accepted.
pub async fn serve(
    reader: impl AsyncRead + Unpin,
    writer: impl AsyncWrite + Unpin,
    accepted: Instant,
    shared: Arc<Shared>,
) -> End {
    let mut wire = Wire::new(reader, writer);
    let time = shared.limits.login_timeout.saturating_sub(accepted.elapsed());
    let end = match timeout(time, login(&mut wire, &shared)).await {
        Ok(Ok((online, (seat, inbox, _presence)))) => {
            Client::new(&mut wire, online, seat, inbox, &shared).run().await
        }
        Ok(Err(end)) => end,
        Err(_) => End::LoginDeadline,
    };
    // S7: what was queued is still written. Who is slow or gone would only be waited for.
    if !matches!(end, End::Slow | End::Io) {
        let _ = timeout(LAST_WORDS, wire.writer.finish()).await;
    }
    end
}

/// How long a client may take to read the last that it is sent.
pub const LAST_WORDS: Duration = Duration::from_secs(5);

/// S1: until somebody has logged in. The connection can be reached from the moment it has its AUTH_STATUS in front of it.
async fn login<R: AsyncRead + Unpin, W: AsyncWrite + Unpin>(
    wire: &mut Wire<R, W>,
    shared: &Shared,
) -> Result<(Online, (Seat, Inbox, Option<Presence>)), End> {
    let mut login = Login::new(shared.config, shared.limits.frame);
    loop {
        match login.receive(&mut wire.reader.read, &mut wire.writer.out)? {
            LoginStep::Read(more) => {
                login = more;
                wire.writer.flush().await;
                tokio::select! {
                    filled = wire.reader.fill() => filled?,
                    () = shared.stopping.cancelled() => return Err(End::Stopping),
                }
            }
            LoginStep::Authenticate(authentication) => {
                let out = &mut wire.writer.out;
                if let Some(identity) = shared.identify(authentication.auth_token()).await {
                    let online = authentication.accept(identity, out).map_err(Closed::from)?;
                    return Ok((online, shared.join(identity.account()).await));
                }
                shared.metrics.logins_refused.inc();
                login = authentication.refuse(out).map_err(Closed::from)?;
            }
        }
    }
}

/// Why a connection has ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum End {
    /// The client closed it.
    Left,
    /// The client has not shaken hands over TLS, or not in time.
    Tls,
    /// Nobody logged in in time.
    LoginDeadline,
    /// The client has said nothing for too long (S4).
    Idle,
    /// The client does not read what is sent to it.
    Slow,
    /// The client sent what is no message (W2, W5).
    Undecodable,
    /// The network failed.
    Io,
    /// The store cannot be read.
    Store,
    /// The server stops.
    Stopping,
}

impl End {
    /// A constant name for counters.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Left => "left",
            Self::Tls => "tls",
            Self::LoginDeadline => "login_deadline",
            Self::Idle => "idle",
            Self::Slow => "slow",
            Self::Undecodable => "undecodable",
            Self::Io => "io",
            Self::Store => "store",
            Self::Stopping => "stopping",
        }
    }
}

impl From<Closed> for End {
    fn from(closed: Closed) -> Self {
        tracing::debug!(%closed, "closing a connection");
        Self::Undecodable
    }
}
