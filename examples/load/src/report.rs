//! The result: a table for people, or one JSON object for programs.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::args::{Check, Dialect};
use crate::customer::{Sent, latencies};
use crate::follower::Live;
use crate::judge::Routing;
use crate::ledger::Verdict;
use crate::pauses::Pauses;
use crate::run::Run;
use crate::seller::Received;
use crate::trouble::{Churn, Flood, Hostile, Repeat, Slow, Trouble};

/// What one run did and found.
#[derive(Debug, Serialize)]
pub struct Report {
    pub run: String,
    pub server: String,
    pub customers: u32,
    pub sellers: u32,
    pub dialect: Dialect,
    pub window: usize,
    pub size: usize,
    pub transient_percent: u8,
    /// Whether the server may store repeats again.
    pub allows_repeats: bool,
    /// From the first message to the last ACK.
    pub seconds: f64,
    pub messages_per_second: u64,
    pub sent: u64,
    pub acked: u64,
    /// Sent again after a lost connection.
    pub repeated: u64,
    pub ack_latency_us: Latency,
    /// The longest time without an ACK for any customer, until all were done.
    pub longest_pause_ms: f64,
    /// How many SYNC_NOTIFY sellers received.
    pub notifies: u64,
    /// Transient messages that sellers received.
    pub transient_received: u64,
    pub live: Live,
    pub refusals: Refusals,
    pub reconnects: u64,
    /// What was found in the frames while the run went on.
    pub routing: Routing,
    pub trouble: Trouble,
    /// Clients that stopped before the end, and one of the reasons.
    pub gave_up: u64,
    pub gave_up_reason: Option<String>,
    pub verification: Verdict,
    /// What sellers of version 2 got by live copies and SYNC.
    pub arrivals: Verdict,
}

/// Microseconds from a message's first sending to its ACK.
#[derive(Debug, Serialize)]
pub struct Latency {
    pub p50: u64,
    pub p90: u64,
    pub p99: u64,
    pub p99_9: u64,
    pub max: u64,
}

/// A refused message gets no answer, or in version 2 an ACK with a status.
#[derive(Debug, Serialize)]
pub struct Refusals {
    pub messages_never_acked: u64,
    pub messages_by_status: u64,
    pub logins: u64,
}

impl Report {
    pub(crate) fn new(
        run: &Run,
        pauses: &Pauses,
        sent: &[Sent],
        received: &[Received],
        verification: Verdict,
        arrivals: Verdict,
    ) -> Self {
        let plan = &run.plan;
        let mut latency = latencies();
        for customer in sent {
            // They all have the same bounds.
            latency.add(&customer.latency).unwrap_or_default();
        }
        let last_ack = sent.iter().filter_map(|sent| sent.last_ack).max();
        let elapsed = last_ack.map_or(Duration::ZERO, |last| last.duration_since(pauses.started()));
        let acked = latency.len();
        let of_sent = |figure: fn(&Sent) -> u64| sent.iter().map(figure).sum::<u64>();
        let of_heard = |figure: fn(&Received) -> u64| received.iter().map(figure).sum::<u64>();
        let reasons = || {
            let customers = sent.iter().map(|sent| &sent.gave_up);
            customers.chain(received.iter().map(|received| &received.gave_up)).flatten()
        };
        let total = of_sent(|sent| sent.count.into());
        let refused = of_sent(|sent| sent.refused);
        Self {
            run: plan.format.run().to_owned(),
            server: plan.addr(),
            customers: plan.customers,
            sellers: plan.sellers,
            dialect: plan.dialect,
            window: plan.window,
            size: plan.format.size(),
            transient_percent: plan.transient,
            allows_repeats: plan.allows_repeats,
            seconds: elapsed.as_secs_f64(),
            messages_per_second: per_second(acked, elapsed),
            sent: total,
            acked,
            repeated: of_sent(|sent| sent.repeated),
            ack_latency_us: Latency::of(&latency),
            longest_pause_ms: pauses.longest_pause().as_secs_f64() * 1e3,
            notifies: of_heard(|received| received.notifies),
            transient_received: of_heard(|received| received.transient),
            live: live(sent, received),
            refusals: Refusals {
                messages_never_acked: total - acked - refused,
                messages_by_status: refused,
                logins: of_sent(|sent| sent.refused_logins)
                    + of_heard(|received| received.refused_logins),
            },
            reconnects: of_sent(|sent| sent.reconnects) + of_heard(|received| received.reconnects),
            routing: run.service.judge().routing(),
            trouble: trouble(run, sent),
            gave_up: u64::try_from(reasons().count()).unwrap_or(u64::MAX),
            gave_up_reason: reasons().next().map(ToString::to_string),
            verification,
            arrivals,
        }
    }

    /// One JSON object.
    pub fn json(&self) -> String {
        serde_json::to_string(self).expect("a report is plain data")
    }

    /// Nothing was lost, duplicated, reordered or unexpected, all pairs were complete, what had to be
    /// refused was refused, and no frame broke a rule.
    pub const fn is_clean(&self) -> bool {
        self.verification.is_clean()
            && self.brings_all()
            && self.trouble.hostile.is_refused()
            && self.routing.is_clean()
    }

    const fn brings_all(&self) -> bool {
        self.arrivals.is_clean() && self.live.incomplete_pairs == 0
    }

    /// Why some clients stopped before the end, if any did.
    pub fn gave_up(&self) -> Option<String> {
        let reason = self.gave_up_reason.as_ref()?;
        Some(format!(
            "{}: {} clients gave up: {reason}: see the server's log, or raise --timeout",
            self.server, self.gave_up
        ))
    }
}

fn trouble(run: &Run, sent: &[Sent]) -> Trouble {
    let mut trouble = run.trouble.made();
    for customer in sent {
        trouble.repeat.add(&customer.repeats);
    }
    trouble
}

fn live(sent: &[Sent], received: &[Received]) -> Live {
    let incomplete_pairs = sent.iter().map(|sent| sent.incomplete_pairs).sum();
    let mut live = Live { incomplete_pairs, ..Live::default() };
    for follower in received.iter().filter_map(|received| received.follower.as_ref()) {
        live.add(&follower.live());
    }
    live
}

impl Latency {
    fn of(latency: &Histogram<u64>) -> Self {
        Self {
            p50: latency.value_at_quantile(0.5),
            p90: latency.value_at_quantile(0.9),
            p99: latency.value_at_quantile(0.99),
            p99_9: latency.value_at_quantile(0.999),
            max: latency.max(),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fmt_load(f)?;
        self.fmt_sending(f)?;
        self.fmt_receiving(f)?;
        if self.routing.check != Check::None {
            writeln!(f, "routing       {}", self.routing)?;
        }
        write!(f, "{}", self.trouble)?;
        if self.dialect != Dialect::V1 {
            writeln!(f, "live copies   {}", self.live)?;
            writeln!(f, "arrivals      {}", self.arrivals)?;
        }
        writeln!(f, "verification  {}", self.verification)?;
        write!(f, "verdict       {}", self.verdict())
    }
}

impl Report {
    fn fmt_load(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { run, server, customers, sellers, dialect, .. } = self;
        let Self { window, size, transient_percent, .. } = self;
        writeln!(f, "run {run} on {server}")?;
        writeln!(
            f,
            "load          {customers} customers, {sellers} sellers, dialect {dialect}, \
             window {window}, {size} bytes, {transient_percent}% transient"
        )
    }

    fn fmt_sending(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seconds, messages_per_second, longest_pause_ms, .. } = self;
        let [acked, sent, repeated] = [self.acked, self.sent, self.repeated].map(grouped);
        let Latency { p50, p90, p99, p99_9, max } = self.ack_latency_us;
        let [p50, p90, p99, p99_9, max] = [p50, p90, p99, p99_9, max].map(ms);
        writeln!(
            f,
            "messages      {acked} ACKed of {sent} sent in {seconds:.1} s, {repeated} repeated"
        )?;
        writeln!(f, "rate          {} messages/s", grouped(*messages_per_second))?;
        writeln!(f, "ACK latency   p50 {p50}, p90 {p90}, p99 {p99}, p99.9 {p99_9}, max {max}")?;
        writeln!(f, "pause         no customer got an ACK for up to {longest_pause_ms:.2} ms")
    }

    fn fmt_receiving(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { refusals, reconnects, gave_up, .. } = self;
        let [notifies, transient] = [self.notifies, self.transient_received].map(grouped);
        let never_acked = grouped(refusals.messages_never_acked);
        let by_status = grouped(refusals.messages_by_status);
        writeln!(f, "received      {notifies} notifies, {transient} transient messages")?;
        writeln!(
            f,
            "refusals      {never_acked} messages never ACKed, {by_status} by the ACK's status, \
             {} logins",
            refusals.logins
        )?;
        writeln!(f, "reconnects    {reconnects}, {gave_up} clients gave up")
    }

    fn verdict(&self) -> Cow<'static, str> {
        if !self.verification.is_clean() {
            "the server does not keep what it ACKs"
        } else if !self.brings_all() {
            "live copies and syncs do not bring each message once and in order"
        } else if !self.trouble.hostile.is_refused() {
            "the server does not refuse what it must"
        } else if let Some(broken) = self.routing.examples.first() {
            return format!("the server breaks rule {} of the protocol", broken.rule).into();
        } else if self.gave_up > 0 {
            "none: some clients gave up before the end"
        } else if self.allows_repeats {
            "every ACKed message is in both queues and in order; repeats may be stored again"
        } else {
            "every ACKed message is in both queues exactly once and in order"
        }
        .into()
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { expected, lost, duplicated, reordered, unexpected, examples, .. } = self;
        let [expected, lost, duplicated, reordered, unexpected] =
            [expected, lost, duplicated, reordered, unexpected].map(|figure| grouped(*figure));
        write!(
            f,
            "{expected} copies looked for: {lost} lost, {duplicated} duplicated, \
             {reordered} reordered, {unexpected} unexpected"
        )?;
        for example in examples {
            write!(f, "\n              {example}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Routing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { groups, judged, broken, examples, .. } = self;
        let events = grouped(self.events);
        write!(f, "{judged} of {groups} sellers with their customers judged, {events} events: ")?;
        match broken {
            0 => write!(f, "no rule broken")?,
            1 => write!(f, "a rule broken")?,
            _ => write!(f, "rules broken with {broken} sellers")?,
        }
        for example in examples {
            write!(f, "\n              {example}")?;
        }
        Ok(())
    }
}

/// A line for each kind of trouble that was asked for.
impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { churn, repeat, slow, hostile, flood } = self;
        if churn.percent > 0 {
            writeln!(f, "churn         {churn}")?;
        }
        if repeat.percent > 0 {
            writeln!(f, "repeats       {repeat}")?;
        }
        if slow.percent > 0 {
            writeln!(f, "slow          {slow}")?;
        }
        if hostile.percent > 0 {
            writeln!(f, "hostile       {hostile}")?;
        }
        if flood.accounts > 0 {
            writeln!(f, "flood         {flood}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Churn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { goodbyes, frames_after_goodbye, not_closed, .. } = self;
        let Self { dropped, reset, broken_off, visits, .. } = self;
        write!(
            f,
            "{goodbyes} goodbyes ({frames_after_goodbye} frames read behind them, {not_closed} not \
             closed), {dropped} dropped, {reset} reset, {broken_off} in the middle of a frame; \
             {visits} visits"
        )
    }
}

impl fmt::Display for Repeat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [marked, unmarked, acked] = [self.marked, self.unmarked, self.acked].map(grouped);
        write!(f, "{marked} with a uuid, {unmarked} without; {acked} ACKed")
    }
}

impl fmt::Display for Slow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stopped, stopped_for_good, closed_by_server, .. } = self;
        write!(
            f,
            "readers stopped {stopped} times for a while, {stopped_for_good} for good; \
             {closed_by_server} closed by the server"
        )
    }
}

impl fmt::Display for Hostile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { frames, messages, floods, logins, held, .. } = self;
        let Self { answered, not_closed, examples, .. } = self;
        write!(
            f,
            "{frames} broken frames, {messages} messages to be refused, {floods} floods of {} \
             frames, {logins} logins of nobody, {held} that held the server up; {answered} \
             answered, {not_closed} not closed",
            grouped(self.flood_frames)
        )?;
        for example in examples {
            write!(f, "\n              {example}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Flood {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { accounts, acked } = *self;
        write!(f, "{accounts} accounts, {} messages of 32 KB ACKed", grouped(acked))
    }
}

impl fmt::Display for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { copies, continued, dropped, syncs, incomplete_pairs } = *self;
        let tenths = continued * 1_000 / copies.max(1);
        let [copies, dropped, syncs] = [copies, dropped, syncs].map(grouped);
        write!(
            f,
            "{copies} to sellers, {}.{}% continued the one before; {dropped} dropped, {syncs} syncs, \
             {incomplete_pairs} incomplete pairs",
            tenths / 10,
            tenths % 10
        )
    }
}

/// Whole messages a second.
pub(crate) fn per_second(messages: u64, elapsed: Duration) -> u64 {
    let rate = u128::from(messages) * 1_000_000 / elapsed.as_micros().max(1);
    u64::try_from(rate).unwrap_or(u64::MAX)
}

/// A number with separators: 1,234,567.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
    groups.join(",")
}

fn ms(micros: u64) -> String {
    format!("{:.2} ms", Duration::from_micros(micros).as_secs_f64() * 1e3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_easy_to_read() {
        let numbers = [0, 999, 1_000, 12_345, 123_456, 1_234_567].map(grouped);
        assert_eq!(numbers, ["0", "999", "1,000", "12,345", "123,456", "1,234,567"]);
        assert_eq!(ms(1_234), "1.23 ms");
    }

    #[test]
    fn a_rate_needs_no_whole_second() {
        assert_eq!(per_second(30, Duration::from_millis(500)), 60);
        assert_eq!(per_second(0, Duration::ZERO), 0);
    }
}
