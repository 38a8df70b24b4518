//! Servers, NATS, and nodes of a NATS cluster are killed or hang under load: nothing acknowledged
//! is lost, duplicated or reordered.

use std::time::Duration;

use fastrand::Rng;
use kefu_testing::process::free_port;
use kefu_testing::{http, until};
use tempfile::TempDir;
use tokio::sync::Mutex;
use tokio::time::sleep;

use super::cluster::{Cluster, NODES};
use super::servers::Place;
use crate::support::load::{Load, write_load_tokens};
use crate::support::nats::Nats;
use crate::support::process::ServerProcess;

const SERVERS: usize = 3;
const LOAD: [&str; 8] =
    ["--customers", "12", "--sellers", "3", "--window", "8", "--transient", "10"];

/// With one shard, the only one.
const STREAM: &str = "kefu_queues_0";

/// One load at a time: two would compete for the processors.
static LOADING: Mutex<()> = Mutex::const_new(());

#[tokio::test]
async fn servers_are_killed_one_after_the_other_and_started_again() {
    let _alone = LOADING.lock().await;
    let mut random = Rng::new();
    let Some(nats) = Nats::start().await else { return };
    let mut loaded = Loaded::start(nats.url(), &["--seconds", "15"], &[]).await;
    for kill in 0..6 {
        loaded.until_flowing(200).await;
        sleep(Duration::from_micros(random.u64(..20_000))).await;
        loaded.kill_server(kill % SERVERS).await;
        sleep(Duration::from_millis(random.u64(..500))).await;
        loaded.start_server(kill % SERVERS).await;
    }
    loaded.check().await;
}

#[tokio::test]
async fn nats_is_killed_and_started_again_on_its_data() {
    let _alone = LOADING.lock().await;
    let mut random = Rng::new();
    let Some(mut nats) = Nats::start().await else { return };
    let loaded = Loaded::start(nats.url(), &["--seconds", "15"], &[]).await;
    for _ in 0..4 {
        loaded.until_flowing(500).await;
        sleep(Duration::from_micros(random.u64(..20_000))).await;
        nats.kill().await;
        sleep(Duration::from_millis(random.u64(..500))).await;
        nats.restart().await;
    }
    loaded.until_flowing(500).await;
    loaded.check_connected().await;
}

#[tokio::test]
async fn the_leader_of_a_stream_is_killed_and_another_takes_over() {
    let _alone = LOADING.lock().await;
    let Some((mut cluster, loaded, leader)) = loaded_cluster().await else { return };
    cluster.kill(leader).await;
    loaded.until_flowing_again().await;
    assert_ne!(cluster.leader(STREAM).await, leader);
    cluster.restart(leader);
    cluster.until_whole(STREAM).await;
    loaded.check_connected().await;
}

#[tokio::test]
async fn the_leader_of_a_stream_hangs_and_comes_back_when_another_has_taken_over() {
    let _alone = LOADING.lock().await;
    let Some((cluster, loaded, leader)) = loaded_cluster().await else { return };
    cluster.pause(leader).await;
    loaded.until_flowing_again().await;
    cluster.resume(leader);
    cluster.until_whole(STREAM).await;
    loaded.check_connected().await;
}

#[tokio::test]
async fn most_of_a_cluster_hangs_and_comes_back() {
    let _alone = LOADING.lock().await;
    let Some((cluster, loaded, leader)) = loaded_cluster().await else { return };
    let followers = (0..NODES).filter(|node| *node != leader);
    for node in followers.clone() {
        cluster.pause(node).await;
    }
    // The leader runs on without storing anything, long enough for messages to be retried.
    sleep(Duration::from_secs(6)).await;
    for node in followers {
        cluster.resume(node);
    }
    loaded.until_flowing_again().await;
    loaded.check_connected().await;
}

/// A cluster under load with one stream for all queues, so that without a leader nobody is served;
/// and the node that leads.
async fn loaded_cluster() -> Option<(Cluster, Loaded, usize)> {
    let cluster = Cluster::start().await?;
    let options = ["--replicas", "3", "--shards", "1"];
    let loaded = Loaded::start(cluster.url(), &["--seconds", "15"], &options).await;
    loaded.until_flowing(300).await;
    let leader = cluster.leader(STREAM).await;
    Some((cluster, loaded, leader))
}

/// Servers at fixed addresses, and a load on them.
struct Loaded {
    place: Place,
    addresses: [[String; 2]; SERVERS],
    servers: [Option<ServerProcess>; SERVERS],
    options: Vec<String>,
    load: Option<Load>,
    _tokens: TempDir,
}

impl Loaded {
    async fn start(store: String, load: &[&str], options: &[&str]) -> Self {
        let load = [&LOAD, load].concat();
        let folder = TempDir::new().unwrap();
        let tokens = folder.path().join("tokens.toml");
        write_load_tokens(&tokens, &load);
        let mut place = Place::new(store);
        place.tokens = tokens;
        let address = || format!("127.0.0.1:{}", free_port());
        let mut loaded = Self {
            place,
            addresses: [0; SERVERS].map(|_| [address(), address()]),
            servers: [const { None }; SERVERS],
            options: options.iter().map(ToString::to_string).collect(),
            load: None,
            _tokens: folder,
        };
        for server in 0..SERVERS {
            loaded.start_server(server).await;
        }
        let addr = loaded.addresses.each_ref().map(|[tcp, _]| tcp.as_str()).join(",");
        loaded.load = Some(Load::start(&addr, &load));
        loaded
    }

    async fn start_server(&mut self, server: usize) {
        let [tcp, http] = &self.addresses[server];
        let mut command = self.place.command(&["--listen", tcp, "--http", http]);
        command.args(&self.options);
        self.servers[server] = Some(ServerProcess::spawn(command).await);
    }

    async fn kill_server(&mut self, server: usize) {
        self.servers[server].take().unwrap().kill().await;
    }

    /// Waits until all servers together have stored this many more copies.
    async fn until_flowing(&self, more: u64) {
        let enough = self.saves().await + more;
        until("the load goes on", async || self.saves().await >= enough).await;
    }

    /// After a pause of any length. The load's time may be over: only the messages in flight are
    /// certain to be stored.
    async fn until_flowing_again(&self) {
        self.until_flowing(100).await;
    }

    async fn saves(&self) -> u64 {
        let mut saves = 0;
        for server in self.servers.iter().flatten() {
            saves += http::metric(server.http, "kefu_saves_total").await;
        }
        saves
    }

    async fn check(mut self) {
        self.load.take().unwrap().check().await;
    }

    /// As [`check`](Self::check), but no client may have lost its server.
    async fn check_connected(mut self) {
        let report = self.load.take().unwrap().report().await;
        assert_eq!(report.reconnects, 0, "clients stay connected: {report}");
    }
}
