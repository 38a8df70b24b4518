//! A Redis server for one test.

use std::path::Path;

use deadpool_redis::redis::{Client, Cmd, FromRedisValue, ToRedisArgs};
use kefu_proto::Account;
use kefu_testing::client::token;
use kefu_testing::program::Program;
use tokio::process::Command;

/// Killed when it is dropped.
pub struct Redis(Program);

impl Redis {
    /// `None` if `redis-server` is not installed.
    pub async fn start() -> Option<Self> {
        Program::start(command).await.map(Self)
    }

    /// What `--auth` and `--push` take.
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

    /// Adds the token of an account.
    pub fn add_token(&self, account: Account) {
        let Account { appid, uid } = account;
        let key = format!("access_token_{}", token(account));
        let fields = ["HSET", &key, "user_id", &uid.to_string(), "app_id", &appid.to_string()];
        assert_eq!(self.ask::<i64>(&fields), 2);
    }

    /// SIGSTOP: its port stays open, and it answers nothing.
    pub async fn pause(&self) {
        self.0.pause().await;
    }

    /// After [`pause`](Self::pause).
    pub fn resume(&self) {
        self.0.resume();
    }

    /// SIGKILL.
    pub async fn kill(&mut self) {
        self.0.kill().await;
    }

    /// After [`kill`](Self::kill), at the same address, and empty.
    pub async fn restart(&mut self) {
        self.0.restart().await;
    }
}

fn command(folder: &Path, port: u16) -> Command {
    let mut command = Command::new("redis-server");
    command.args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--dir"]).arg(folder);
    command.args(["--save", "", "--appendonly", "no"]);
    command
}
