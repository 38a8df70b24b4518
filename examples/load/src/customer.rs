//! A customer: sends, waits for ACKs, and after a lost connection repeats what got none.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use hdrhistogram::Histogram;
use kefu_proto::{Account, Ack, AckStatus, Body, CustomerMessage, CustomerMessageV2, EncodeError};
use kefu_proto::{Flags, Message, StoreId, UnixTime, Version};
use tokio::select;
use tokio::time::interval;

use crate::connection::{Connection, ConnectionError};
use crate::content::{MAX_NUMBER, Template};
use crate::pairs::Pairs;
use crate::pauses::Pauses;
use crate::plan::{Role, Target};
use crate::run::Run;
use crate::service::{Caller, LOADING};
use crate::window::{self, Acked, Window};

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
    /// The numbers of those without an ACK that says success, in order.
    pub(crate) unacked: Vec<u32>,
    /// How many of them got an ACK that says otherwise.
    pub(crate) refused: u64,
    pub(crate) incomplete_pairs: u64,
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
            refused: 0,
            incomplete_pairs: 0,
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
    account: Account,
    seller: Account,
    version: Version,
    template: Template,
    /// Contents are split off this buffer, so that most of them need no allocation.
    contents: BytesMut,
    window: Window,
    pairs: Pairs,
    pauses: Arc<Pauses>,
    sent: Sent,
}

impl Customer {
    pub(crate) fn new(run: Arc<Run>, uid: u32, pauses: Arc<Pauses>) -> Self {
        let plan = &run.plan;
        Self {
            account: plan.account(Role::Customer, uid),
            seller: plan.account(Role::Seller, plan.seller_of(uid)),
            version: plan.version(Role::Customer, uid),
            template: plan.format.template(uid),
            contents: BytesMut::with_capacity(plan.format.size().max(BUFFER)),
            window: Window::new(plan.window),
            pairs: Pairs::default(),
            pauses,
            sent: Sent::new(uid),
            run,
        }
    }

    pub(crate) const fn caller(account: Account, version: Version) -> Caller {
        Caller { account, version, device: LOADING, buffer: BUFFER }
    }

    /// Sends until there is nothing left to send or to wait for.
    pub(crate) async fn run(mut self, mut connection: Connection) -> Sent {
        let caller = Self::caller(self.account, self.version);
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
        self.sent.unacked.extend(self.window.unacked());
        self.sent.unacked.sort_unstable();
        self.sent.incomplete_pairs = self.pairs.incomplete();
        self.sent
    }

    /// Uses one connection until the end of the run, or until it breaks.
    async fn converse(&mut self, connection: &mut Connection) -> Result<(), ConnectionError> {
        let timeout = self.run.service.timeout();
        self.pairs.restart();
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
                Ok(Some(message)) => {
                    if let Some((Message { body: Body::Ack(ack), .. }, _)) =
                        self.pairs.join(message)
                    {
                        acked += u64::from(self.take_ack(ack, now));
                    }
                }
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

    /// Whether it tells of a message in flight that it has been accepted.
    fn take_ack(&mut self, Ack { seq, status }: Ack, now: Instant) -> bool {
        let Some(Acked { number, latency }) = self.window.ack(seq, now) else { return false };
        let is_accepted = status == AckStatus::OK;
        if is_accepted {
            let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
            self.sent.latency.saturating_record(micros);
        } else {
            self.sent.refused += 1;
            self.sent.unacked.push(number);
        }
        is_accepted
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
        let transient = self.run.plan.is_transient(self.sent.uid, number);
        let flags = if transient { Flags::TEXT | Flags::UNPERSISTENT } else { Flags::TEXT };
        connection.queue(window::seq(number), flags, self.body(content))
    }

    fn body(&self, content: Bytes) -> Body {
        let (sender, receiver, timestamp) = (self.account, self.seller, UnixTime::from(0));
        if self.version >= Version::V2 {
            return Body::CustomerV2(CustomerMessageV2 { sender, receiver, timestamp, content });
        }
        Body::Customer(CustomerMessage {
            customer_appid: sender.appid,
            customer_id: sender.uid,
            store_id: StoreId(1),
            seller_id: receiver.uid,
            timestamp,
            content,
        })
    }
}
