//! A customer: sends, waits for ACKs, and after a lost connection repeats what got none.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use hdrhistogram::Histogram;
use kefu_proto::{Account, Body, CustomerMessage, EncodeError, Flags, Message};
use kefu_proto::{StoreId, UnixTime, UserId, Version};
use tokio::select;
use tokio::time::interval;

use crate::connection::{Connection, ConnectionError};
use crate::content::{MAX_NUMBER, Template};
use crate::pauses::Pauses;
use crate::plan::{Role, Target};
use crate::run::Run;
use crate::service::{Caller, LOADING};
use crate::window::{self, Window};

/// Room for the ACKs of 256 messages.
const BUFFER: usize = 4 * 1024;
/// How often a customer that receives nothing checks the time.
const TICK: Duration = Duration::from_secs(1);
/// Microseconds up to an hour with an error of 1 %: 27 KB per customer.
const LATENCY_DIGITS: u8 = 2;
const LONGEST_LATENCY: u64 = 3_600_000_000;

/// A latency histogram, in microseconds.
pub(crate) fn latencies() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LONGEST_LATENCY, LATENCY_DIGITS).expect("the bounds are valid")
}

/// What one customer has sent.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) uid: u32,
    /// How many messages. They are numbered from 0.
    pub(crate) count: u32,
    /// The numbers of those without an ACK, in order.
    pub(crate) unacked: Vec<u32>,
    pub(crate) latency: Histogram<u64>,
    pub(crate) last_ack: Option<Instant>,
    pub(crate) repeated: u64,
    pub(crate) reconnects: u64,
    pub(crate) refused_logins: u64,
    /// Why the customer stopped before the end.
    pub(crate) gave_up: Option<ConnectionError>,
}

impl Sent {
    pub(crate) fn new(uid: u32) -> Self {
        Self {
            uid,
            count: 0,
            unacked: Vec::new(),
            latency: latencies(),
            last_ack: None,
            repeated: 0,
            reconnects: 0,
            refused_logins: 0,
            gave_up: None,
        }
    }
}

#[derive(Debug)]
pub(crate) struct Customer {
    run: Arc<Run>,
    /// All of the customer's messages, but for their content.
    message: CustomerMessage,
    template: Template,
    /// Contents are split off this buffer, so that most of them need no allocation.
    contents: BytesMut,
    window: Window,
    pauses: Arc<Pauses>,
    sent: Sent,
}

impl Customer {
    pub(crate) fn new(run: Arc<Run>, uid: u32, pauses: Arc<Pauses>) -> Self {
        let plan = &run.plan;
        let Account { appid, uid: customer_id } = plan.account(Role::Customer, uid);
        let message = CustomerMessage {
            customer_appid: appid,
            customer_id,
            store_id: StoreId(1),
            seller_id: UserId(plan.seller_of(uid).into()),
            timestamp: UnixTime::from(0),
            content: Bytes::new(),
        };
        Self {
            message,
            template: plan.format.template(uid),
            contents: BytesMut::with_capacity(plan.format.size().max(BUFFER)),
            window: Window::new(plan.window),
            pauses,
            sent: Sent::new(uid),
            run,
        }
    }

    pub(crate) fn caller(account: Account) -> Caller {
        Caller { account, device: LOADING, buffer: BUFFER }
    }

    /// Sends until there is nothing left to send or to wait for.
    pub(crate) async fn run(mut self, mut connection: Connection) -> Sent {
        let caller = Self::caller(self.run.plan.account(Role::Customer, self.sent.uid));
        while self.converse(&mut connection).await.is_err() {
            let (service, lost) = (&self.run.service, connection.server());
            match caller.log_in_again(service, lost, &mut self.sent.refused_logins).await {
                Ok(again) => connection = again,
                Err(error) => {
                    self.sent.gave_up = Some(error);
                    break;
                }
            }
            self.sent.reconnects += 1;
            self.run.counters.reconnected();
        }
        self.sent.count = self.window.next();
        self.sent.unacked = self.window.unacked().collect();
        self.sent
    }

    /// Uses one connection until the end of the run, or until it breaks.
    async fn converse(&mut self, connection: &mut Connection) -> Result<(), ConnectionError> {
        let timeout = self.run.service.timeout();
        self.repeat(connection)?;
        let mut tick = interval(TICK);
        let mut now = Instant::now();
        loop {
            self.fill(connection, now)?;
            if self.window.len() == 0 {
                return Ok(());
            }
            if self.window.is_stuck(now, timeout) {
                self.sent.gave_up = Some(ConnectionError::Silent(timeout));
                return Ok(());
            }
            select! {
                biased;
                exchanged = connection.exchange() => {
                    exchanged?;
                    now = Instant::now();
                    self.take_acks(connection, now)?;
                }
                _ = tick.tick() => now = Instant::now(),
            }
        }
    }

    /// Sends as much as the window allows.
    fn fill(&mut self, connection: &mut Connection, now: Instant) -> Result<(), EncodeError> {
        while self.window.len() < self.run.plan.window && self.may_send(now) {
            let number = self.window.send(now);
            self.write(connection, number)?;
        }
        Ok(())
    }

    fn may_send(&self, now: Instant) -> bool {
        let next = self.window.next();
        next < MAX_NUMBER
            && match self.run.plan.target {
                Target::Time(time) => now.saturating_duration_since(self.pauses.started()) < time,
                Target::Count(count) => next < count,
            }
    }

    fn take_acks(
        &mut self,
        connection: &mut Connection,
        now: Instant,
    ) -> Result<(), ConnectionError> {
        let mut acked = 0;
        let taken = loop {
            match connection.take() {
                Ok(Some(Message { body: Body::Ack(ack), .. })) => {
                    if let Some(latency) = self.window.ack(ack.seq, now) {
                        let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
                        self.sent.latency.saturating_record(micros);
                        acked += 1;
                    }
                }
                Ok(Some(_)) => {}
                Ok(None) => break Ok(()),
                Err(error) => break Err(error.into()),
            }
        };
        if acked > 0 {
            self.sent.last_ack = Some(now);
            self.run.counters.acked(acked);
            self.pauses.end();
        }
        taken
    }

    /// Sends the messages in flight again on a new connection, in the same order, under the same
    /// uuids.
    fn repeat(&mut self, connection: &mut Connection) -> Result<(), EncodeError> {
        let unacked: Vec<u32> = self.window.unacked().collect();
        for number in unacked {
            self.write(connection, number)?;
            self.sent.repeated += 1;
        }
        Ok(())
    }

    fn write(&mut self, connection: &mut Connection, number: u32) -> Result<(), EncodeError> {
        self.contents.extend_from_slice(self.template.numbered(number));
        let content = self.contents.split().freeze();
        let transient = self.run.plan.is_transient(number);
        let flags = if transient { Flags::TEXT | Flags::UNPERSISTENT } else { Flags::TEXT };
        let body = Body::Customer(CustomerMessage { content, ..self.message.clone() });
        connection.queue(&Message { seq: window::seq(number), version: Version(1), flags, body })
    }
}
