//! A NATS server of the test's own.

use std::path::Path;

use tokio::process::Command;

use super::program::Program;

/// Whether the servers of this test program keep their messages on NATS: by the program's name, so that one suite can be
/// compiled for either store.
pub const IS_STORE: bool =
    matches!(env!("CARGO_CRATE_NAME").as_bytes(), [.., b'_', b'n', b'a', b't', b's']);

/// Killed when it is dropped.
pub struct Nats(Program);

impl Nats {
    pub async fn start() -> Self {
        Self(Program::start(command).await)
    }

    /// What `--store` is told.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.0.port())
    }

    /// SIGSTOP: it is there and does nothing.
    pub async fn stop(&self) {
        self.0.stop().await;
    }

    /// After [`stop`](Self::stop).
    pub fn go_on(&self) {
        self.0.go_on();
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

    /// On the data that it had.
    pub async fn start_again(&mut self) {
        self.0.start_again().await;
    }
}

fn command(folder: &Path, port: u16) -> Command {
    let mut command = Command::new("nats-server");
    command.args(["-js", "-a", "127.0.0.1", "-p", &port.to_string(), "-sd"]).arg(folder);
    command
}
