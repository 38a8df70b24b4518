//! A customer: sends, waits for ACKs, and repeats what got none when the connection breaks.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use hdrhistogram::Histogram;
use kefu_proto::{Account, Body, CustomerMessage, EncodeError, Flags, Message};
use kefu_proto::{StoreId, UnixTime, UserId, Version};
use tokio::select;
use tokio::time::interval;

use crate::content::{MAX_NUMBER, Template};
use crate::link::{Link, LinkError};
use crate::load::Shared;
use crate::plan::{Role, Target};
use crate::pulse::Pulse;
use crate::service::{Caller, LOADING};
use crate::window::{self, Window};

/// Room for the ACKs of 256 messages.
const BUFFER: usize = 4 * 1024;
/// How often a customer to whom nothing happens looks at the clock.
const TICK: Duration = Duration::from_secs(1);
/// Latencies are told apart by a hundredth, in microseconds up to an hour: 27 KB a customer.
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
    /// The messages have the numbers below this one.
    pub(crate) count: u32,
    /// Which of them never got an ACK, in order.
    pub(crate) unacked: Vec<u32>,
    pub(crate) latency: Histogram<u64>,
    pub(crate) last_ack: Option<Instant>,
    pub(crate) repeated: u64,
    pub(crate) reconnects: u64,
    pub(crate) refused_logins: u64,
    /// Why the customer stopped before the end.
    pub(crate) gave_up: Option<LinkError>,
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
    shared: Arc<Shared>,
    /// What all of the customer's messages say, but the content.
    message: CustomerMessage,
    template: Template,
    /// Contents are written here one behind the other: the memory is used again, not allocated for each.
    contents: BytesMut,
    window: Window,
    pulse: Arc<Pulse>,
    sent: Sent,
}

impl Customer {
    pub(crate) fn new(shared: Arc<Shared>, uid: u32, pulse: Arc<Pulse>) -> Self {
        let plan = &shared.plan;
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
            pulse,
            sent: Sent::new(uid),
            shared,
        }
    }

    pub(crate) fn caller(account: Account) -> Caller {
        Caller { account, device: LOADING, buffer: BUFFER }
    }

    /// Sends until there is nothing left to send or to wait for.
    pub(crate) async fn run(mut self, mut link: Link) -> Sent {
        let caller = Self::caller(self.shared.plan.account(Role::Customer, self.sent.uid));
        while self.converse(&mut link).await.is_err() {
            let (service, lost) = (&self.shared.service, link.server());
            match caller.log_in_again(service, lost, &mut self.sent.refused_logins).await {
                Ok(again) => link = again,
                Err(error) => {
                    self.sent.gave_up = Some(error);
                    break;
                }
            }
            self.sent.reconnects += 1;
            self.shared.counters.reconnected();
        }
        self.sent.count = self.window.next();
        self.sent.unacked = self.window.unacked().collect();
        self.sent
    }

    /// Works on one connection until the end of the run, or until the connection breaks.
    async fn converse(&mut self, link: &mut Link) -> Result<(), LinkError> {
        let patience = self.shared.service.patience();
        self.repeat(link)?;
        let mut tick = interval(TICK);
        let mut now = Instant::now();
        loop {
            self.fill(link, now)?;
            if self.window.len() == 0 {
                return Ok(());
            }
            if self.window.is_stuck(now, patience) {
                self.sent.gave_up = Some(LinkError::Silent(patience));
                return Ok(());
            }
            select! {
                biased;
                exchanged = link.exchange() => {
                    exchanged?;
                    now = Instant::now();
                    self.take_acks(link, now)?;
                }
                _ = tick.tick() => now = Instant::now(),
            }
        }
    }

    /// Sends as much as the window allows.
    fn fill(&mut self, link: &mut Link, now: Instant) -> Result<(), EncodeError> {
        while self.window.len() < self.shared.plan.window && self.may_send(now) {
            let number = self.window.send(now);
            self.write(link, number)?;
        }
        Ok(())
    }

    fn may_send(&self, now: Instant) -> bool {
        let next = self.window.next();
        next < MAX_NUMBER
            && match self.shared.plan.target {
                Target::Time(time) => now.saturating_duration_since(self.pulse.started()) < time,
                Target::Count(count) => next < count,
            }
    }

    fn take_acks(&mut self, link: &mut Link, now: Instant) -> Result<(), LinkError> {
        let mut acked = 0;
        let taken = loop {
            match link.take() {
                Ok(Some(Message { body: Body::Ack(seq), .. })) => {
                    if let Some(latency) = self.window.ack(seq, now) {
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
            self.shared.counters.acked(acked);
            self.pulse.beat();
        }
        taken
    }

    /// Sends what has no ACK once more on a new connection, in the same order and under the same uuids.
    fn repeat(&mut self, link: &mut Link) -> Result<(), EncodeError> {
        let unacked: Vec<u32> = self.window.unacked().collect();
        for number in unacked {
            self.write(link, number)?;
            self.sent.repeated += 1;
        }
        Ok(())
    }

    fn write(&mut self, link: &mut Link, number: u32) -> Result<(), EncodeError> {
        self.contents.extend_from_slice(self.template.numbered(number));
        let content = self.contents.split().freeze();
        let transient = self.shared.plan.is_transient(number);
        let flags = if transient { Flags::TEXT | Flags::UNPERSISTENT } else { Flags::TEXT };
        let body = Body::Customer(CustomerMessage { content, ..self.message.clone() });
        link.queue(&Message { seq: window::seq(number), version: Version(1), flags, body })
    }
}
