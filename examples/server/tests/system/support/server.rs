//! The server in the test's own process.

use std::net::SocketAddr;
use std::path::Path;
use std::{fmt, fs};

use clap::Parser;
use kefu_proto::Account;
use kefu_server::options::Options;
use kefu_server::server;
use kefu_testing::client::{Client, customer, seller, token};
use kefu_testing::http;
use rusqlite::Connection;
use tempfile::TempDir;

use super::nats::Nats;
use super::store::Store;

/// Runs until its runtime ends: with the test.
pub struct Server {
    pub tcp: SocketAddr,
    pub http: SocketAddr,
    pub folder: TempDir,
    store: Store,
}

impl Server {
    /// Knows the customers and the sellers 1 to 9.
    pub async fn start(options: &[&str]) -> Self {
        Self::start_on(Store::Embedded, options).await
    }

    pub async fn start_on(store: Store, options: &[&str]) -> Self {
        let uids = 1..=9;
        let accounts = uids.clone().map(customer).chain(uids.map(seller));
        Self::start_for(accounts, store, options).await
    }

    pub async fn start_for(
        accounts: impl Iterator<Item = Account>,
        store: Store,
        options: &[&str],
    ) -> Self {
        let folder = TempDir::new().unwrap();
        let tokens = folder.path().join("tokens.toml");
        write_tokens(&tokens, accounts);
        let mut line = vec!["kefu-server", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"];
        let data = folder.path().join("data");
        line.extend(["--data", data.to_str().unwrap(), "--tokens", tokens.to_str().unwrap()]);
        let address = store.address();
        line.extend(["--store", &address]);
        line.extend(options);
        let server = server::Server::start(&Options::parse_from(line)).await.unwrap();
        let (tcp, http) = server.addresses().unwrap();
        tokio::spawn(server.run(std::future::pending()));
        Self { tcp, http, folder, store }
    }

    pub async fn log_in(&self, account: Account, device: &str) -> Client {
        Client::log_in(self.tcp, account, device).await
    }

    /// Keeps the store from saving anything until the [`Held`] is released.
    pub async fn hold_saves(&self) -> Held<'_> {
        if let Store::Nats(nats) = &self.store {
            nats.pause().await;
            return Held::Nats(nats);
        }
        // While this transaction is open, nobody else can commit.
        let database = Connection::open(self.folder.path().join("data/kefu.db")).unwrap();
        database.execute_batch("BEGIN IMMEDIATE").unwrap();
        Held::Embedded(database)
    }

    pub async fn metric(&self, name: &str) -> u64 {
        http::metric(self.http, name).await
    }

    pub async fn until_metric(&self, name: &str, value: u64) {
        http::until_metric(self.http, name, value).await;
    }

    /// Waits until this many connections have ended for this reason.
    pub async fn until_closed(&self, reason: &str, count: u64) {
        let name = format!("kefu_connections_closed_total{{reason=\"{reason}\"}}");
        self.until_metric(&name, count).await;
    }
}

/// A store that saves nothing.
pub enum Held<'s> {
    Embedded(Connection),
    Nats(&'s Nats),
}

impl Held<'_> {
    pub fn release(self) {
        match self {
            Self::Embedded(database) => database.execute_batch("ROLLBACK").unwrap(),
            Self::Nats(nats) => nats.resume(),
        }
    }
}

pub fn write_tokens(path: &Path, accounts: impl Iterator<Item = Account>) {
    let line = |account: Account| {
        let Account { appid, uid } = account;
        format!("\"{}\" = {{ appid = {appid}, uid = {uid} }}\n", token(account))
    };
    fs::write(path, accounts.map(line).collect::<String>()).unwrap();
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("tcp", &self.tcp).finish_non_exhaustive()
    }
}
