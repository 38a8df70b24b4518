//! A seller: counts what the server sends.

use std::sync::Arc;
use std::time::Duration;

use kefu_proto::{Account, Body};
use tokio::select;
use tokio::sync::watch;
use tokio::time::{Instant, interval_at, timeout};

use crate::connection::{Connection, ConnectionError};
use crate::plan::Role;
use crate::run::Run;
use crate::service::{Caller, LOADING};

const BUFFER: usize = 16 * 1024;
/// A server closes connections that are silent for six minutes (S4). A seller sends nothing else.
const PING_EVERY: Duration = Duration::from_secs(60);

/// What one seller has received.
#[derive(Debug, Default)]
pub(crate) struct Received {
    pub(crate) notifies: u64,
    pub(crate) transient: u64,
    pub(crate) reconnects: u64,
    pub(crate) refused_logins: u64,
    /// Why the seller stopped before the end.
    pub(crate) gave_up: Option<ConnectionError>,
}

#[derive(Debug)]
pub(crate) struct Seller {
    run: Arc<Run>,
    account: Account,
    /// Turns true when all customers are done.
    over: watch::Receiver<bool>,
    received: Received,
}

impl Seller {
    pub(crate) fn new(run: Arc<Run>, uid: u32, over: watch::Receiver<bool>) -> Self {
        let account = run.plan.account(Role::Seller, uid);
        Self { run, account, over, received: Received::default() }
    }

    pub(crate) fn caller(account: Account) -> Caller {
        Caller { account, device: LOADING, buffer: BUFFER }
    }

    /// Listens until all customers are done and all that the server had queued for this seller
    /// has arrived.
    pub(crate) async fn run(mut self, mut connection: Connection) -> Received {
        let mut over = self.over.clone();
        while self.listen(&mut connection).await.is_err() && !*over.borrow() {
            let (service, lost) = (&self.run.service, connection.server());
            let caller = Self::caller(self.account);
            let refused = &mut self.received.refused_logins;
            select! {
                again = caller.log_in_again(service, lost, refused) => match again {
                    Ok(again) => {
                        connection = again;
                        self.received.reconnects += 1;
                        self.run.counters.reconnected();
                    }
                    Err(error) => {
                        self.received.gave_up = Some(error);
                        break;
                    }
                },
                _ = over.wait_for(|&over| over) => break,
            }
        }
        let _ = timeout(self.run.service.timeout(), self.drain(&mut connection)).await;
        self.received
    }

    /// Listens on one connection until the run is over, or until the connection breaks.
    async fn listen(&mut self, connection: &mut Connection) -> Result<(), ConnectionError> {
        let mut over = self.over.clone();
        let mut ping = interval_at(Instant::now() + PING_EVERY, PING_EVERY);
        loop {
            // Not biased: a seller that receives all the time must send PINGs, too.
            select! {
                exchanged = connection.exchange() => {
                    exchanged?;
                    self.take(connection)?;
                }
                _ = ping.tick() => connection.send(Body::Ping)?,
                _ = over.wait_for(|&over| over) => return Ok(()),
            }
        }
    }

    /// Reads until the PONG: the server sends it after all that it had queued before.
    async fn drain(&mut self, connection: &mut Connection) -> Result<(), ConnectionError> {
        connection.send(Body::Ping)?;
        while !self.take(connection)? {
            connection.exchange().await?;
        }
        Ok(())
    }

    /// Counts what has been read. Returns whether there was a PONG.
    fn take(&mut self, connection: &mut Connection) -> Result<bool, ConnectionError> {
        let (mut notifies, mut pong) = (0, false);
        while let Some(message) = connection.take()? {
            match message.body {
                Body::SyncNotify(_) => notifies += 1,
                Body::Customer(_) => self.received.transient += 1,
                Body::Pong => pong = true,
                _ => {}
            }
        }
        self.received.notifies += notifies;
        self.run.counters.notified(notifies);
        Ok(pong)
    }
}
