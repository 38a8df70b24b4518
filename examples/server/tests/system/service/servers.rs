//! Servers that form one service, each a process of its own.

use std::path::PathBuf;

use kefu_proto::Account;
use kefu_testing::client::{Client, customer, seller};
use kefu_testing::http;
use tempfile::TempDir;
use tokio::process::Command;

use crate::support::nats::Nats;
use crate::support::process::{self, ServerProcess};
use crate::support::server::write_tokens;

/// What the servers of a service have in common.
pub struct Place {
    pub tokens: PathBuf,
    pub store: String,
    folder: TempDir,
}

impl Place {
    /// Its tokens are those of the customers and the sellers 1 to 9.
    pub fn new(store: String) -> Self {
        let folder = TempDir::new().unwrap();
        let tokens = folder.path().join("tokens.toml");
        let uids = 1..=9;
        write_tokens(&tokens, uids.clone().map(customer).chain(uids.map(seller)));
        Self { tokens, store, folder }
    }

    /// The command line of a server, without ports.
    pub fn command(&self, options: &[&str]) -> Command {
        let mut command = process::command(&self.folder.path().join("data"));
        command.args(["--store", &self.store, "--tokens"]).arg(&self.tokens).args(options);
        command
    }

    /// Starts a server on free ports.
    pub async fn server(&self, options: &[&str]) -> ServerProcess {
        let mut command = self.command(&["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"]);
        command.args(options);
        ServerProcess::spawn(command).await
    }
}

/// A NATS and N servers on it.
pub struct Service<const N: usize> {
    pub servers: [ServerProcess; N],
    pub nats: Nats,
    _place: Place,
}

impl<const N: usize> Service<N> {
    /// `None` if `nats-server` is not installed.
    pub async fn start(options: &[&str]) -> Option<Self> {
        let nats = Nats::start().await?;
        let place = Place::new(nats.url());
        let mut servers = Vec::new();
        for _ in 0..N {
            servers.push(place.server(options).await);
        }
        let servers = servers.try_into().unwrap_or_else(|_| unreachable!("there are N"));
        Some(Self { servers, nats, _place: place })
    }

    pub async fn log_in(&self, server: usize, account: Account, device: &str) -> Client {
        Client::log_in(self.servers[server].tcp, account, device).await
    }

    /// What all servers have logged so far.
    pub fn log(&self) -> String {
        self.servers.each_ref().map(ServerProcess::log).join("\n")
    }

    /// A counter, summed over all servers.
    pub async fn metric(&self, name: &str) -> u64 {
        let mut sum = 0;
        for server in &self.servers {
            sum += http::metric(server.http, name).await;
        }
        sum
    }
}
