//! A NATS cluster of three servers on this machine.

use async_nats::jetstream::stream::{Config, Info};
use async_nats::jetstream::{self, Context};
use kefu_testing::process::free_port;
use kefu_testing::program;
use kefu_testing::{until, within};
use tempfile::TempDir;
use tokio::process::Child;

pub const NODES: usize = 3;

pub struct Cluster {
    nodes: [Node; NODES],
}

/// One of the servers. Killed when it is dropped.
struct Node {
    port: u16,
    route: u16,
    folder: TempDir,
    child: Option<Child>,
}

impl Cluster {
    /// Starts it and waits until it can replicate a stream three times. `None` if `nats-server` is
    /// not installed.
    pub async fn start() -> Option<Self> {
        let node = |_| Node {
            port: free_port(),
            route: free_port(),
            folder: TempDir::new().unwrap(),
            child: None,
        };
        let mut cluster = Self { nodes: [0, 1, 2].map(node) };
        for node in 0..NODES {
            cluster.nodes[node].child = Some(cluster.spawn(node)?);
        }
        cluster.until_ready().await;
        Some(cluster)
    }

    /// What `--store` takes.
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

    /// SIGSTOP: its ports stay open, and it answers nothing.
    pub async fn pause(&self, node: usize) {
        program::pause(self.nodes[node].child.as_ref().unwrap()).await;
    }

    /// After [`pause`](Self::pause).
    pub fn resume(&self, node: usize) {
        program::resume(self.nodes[node].child.as_ref().unwrap());
    }

    /// After [`kill`](Self::kill), on the same data.
    pub fn restart(&mut self, node: usize) {
        self.nodes[node].child = Some(self.spawn(node).unwrap());
    }

    fn spawn(&self, node: usize) -> Option<Child> {
        let routes = self.nodes.each_ref().map(|node| format!("nats://127.0.0.1:{}", node.route));
        let Node { port, route, folder, .. } = &self.nodes[node];
        let mut command = program::nats_server();
        command.args(["-js", "-a", "127.0.0.1", "-p", &port.to_string(), "-n", &name(node)]);
        command.arg("-sd").arg(folder.path());
        command.args(["--cluster_name", "kefu", "--routes", &routes.join(",")]);
        command.args(["--cluster", &format!("nats://127.0.0.1:{route}")]);
        program::spawn(command)
    }

    /// The node that leads a stream.
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

    /// Waits until every node has the whole stream.
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

pub fn name(node: usize) -> String {
    format!("node-{node}")
}
