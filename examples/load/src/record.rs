//! What happens during a run, as a CSV: a row every ten seconds.

use std::convert::Infallible;
use std::fs::{self, File};
use std::future::pending;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use tokio::time::{MissedTickBehavior, interval};

use crate::failure::Failure;
use crate::plan::Recording;
use crate::report::per_second;
use crate::run::{Counted, Run};

const EVERY: Duration = Duration::from_secs(10);
const HEAD: &str = "seconds,messages_per_second,reconnects,own_kib,watched_kib";

/// Records until the run is over; returns only why it cannot.
pub(crate) async fn record(run: &Run) -> Failure {
    match &run.plan.recording {
        None => pending().await,
        Some(recording) => {
            let Err(source) = write_rows(recording, run).await;
            Failure::Recording { path: recording.file.clone(), source }
        }
    }
}

async fn write_rows(recording: &Recording, run: &Run) -> io::Result<Infallible> {
    let mut file = File::create(&recording.file)?;
    writeln!(file, "{HEAD}")?;
    let mut tick = interval(EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let start = Instant::now();
    tick.tick().await;
    let (mut then, mut before) = (start, run.counters.now());
    loop {
        tick.tick().await;
        let (now, counted) = (Instant::now(), run.counters.now());
        let Counted { acked, reconnects, .. } = counted;
        let rate = per_second(acked - before.acked, now - then);
        let own = resident_kib("self").unwrap_or_default();
        let watched = recording.watched.and_then(|pid| resident_kib(&pid.to_string()));
        let watched = watched.map_or(String::new(), |kib| kib.to_string());
        let seconds = (now - start).as_secs();
        writeln!(file, "{seconds},{rate},{reconnects},{own},{watched}")?;
        (then, before) = (now, counted);
    }
}

/// The memory (RSS) of a process. `None` where it is gone, or the system does not tell.
fn resident_kib(pid: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn the_memory_of_a_process_is_told_while_it_is_there() {
        let own = resident_kib("self").unwrap();
        assert!((100..100_000_000).contains(&own), "{own}");
        assert_eq!(resident_kib("0"), None);
    }
}
