//! Three NATS servers that are one cluster, on this machine.

use std::path::Path;

use async_nats::jetstream::stream::{Config, Info};
use async_nats::jetstream::{self, Context};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::support::process::free_port;
use crate::support::program;
use crate::support::{until, within};

pub const NODES: usize = 3;

pub struct Cluster {
    nodes: [Node; NODES],
}

/// One of its servers. Killed when it is dropped.
struct Node {
    port: u16,
    route: u16,
    folder: TempDir,
    child: Option<Child>,
}

impl Cluster {
    /// Starts it, and waits until it keeps a stream in three places.
    pub async fn start() -> Self {
        let node = |_| Node {
            port: free_port(),
            route: free_port(),
            folder: TempDir::new().unwrap(),
            child: None,
        };
        let mut cluster = Self { nodes: [0, 1, 2].map(node) };
        for node in 0..NODES {
            cluster.start_node(node);
        }
        cluster.until_ready().await;
        cluster
    }

    /// What `--store` is told.
    pub fn url(&self) -> String {
        [0, 1, 2].map(|node| self.url_of(node)).join(",")
    }

    pub fn url_of(&self, node: usize) -> String {
        format!("nats://127.0.0.1:{}", self.nodes[node].port)
    }

    /// SIGKILL.
    pub async fn kill(&mut self, node: usize) {
        let mut child = self.nodes[node].child.take().unwrap();
        within("the end of a node", child.kill()).await.unwrap();
    }

    /// SIGSTOP: it is there and does nothing.
    pub async fn stop(&self, node: usize) {
        program::stop(self.nodes[node].child.as_ref().unwrap()).await;
    }

    /// After [`stop`](Self::stop).
    pub fn go_on(&self, node: usize) {
        program::go_on(self.nodes[node].child.as_ref().unwrap());
    }

    /// On the data that it had, if it had any.
    pub fn start_node(&mut self, node: usize) {
        let routes: Vec<_> =
            self.nodes.iter().map(|node| format!("nats://127.0.0.1:{}", node.route)).collect();
        let Node { port, route, folder, .. } = &self.nodes[node];
        let child = spawn(&name(node), *port, *route, &routes.join(","), folder.path());
        self.nodes[node].child = Some(child);
    }

    /// Which node leads a stream.
    pub async fn leader(&self, stream: &str) -> usize {
        let mut leader = None;
        until("the stream has a leader", async || {
            leader = self.info(stream).await.and_then(|info| info.cluster?.leader);
            leader.is_some()
        })
        .await;
        let leader = leader.unwrap();
        (0..NODES).find(|&node| name(node) == leader).unwrap()
    }

    /// Until every node has all of a stream.
    pub async fn until_whole(&self, stream: &str) {
        until("every node has the whole stream", async || {
            let cluster = self.info(stream).await.and_then(|info| info.cluster);
            cluster.is_some_and(|cluster| {
                cluster.leader.is_some()
                    && cluster.replicas.len() == NODES - 1
                    && cluster.replicas.iter().all(|peer| peer.current && !peer.offline)
            })
        })
        .await;
    }

    async fn info(&self, stream: &str) -> Option<Info> {
        let context = context(&self.url()).await?;
        let stream = context.get_stream(stream).await.ok()?;
        Some(stream.cached_info().clone())
    }

    async fn until_ready(&self) {
        let probe = || Config { name: "probe".into(), num_replicas: NODES, ..Config::default() };
        until("the cluster is there", async || {
            let Some(context) = context(&self.url()).await else { return false };
            context.create_stream(probe()).await.is_ok()
        })
        .await;
        context(&self.url()).await.unwrap().delete_stream("probe").await.unwrap();
    }
}

pub async fn context(url: &str) -> Option<Context> {
    let urls: Vec<_> = url.split(',').collect();
    Some(jetstream::new(async_nats::connect(urls).await.ok()?))
}

fn name(node: usize) -> String {
    format!("node-{node}")
}

fn spawn(name: &str, port: u16, route: u16, routes: &str, folder: &Path) -> Child {
    let mut command = Command::new("nats-server");
    command.args(["-js", "-a", "127.0.0.1", "-p", &port.to_string(), "-n", name, "-sd"]);
    command.arg(folder).args(["--cluster_name", "kefu", "--routes", routes]);
    command.args(["--cluster", &format!("nats://127.0.0.1:{route}")]);
    program::start(command)
}
