//! Progress of a run: a bar on a terminal, else a line a second.

use std::io::{self, IsTerminal, Write};
use std::pin::pin;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use tokio::select;
use tokio::time::{interval, sleep};

use crate::plan::Target;
use crate::report::{grouped, per_second};
use crate::run::{Counted, Run};

const BAR_EVERY: Duration = Duration::from_millis(100);
const LINE_EVERY: Duration = Duration::from_secs(1);

/// How progress is shown: on stderr, since stdout is for the result.
#[derive(Clone, Copy, Debug)]
pub enum Progress {
    Hidden,
    Lines,
    Bar,
}

/// One moment of a phase.
struct Step {
    done: u64,
    of: u64,
    text: String,
}

impl Progress {
    /// A bar if stderr is a terminal, lines otherwise.
    pub fn on_stderr() -> Self {
        if io::stderr().is_terminal() { Self::Bar } else { Self::Lines }
    }

    pub(crate) async fn of_sending<T>(
        self,
        run: &Run,
        start: Instant,
        work: impl Future<Output = T>,
    ) -> T {
        self.show("sending", work, || {
            let Counted { acked, notifies, reconnects, .. } = run.counters.now();
            let elapsed = start.elapsed();
            let (done, of) = match run.plan.target {
                Target::Time(time) => (millis(elapsed), millis(time)),
                Target::Count(count) => (acked, u64::from(count) * u64::from(run.plan.customers)),
            };
            let text = format!(
                "{} s, {} ACKed ({}/s), {} notifies, {reconnects} reconnects",
                elapsed.as_secs(),
                grouped(acked),
                grouped(per_second(acked, elapsed)),
                grouped(notifies),
            ) + &broken(run);
            Step { done, of, text }
        })
        .await
    }

    pub(crate) async fn of_idling(self, time: Duration) {
        if time.is_zero() {
            return;
        }
        let start = Instant::now();
        self.show("idle", sleep(time), || {
            let (done, of) = (millis(start.elapsed()), millis(time));
            Step { done, of, text: format!("{} of {} s", done / 1_000, of / 1_000) }
        })
        .await;
    }

    pub(crate) async fn of_verifying<T>(
        self,
        run: &Run,
        expected: u64,
        work: impl Future<Output = T>,
    ) -> T {
        self.show("verifying", work, || {
            let read = run.counters.now().rows;
            let text = format!("{} of {} messages read back", grouped(read), grouped(expected))
                + &broken(run);
            Step { done: read, of: expected, text }
        })
        .await
    }

    async fn show<T>(
        self,
        phase: &'static str,
        work: impl Future<Output = T>,
        step: impl Fn() -> Step,
    ) -> T {
        let (bar, period) = match self {
            Self::Hidden => return work.await,
            Self::Lines => (None, LINE_EVERY),
            Self::Bar => (Some(bar(phase)), BAR_EVERY),
        };
        let mut tick = interval(period);
        // The first tick comes at once, when there is nothing to show yet.
        tick.tick().await;
        let mut work = pin!(work);
        let done = loop {
            select! {
                done = &mut work => break done,
                _ = tick.tick() => {}
            }
            let Step { done, of, text } = step();
            if let Some(bar) = &bar {
                bar.set_length(of);
                bar.set_position(done.min(of));
                bar.set_message(text);
            } else {
                // A closed stderr is no reason to stop.
                let _ = writeln!(io::stderr(), "{phase}: {text}");
            }
        };
        if let Some(bar) = bar {
            bar.finish_and_clear();
        }
        done
    }
}

/// The rule that the server has broken first, as soon as it has.
fn broken(run: &Run) -> String {
    run.service.judge().first().map_or_else(String::new, |it| format!(", broke {}", it.rule))
}

fn bar(phase: &'static str) -> ProgressBar {
    let style = ProgressStyle::with_template("{prefix} [{bar:20}] {wide_msg}");
    let bar = ProgressBar::new(0).with_prefix(phase);
    match style {
        Ok(style) => bar.with_style(style.progress_chars("=> ")),
        Err(_) => bar,
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
