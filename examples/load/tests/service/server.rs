//! Servers in processes of their own, and runs of the load tool against them.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use kefu_load::{Args, Failure, Progress, Report};
use kefu_testing::process::Process;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use tempfile::TempDir;

/// `kefu-server` with an embedded store. It stops when this is dropped.
pub(crate) struct Server {
    pub(crate) tcp: SocketAddr,
    /// Where the WebSocket is.
    pub(crate) http: SocketAddr,
    folder: TempDir,
    _process: Process,
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::start_in(TempDir::new().unwrap(), &[]).await
    }

    /// With a certificate for `localhost`, signed by itself.
    pub(crate) async fn start_with_tls() -> Self {
        let folder = TempDir::new().unwrap();
        let [cert, key] = write_certificate(&folder);
        Self::start_in(folder, &["--tls-cert", &cert, "--tls-key", &key]).await
    }

    async fn start_in(folder: TempDir, options: &[&str]) -> Self {
        let (tokens, data) = (folder.path().join("tokens.toml"), folder.path().join("data"));
        let args = Args::from_options::<&str>([]).unwrap();
        fs::write(&tokens, kefu_load::tokens(&args).unwrap()).unwrap();
        let mut command = cargo_run(&["--package", "kefu-server"]);
        command.args(["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"]).args(options);
        command.arg("--tokens").arg(tokens).arg("--data").arg(data);
        let (process, _, (tcp, http)) = Process::spawn(command.into(), addresses).await;
        Self { tcp, http, folder, _process: process }
    }

    /// The certificate of [`start_with_tls`](Self::start_with_tls).
    pub(crate) fn ca(&self) -> String {
        path(self.folder.path().join("cert.pem"))
    }

    pub(crate) async fn load(&self, options: &[&str]) -> Result<Report, Failure> {
        load(&self.tcp.to_string(), options).await
    }
}

/// `examples/threaded.rs`: it stores repeats again. It stops when this is dropped.
pub(crate) struct Threaded {
    addr: SocketAddr,
    _process: Process,
}

impl Threaded {
    pub(crate) async fn start() -> Self {
        let mut command = cargo_run(&["--package", "kefu-proto", "--example", "threaded"]);
        command.args(["--listen", "127.0.0.1:0"]);
        let ready = |line: &str| line.strip_prefix("ready: clients on ")?.parse().ok();
        let (process, _, addr) = Process::spawn(command.into(), ready).await;
        Self { addr, _process: process }
    }

    pub(crate) async fn load(&self, options: &[&str]) -> Result<Report, Failure> {
        load(&self.addr.to_string(), options).await
    }
}

pub(crate) async fn load(addr: &str, options: &[&str]) -> Result<Report, Failure> {
    let args = Args::from_options([&["--addr", addr], options].concat()).unwrap();
    let report = kefu_load::run(&args, Progress::Hidden).await;
    if let Ok(report) = &report {
        println!("{report}");
    }
    report
}

/// The server found nothing to complain about, and did all that it was asked to.
#[track_caller]
pub(crate) fn assert_clean(report: &Report) {
    assert!(report.is_clean(), "{report}");
    assert_eq!((report.gave_up, report.sent), (0, report.acked), "{report}");
}

/// Two files in PEM: a new certificate and its key.
pub(crate) fn write_certificate(folder: &TempDir) -> [String; 2] {
    let names = ["localhost".to_owned()];
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names).unwrap();
    let files = [("cert.pem", cert.pem()), ("key.pem", signing_key.serialize_pem())];
    files.map(|(name, pem)| {
        let file = folder.path().join(name);
        fs::write(&file, pem).unwrap();
        path(file)
    })
}

fn path(path: PathBuf) -> String {
    path.into_os_string().into_string().unwrap()
}

/// Builds a host first, which may take longer than its start may; then runs it as its users do.
fn cargo_run(target: &[&str]) -> Command {
    let cargo = |command| {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args([command, "--quiet"]).args(target);
        cargo
    };
    assert!(cargo("build").status().unwrap().success(), "{target:?} does not build");
    let mut run = cargo("run");
    run.arg("--");
    run
}

/// Of `ready: clients on ADDR, WebSocket at ws://ADDR/ws`.
fn addresses(line: &str) -> Option<(SocketAddr, SocketAddr)> {
    let (tcp, web) = line.strip_prefix("ready: clients on ")?.split_once(", WebSocket at ")?;
    let http = web.split_once("://")?.1.strip_suffix("/ws")?;
    Some((tcp.parse().ok()?, http.parse().ok()?))
}
