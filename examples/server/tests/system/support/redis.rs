//! A Redis server of the test's own.

use std::path::Path;

use deadpool_redis::redis::{Client, Cmd, FromRedisValue, ToRedisArgs};
use kefu_proto::Account;
use tokio::process::Command;

use super::client::token;
use super::program::Program;

/// Killed when it is dropped.
pub struct Redis(Program);

impl Redis {
    pub async fn start() -> Self {
        Self(Program::start(command).await)
    }

    /// What `--auth` and `--push` are told.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.0.port())
    }

    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.0.port())
    }

    /// The answer to a command.
    pub fn ask<T: FromRedisValue>(&self, command: &[impl ToRedisArgs]) -> T {
        let client = Client::open(self.url()).unwrap();
        let mut connection = client.get_connection().unwrap();
        Cmd::new().arg(command).query(&mut connection).unwrap()
    }

    /// Makes the token of an account known.
    pub fn let_in(&self, account: Account) {
        let Account { appid, uid } = account;
        let key = format!("access_token_{}", token(account));
        let fields = ["HSET", &key, "user_id", &uid.to_string(), "app_id", &appid.to_string()];
        assert_eq!(self.ask::<i64>(&fields), 2);
    }

    /// SIGSTOP: it is there and does nothing.
    pub async fn stop(&self) {
        self.0.stop().await;
    }

    /// After [`stop`](Self::stop).
    pub fn go_on(&self) {
        self.0.go_on();
    }

    /// SIGKILL.
    pub async fn kill(&mut self) {
        self.0.kill().await;
    }

    /// Where it was, and empty.
    pub async fn start_again(&mut self) {
        self.0.start_again().await;
    }
}

fn command(folder: &Path, port: u16) -> Command {
    let mut command = Command::new("redis-server");
    command.args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--dir"]).arg(folder);
    command.args(["--save", "", "--appendonly", "no"]);
    command
}
