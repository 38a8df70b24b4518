//! A headless Chromium and its driver. Both are killed on drop, also if a test panics.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};
use std::{env, thread};

use kefu_testing::program;
use tempfile::TempDir;
use thirtyfour::prelude::*;
use thirtyfour::{ChromeCapabilities, ChromiumLikeCapabilities, LoggingPrefsLogLevel};

use crate::host::Host;
use crate::tab::Tab;

/// A browser for one test. Fields are dropped in this order: the processes first.
pub(crate) struct Browser {
    _processes: Processes,
    pub(crate) driver: WebDriver,
    _home: TempDir,
}

impl Browser {
    /// `None` if no browser is installed: the test is to be skipped.
    pub(crate) async fn start() -> Option<Self> {
        let found = find(&["chromium", "chromium-browser", "google-chrome"])
            .zip(find(&["chromedriver", "chromium.chromedriver"]));
        let Some((chromium, chromedriver)) = found else {
            program::skip("chromium and chromedriver");
            return None;
        };
        let home = tempfile::tempdir().unwrap();
        let (processes, port) = Processes::start(&chromedriver, home.path());
        let driver = WebDriver::builder(
            format!("http://127.0.0.1:{port}"),
            capabilities(&chromium, home.path()).unwrap(),
        );
        let driver = driver.request_timeout(Duration::from_secs(60)).await;
        let driver = driver.unwrap_or_else(|error| panic!("no session with chromedriver: {error}"));
        Some(Self { _processes: processes, driver, _home: home })
    }

    /// Opens the page in a tab of its own.
    pub(crate) async fn open(&self, name: &'static str, host: &Host) -> Tab<'_> {
        self.open_at(name, &format!("http://{}/", host.http)).await
    }

    pub(crate) async fn open_at(&self, name: &'static str, url: &str) -> Tab<'_> {
        let handle = self.driver.new_tab().await.unwrap();
        self.driver.switch_to_window(handle.clone()).await.unwrap();
        self.driver.goto(url).await.unwrap();
        Tab::new(&self.driver, handle, name)
    }

    /// Opens the page and logs in as one of the demo's two.
    pub(crate) async fn log_in(&self, host: &Host, side: &'static str) -> Tab<'_> {
        self.log_in_speaking(1, host, side).await
    }

    /// The same in a version of the protocol.
    pub(crate) async fn log_in_speaking(
        &self,
        version: u8,
        host: &Host,
        side: &'static str,
    ) -> Tab<'_> {
        let tab = self.open(side, host).await;
        tab.watch_frames().await;
        tab.choose_version(version).await;
        tab.log_in_as(side).await;
        tab
    }

    /// The browser's console has no errors: no failed script, missing file or policy violation.
    pub(crate) async fn assert_nothing_wrong(&self) {
        let log = self.driver.browser_log().await.unwrap();
        // The page is not to blame for a server that is down.
        let is_fault = |message: &String| !message.contains("net::ERR_");
        let faults: Vec<_> = log.into_iter().map(|entry| entry.message).filter(is_fault).collect();
        assert_eq!(faults, [""; 0]);
    }
}

fn capabilities(chromium: &Path, home: &Path) -> WebDriverResult<ChromeCapabilities> {
    let mut capabilities = DesiredCapabilities::chrome();
    capabilities.set_binary(chromium.to_str().expect("a path that is text"))?;
    capabilities.set_browser_log_level(LoggingPrefsLogLevel::Severe)?;
    for arg in [
        "--headless",
        // It does not work for root.
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--window-size=1280,800",
        &format!("--user-data-dir={}", home.join("profile").display()),
    ] {
        capabilities.add_arg(arg)?;
    }
    Ok(capabilities)
}

fn find(names: &[&str]) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let places = names.iter().flat_map(|name| env::split_paths(&path).map(move |at| at.join(name)));
    places.into_iter().find(|place| place.is_file())
}

/// The driver and, in its process group, the browser.
struct Processes(Child);

impl Processes {
    /// Starts the driver, which chooses a free port. All files of both are in `home`.
    fn start(chromedriver: &Path, home: &Path) -> (Self, u16) {
        let child = Command::new(chromedriver)
            .arg("--port=0")
            .envs(["HOME", "TMPDIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"].map(|name| (name, home)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn();
        let mut processes = Self(child.unwrap_or_else(|error| panic!("chromedriver: {error}")));
        let output = processes.0.stdout.take().expect("a pipe");
        let (tell, told) = mpsc::channel();
        thread::spawn(move || {
            // Read to the end: the driver would block on a full pipe.
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let port = line.split_once("started successfully on port ");
                let port = port.and_then(|(_, port)| port.trim_end_matches('.').parse().ok());
                let _ = port.map(|port| tell.send(port));
            }
        });
        let port = told.recv_timeout(Duration::from_secs(20));
        (processes, port.expect("chromedriver does not tell its port"))
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        if !self.signal_group("KILL") {
            let _ = self.0.kill();
        }
        let _ = self.0.wait();
        // Processes that are still ending would write to the folder that is removed next.
        let deadline = Instant::now() + Duration::from_secs(3);
        while self.signal_group("0") && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Processes {
    /// Returns whether any process got the signal.
    fn signal_group(&self, signal: &str) -> bool {
        const KILL: &str = "kill -s \"$1\" -- \"-$2\"";
        let group = self.0.id().to_string();
        let mut kill = Command::new("/bin/sh");
        kill.args(["-c", KILL, "sh", signal, &group]).stderr(Stdio::null());
        kill.status().is_ok_and(|status| status.success())
    }
}
