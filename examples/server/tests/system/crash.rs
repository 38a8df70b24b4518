//! The server is killed under load, again and again: what it acknowledged stays.

use std::io::Write;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use fastrand::Rng;
use kefu_testing::client::{customer, seller};
use kefu_testing::process::free_port;
use kefu_testing::sender::Sender;
use kefu_testing::{http, until, within};
use tempfile::TempDir;
use tokio::process::Command;
use tokio::time::sleep;

use crate::support::load::{Load, write_load_tokens};
use crate::support::process::{self, ServerProcess};
use crate::support::server::write_tokens;

const KILLS: usize = 20;
/// Longer than the kills take. If they take longer, the load is started again.
const LOAD_SECONDS: &str = "15";
const LOAD: [&str; 10] = [
    "--customers",
    "8",
    "--sellers",
    "2",
    "--window",
    "8",
    "--transient",
    "10",
    "--seconds",
    LOAD_SECONDS,
];
const LOAD_CONNECTIONS: u64 = 10;

#[tokio::test]
async fn what_was_acked_is_there_exactly_once_after_each_of_20_kills() {
    let mut random = Rng::with_seed(0x6b65_6675);
    let place = Place::new();
    let mut sender = Sender::new(customer(1_001), seller(1_001));
    let mut server = ServerProcess::spawn(place.server()).await;
    let mut load = start_load(&place, &server).await;
    for kill in 1..=KILLS {
        load = keep_flowing(load, &place, &server).await;
        let acked = sender.acked();
        let (addr, moment) = (server.tcp, Moment::random(&mut random));
        tokio::join!(sender.send_until_gone(addr), moment.kill(server));
        println!("kill {kill}: {} ACKed since the last", sender.acked() - acked);

        place.disturb_a_start(&mut random).await;
        server = ServerProcess::spawn(place.server()).await;
        sender.check(server.tcp).await;
    }
    let enough = sender.acked() + 100;
    sender.send(server.tcp, enough).await;
    assert!(sender.acked() >= enough, "the server is gone");
    sender.check(server.tcp).await;
    load.check().await;
}

/// Starts a load and waits until messages flow.
async fn start_load(place: &Place, server: &ServerProcess) -> Load {
    let load = Load::start(&place.listen, &LOAD);
    until("the load begins", async || is_flowing(server).await).await;
    load
}

/// Waits until messages flow again, after the start of a server. A load that has ended is checked,
/// and another one started.
async fn keep_flowing(load: Load, place: &Place, server: &ServerProcess) -> Load {
    until("the load goes on", async || load.has_ended() || is_flowing(server).await).await;
    if !load.has_ended() {
        return load;
    }
    load.check().await;
    start_load(place, server).await
}

/// Whether all clients of the load are connected and served.
async fn is_flowing(server: &ServerProcess) -> bool {
    let at_least = async |name: &str, least: u64| http::metric(server.http, name).await >= least;
    at_least("kefu_connections", LOAD_CONNECTIONS).await && at_least("kefu_saves_total", 200).await
}

/// When to kill a server.
struct Moment {
    /// After this many more copies have been stored.
    saves: u64,
    /// And then this much later.
    later: Duration,
}

impl Moment {
    fn random(random: &mut Rng) -> Self {
        let later = Duration::from_micros(random.u64(..20_000));
        Self { saves: random.u64(100..5_000), later }
    }

    async fn kill(self, server: ServerProcess) {
        let saves = async || http::metric(server.http, "kefu_saves_total").await;
        let enough = saves().await + self.saves;
        until("enough is stored", async || saves().await >= enough).await;
        sleep(self.later).await;
        server.kill().await;
    }
}

/// What all runs of the server share: data and addresses.
struct Place {
    folder: TempDir,
    tokens: PathBuf,
    listen: String,
    http: String,
}

impl Place {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let tokens = folder.path().join("tokens.toml");
        write_load_tokens(&tokens, &LOAD);
        let load_tokens = std::fs::read(&tokens).unwrap();
        write_tokens(&tokens, [customer(1_001), seller(1_001)].into_iter());
        std::fs::File::options()
            .append(true)
            .open(&tokens)
            .unwrap()
            .write_all(&load_tokens)
            .unwrap();
        let address = || format!("127.0.0.1:{}", free_port());
        Self { listen: address(), http: address(), folder, tokens }
    }

    fn server(&self) -> Command {
        let mut command = process::command(&self.folder.path().join("data"));
        command
            .args(["--listen", &self.listen, "--http", &self.http, "--tokens"])
            .arg(&self.tokens);
        command
    }

    /// A server can be killed during its start, too.
    async fn disturb_a_start(&self, random: &mut Rng) {
        let mut command = self.server();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        let mut server = command.spawn().unwrap();
        sleep(Duration::from_millis(random.u64(..100))).await;
        within("its end", server.kill()).await.unwrap();
    }
}
