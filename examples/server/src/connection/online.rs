//! A connection after its login: requests are processed in order, and messages of others are sent
//! in between.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures_util::future::BoxFuture;
use kefu_proto::{
    Closed, Dialect, Encode, EncodeError, MsgId, Online, Platform, Saves, SyncRequest,
};
use tokio::task::yield_now;
use tokio::time::Instant;

use crate::connection::clock::Alarm;
use crate::connection::end::End;
use crate::connection::hold::Hold;
use crate::connection::in_flight::InFlight;
use crate::connection::login::LoggedIn;
use crate::connection::socket::Socket;
use crate::connection::sync::{self, Found, Syncing};
use crate::connection::transport::{Stall, Transport, user_timeout};
use crate::router::Called;
use crate::service::{Registration, Service};
use crate::store::StoreError;

/// The state of a connection after its login.
///
/// Here is its loop. What is read becomes requests in `take`; what is in flight ends in `finish`.
pub(super) struct OnlineConnection<'c, S> {
    pub(super) socket: &'c mut Socket<S>,
    pub(super) online: Online,
    pub(super) platform: Platform,
    pub(super) registration: Registration,
    pub(super) service: &'c Arc<Service>,
    /// Messages that will be stored together.
    pub(super) batch: Vec<Saves>,
    pub(super) in_flight: InFlight,
    /// ACKs that are not written yet.
    pub(super) hold: Hold,
    /// Waits until nothing is in flight.
    pub(super) blocked: Option<Blocked>,
    /// A sync that is being answered.
    pub(super) syncing: Option<Syncing>,
    /// A sync key or a dialect that is being kept.
    pub(super) keeping: Option<BoxFuture<'static, ()>>,
    /// Until when nothing more is read, since the account sends too fast.
    pub(super) resting: Option<Instant>,
    /// Set once nothing more is read. What is in flight is still finished.
    pub(super) ending: Option<End>,
    /// Whether there may be messages of others.
    has_mail: bool,
    alarm: Alarm,
    stall: Stall,
    /// One line in the log says that messages are left out.
    has_left_out: bool,
}

/// A request that has to see the result of all requests before it.
pub(super) enum Blocked {
    Sync(SyncRequest),
    KeepSyncKey(MsgId),
    KeepDialect(Dialect),
}

impl<'c, S: Transport> OnlineConnection<'c, S> {
    pub(super) fn new(
        socket: &'c mut Socket<S>,
        logged_in: Box<LoggedIn>,
        service: &'c Arc<Service>,
    ) -> Self {
        let LoggedIn { online, platform, registration } = *logged_in;
        Self {
            socket,
            online,
            platform,
            registration,
            service,
            batch: Vec::new(),
            in_flight: InFlight::new(service.metrics.in_flight_bytes.clone()),
            hold: Hold::default(),
            blocked: None,
            syncing: None,
            keeping: None,
            resting: None,
            ending: None,
            has_mail: false,
            alarm: Alarm::new(Instant::now() + service.limits.idle_timeout),
            stall: Stall::default(),
            has_left_out: false,
        }
    }

    /// Serves the client until one side ends the connection.
    pub(super) async fn run(&mut self) -> End {
        let service = self.service;
        let mut stopping = pin!(service.stopping.cancelled());
        loop {
            let outcome = match (self.go_on(), self.ending) {
                (Ok(()), Some(end)) if self.is_done() => return end,
                (Ok(()), _) => self.wait(stopping.as_mut()).await,
                (Err(end), _) => Err(end),
            };
            if let Err(end) = outcome {
                self.end(end);
            }
        }
    }

    /// Does what needs no waiting, as far as the bounds allow.
    fn go_on(&mut self) -> Result<(), End> {
        if self.resting.is_some() || self.socket.stuck().is_some() {
            self.check_clocks()?;
        }
        self.take_mail()?;
        self.take_requests()
    }

    fn end(&mut self, end: End) {
        self.ending = self.ending.or(Some(end));
        self.resting = None;
        // The client has gone or does not read.
        if matches!(end, End::Slow | End::Unreachable | End::Io) {
            self.socket.give_up();
        }
    }

    fn is_done(&self) -> bool {
        self.is_quiet() && self.blocked.is_none() && self.keeping.is_none()
    }

    /// Whether all requests before the next have ended.
    pub(super) fn is_quiet(&self) -> bool {
        self.in_flight.is_empty() && self.syncing.is_none()
    }

    /// Waits until something happens, and handles it.
    async fn wait(&mut self, stopping: Pin<&mut impl Future<Output = ()>>) -> Result<(), End> {
        if self.socket.is_lost() && self.syncing.take().is_some() {
            // Nobody reads the answer, so the requests behind it are next.
            return Ok(());
        }
        self.follow_stall();
        let (has_room, is_open) = (self.socket.has_room(), self.ending.is_none());
        let wants_mail = has_room && !self.has_mail;
        let (reads, writes) = (self.reads(), self.hold.until().is_none() || !has_room);
        let deadline = self.deadline(reads);
        let mailbox = self.registration.seat.mailbox();
        tokio::select! {
            biased;
            () = stopping, if is_open => return Err(End::Stopping),
            done = self.in_flight.next(has_room) => self.finish(done).await?,
            called = poll_fn(|cx| mailbox.poll(is_open, wants_mail, cx)) => match called {
                Called::Mail => {
                    // Others that can go on may send more, which is then one write.
                    yield_now().await;
                    self.has_mail = true;
                }
                Called::Dismissed(dismissal) => return Err(dismissal.into()),
            },
            () = kept(&mut self.keeping) => self.keeping = None,
            found = found(&mut self.syncing), if has_room => {
                self.syncing = None;
                let found = found.map_err(|_| End::Store)?;
                self.syncing = sync::step(found, &mut self.online, self.socket, self.service)?;
            }
            progress = self.socket.progress(reads, writes) => progress?,
            () = self.alarm.rings(deadline) => self.check_clocks()?,
        }
        Ok(())
    }

    fn follow_stall(&mut self) {
        let is_stuck = self.socket.stuck().is_some();
        if let Some(holds) = self.stall.follow(is_stuck, Instant::now()) {
            let timeout = user_timeout(self.service.limits.unreachable_timeout);
            self.socket.stream().set_user_timeout(holds.then_some(timeout));
        }
    }

    /// Whether the client is read from. If not, its requests wait in its own socket.
    fn reads(&self) -> bool {
        self.ending.is_none() && self.blocked.is_none() && self.may_take()
    }

    /// When the clocks have to be looked at again.
    fn deadline(&self, reads: bool) -> Instant {
        let silent = if reads { self.silent() } else { None };
        let times = [silent, self.socket.stuck().map(|since| since + self.patience())];
        let first = times.into_iter().chain([self.resting, self.hold.until()]).flatten().min();
        first.unwrap_or_else(|| Instant::now() + self.service.limits.idle_timeout)
    }

    fn check_clocks(&mut self) -> Result<(), End> {
        let now = Instant::now();
        let is_over = |deadline: Option<Instant>| deadline.is_some_and(|deadline| deadline <= now);
        if is_over(self.resting) {
            self.resting = None;
        }
        if is_over(self.hold.until()) {
            self.hold.release();
        }
        if is_over(self.socket.stuck().map(|since| since + self.patience())) {
            return Err(End::Slow);
        }
        if self.ending.is_none() && is_over(self.silent()) {
            return Err(End::Idle);
        }
        Ok(())
    }

    /// When the client has been silent for too long.
    fn silent(&self) -> Option<Instant> {
        self.socket.silent(self.service.limits.idle_timeout)
    }

    /// How long a client may take nothing of what waits for it.
    fn patience(&self) -> Duration {
        let most = self.service.limits.unreachable_timeout;
        if self.ending.is_some() { most.min(END_GRACE) } else { most }
    }

    /// Writes messages of others, as far as there is room.
    fn take_mail(&mut self) -> Result<(), End> {
        while self.has_mail && self.socket.has_room() {
            match self.registration.seat.mailbox().pop() {
                Some(message) => {
                    self.hold.release();
                    self.write(&message)?;
                }
                None => self.has_mail = false,
            }
        }
        Ok(())
    }

    /// Writes a message. One that is too long for this connection is left out.
    pub(super) fn write(&mut self, message: &impl Encode) -> Result<(), End> {
        let online = &mut self.online;
        match self.socket.write(|out| online.write(message, out)) {
            Err(EncodeError::BodyTooLong { length, limit }) => {
                self.service.metrics.unsendable.inc();
                if !std::mem::replace(&mut self.has_left_out, true) {
                    let (to, command) = (self.online.identity().account(), message.command());
                    tracing::error!(%to, %command, length, %limit, "a message is too long; left out");
                }
                Ok(())
            }
            written => Ok(written.map_err(Closed::from)?),
        }
    }
}

/// The end of what is being kept.
async fn kept(keeping: &mut Option<BoxFuture<'static, ()>>) {
    poll_fn(|cx| keeping.as_mut().map_or(Poll::Pending, |keeping| keeping.as_mut().poll(cx))).await;
}

/// What the sync has waited for.
async fn found(syncing: &mut Option<Syncing>) -> Result<Found, StoreError> {
    poll_fn(|cx| match syncing {
        None => Poll::Pending,
        Some(syncing) => syncing.found.as_mut().poll(cx),
    })
    .await
}

/// How long a client may take nothing of what waits for it once the connection is to end.
const END_GRACE: Duration = Duration::from_secs(5);
