//! A run of the load tool, and its verdict.

use std::path::Path;
use std::time::Duration;

use kefu_load::{Args, Failure, Progress, Report};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// For sending to the end and reading everything back.
const DEADLINE: Duration = Duration::from_secs(120);

/// Runs in the background, until the test's runtime ends at the latest.
pub struct Load(JoinHandle<Result<Report, Failure>>);

impl Load {
    pub fn start(addr: &str, options: &[&str]) -> Self {
        let args = Args::from_options([&["--addr", addr], options].concat()).unwrap();
        Self(tokio::spawn(async move { kefu_load::run(&args, Progress::Hidden).await }))
    }

    pub fn has_ended(&self) -> bool {
        self.0.is_finished()
    }

    /// Waits for its end: clients lost their servers, and still nothing was lost, duplicated or
    /// reordered.
    pub async fn check(self) {
        let report = self.report().await;
        assert!(report.reconnects > 0 && report.repeated > 0, "{report}");
    }

    /// As [`check`](Self::check), but clients need not have lost their servers.
    pub async fn report(self) -> Report {
        let end = timeout(DEADLINE, self.0).await.expect("the load does not end");
        let report = end.unwrap().unwrap_or_else(|failure| panic!("{failure}"));
        println!("load: {report}");
        assert!(report.is_clean(), "{report}");
        assert_eq!((report.gave_up, report.sent), (0, report.acked), "{report}");
        report
    }
}

/// Writes the tokens that a load with these options needs.
pub fn write_load_tokens(path: &Path, options: &[&str]) {
    let args = Args::from_options(options.iter().copied()).unwrap();
    std::fs::write(path, kefu_load::tokens(&args).unwrap()).unwrap();
}
