//! A seller: counts what the server sends, and in version 2 follows its queue.

use std::sync::Arc;
use std::time::Duration;

use kefu_proto::{Account, Body, Flags, MsgId, Version};
use tokio::select;
use tokio::sync::watch;
use tokio::time::{Instant, interval_at, timeout};

use crate::connection::{Connection, ConnectionError};
use crate::follower::Follower;
use crate::plan::Role;
use crate::run::Run;
use crate::service::{Caller, LOADING};

const BUFFER: usize = 16 * 1024;
/// A server closes connections that are silent for six minutes (S4). A seller sends nothing else.
const PING_EVERY: Duration = Duration::from_secs(60);

/// What one seller has received.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) uid: u32,
    /// In version 2, what the seller has got of its queue.
    pub(crate) follower: Option<Follower>,
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
    caller: Caller,
    /// Turns true when all customers are done.
    over: watch::Receiver<bool>,
    received: Received,
}

impl Seller {
    /// A seller that has everything up to the key `end`.
    pub(crate) fn new(run: Arc<Run>, uid: u32, end: MsgId, over: watch::Receiver<bool>) -> Self {
        let version = run.plan.version(Role::Seller, uid);
        let caller = Self::caller(run.plan.account(Role::Seller, uid), version);
        let follower = (version >= Version::V2).then(|| Follower::new(end));
        let received = Received {
            uid,
            follower,
            notifies: 0,
            transient: 0,
            reconnects: 0,
            refused_logins: 0,
            gave_up: None,
        };
        Self { run, caller, over, received }
    }

    pub(crate) const fn caller(account: Account, version: Version) -> Caller {
        Caller { account, version, device: LOADING, buffer: BUFFER }
    }

    /// Listens until all customers are done and all that the server had queued for this seller
    /// has arrived.
    pub(crate) async fn run(mut self, mut connection: Connection) -> Received {
        let mut over = self.over.clone();
        while self.listen(&mut connection).await.is_err() && !*over.borrow() {
            let (service, lost) = (&self.run.service, connection.server());
            let caller = self.caller;
            let refused = &mut self.received.refused_logins;
            select! {
                again = caller.log_in_again(service, lost, refused) => match again {
                    Ok(again) => {
                        connection = again;
                        self.received.follower.iter_mut().for_each(Follower::reconnect);
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
        if self.received.gave_up.is_none() {
            self.received.gave_up = self.finish(connection).await.err();
        }
        self.received
    }

    /// Reads what is still on its way. What a follower has in the end is judged, so it comes back
    /// once more if it must.
    async fn finish(&mut self, mut connection: Connection) -> Result<(), ConnectionError> {
        let (run, caller) = (Arc::clone(&self.run), self.caller);
        let drained = self.drain(&mut connection).await;
        let Some(follower) = self.received.follower.as_mut().filter(|_| drained.is_err()) else {
            return Ok(());
        };
        follower.reconnect();
        let refused = &mut self.received.refused_logins;
        let again = caller.log_in_again(&run.service, connection.server(), refused).await;
        self.drain(&mut again?).await
    }

    /// Listens on one connection until the run is over, or until the connection breaks.
    async fn listen(&mut self, connection: &mut Connection) -> Result<(), ConnectionError> {
        self.ask(connection)?;
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

    /// Reads all that the server had queued. A follower then asks for the rest, as a client that
    /// comes back: from other servers it may still be under way.
    async fn drain(&mut self, connection: &mut Connection) -> Result<(), ConnectionError> {
        let limit = self.run.service.timeout();
        let silent = |_| Err(ConnectionError::Silent(limit));
        timeout(limit, self.settle(connection)).await.unwrap_or_else(silent)?;
        let Some(follower) = &mut self.received.follower else { return Ok(()) };
        follower.catch_up();
        self.ask(connection)?;
        timeout(limit, self.settle(connection)).await.unwrap_or_else(silent)
    }

    /// Reads until the PONG: the server sends it after all that it had queued before. Again while a
    /// SYNC is answered.
    async fn settle(&mut self, connection: &mut Connection) -> Result<(), ConnectionError> {
        loop {
            connection.send(Body::Ping)?;
            while !self.take(connection)? {
                connection.exchange().await?;
            }
            if !self.received.follower.as_ref().is_some_and(Follower::is_syncing) {
                return Ok(());
            }
        }
    }

    /// Counts what has been read. Returns whether there was a PONG.
    fn take(&mut self, connection: &mut Connection) -> Result<bool, ConnectionError> {
        let (mut notifies, mut pong) = (0, false);
        while let Some(message) = connection.take()? {
            match message.body {
                Body::SyncNotify(_) => notifies += 1,
                Body::Customer(_) | Body::CustomerV2(_)
                    if message.flags.contains(Flags::UNPERSISTENT) =>
                {
                    self.received.transient += 1;
                }
                Body::Pong => pong = true,
                _ => {}
            }
            if let Some(follower) = &mut self.received.follower {
                follower.take(&self.run.plan, message);
            }
        }
        self.received.notifies += notifies;
        self.run.counters.notified(notifies);
        self.ask(connection)?;
        Ok(pong)
    }

    /// Queues the SYNC of a follower that has missed something.
    fn ask(&mut self, connection: &mut Connection) -> Result<(), ConnectionError> {
        if let Some(key) = self.received.follower.as_mut().and_then(Follower::next_sync) {
            connection.send(Body::Sync(key))?;
        }
        Ok(())
    }
}
