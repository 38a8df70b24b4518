//! A NATS server for one test.

use std::path::Path;

use kefu_testing::program::{self, Program};
use tokio::process::Command;

/// Killed when it is dropped.
pub struct Nats(Program);

impl Nats {
    /// `None` if `nats-server` is not installed.
    pub async fn start() -> Option<Self> {
        Program::start(command).await.map(Self)
    }

    /// What `--store` takes.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.0.port())
    }

    /// SIGSTOP: its port stays open, and it answers nothing.
    pub async fn pause(&self) {
        self.0.pause().await;
    }

    /// After [`pause`](Self::pause).
    pub fn resume(&self) {
        self.0.resume();
    }

    /// How many messages a stream has.
    pub async fn messages_in(&self, stream: &str) -> i64 {
        let client = async_nats::connect(self.url()).await.unwrap();
        let context = async_nats::jetstream::new(client);
        context.get_stream(stream).await.unwrap().cached_info().state.messages.try_into().unwrap()
    }

    /// SIGKILL.
    pub async fn kill(&mut self) {
        self.0.kill().await;
    }

    /// After [`kill`](Self::kill), on the same data.
    pub async fn restart(&mut self) {
        self.0.restart().await;
    }
}

fn command(folder: &Path, port: u16) -> Command {
    let mut command = program::nats_server();
    command.args(["-js", "-a", "127.0.0.1", "-p", &port.to_string(), "-sd"]).arg(folder);
    command
}
