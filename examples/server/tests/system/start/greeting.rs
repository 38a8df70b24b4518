//! What a server prints when it has started.

use std::fs;

use kefu_testing::client::{Client, customer, seller};
use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::support::process::ServerProcess;

#[tokio::test]
async fn on_its_first_run_it_makes_two_tokens_and_keeps_them() {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("deep/data");
    let server = ServerProcess::start(&data, &[]).await;
    let [page, customer_line, seller_line, ready] = &server.greeting[..] else {
        panic!("{:?}", server.greeting)
    };
    assert_eq!(
        *page,
        format!("the page is at http://{}/, data in {}", server.http, data.display())
    );
    assert_eq!(*customer_line, "demo token tok-7-1 is 7/1");
    assert_eq!(*seller_line, "demo token tok-1453-2 is 1453/2");
    assert!(ready.starts_with("ready"));
    Client::log_in(server.tcp, customer(1), "phone").await;
    Client::log_in(server.tcp, seller(2), "desk").await;
    server.kill().await;

    // From now on the file is the operator's: a removed token stays removed.
    let tokens = data.join("tokens.toml");
    let mine = fs::read_to_string(&tokens).unwrap().replace("\"tok-7-1\"", "\"mine\"");
    fs::write(&tokens, &mine).unwrap();
    let server = ServerProcess::start(&data, &[]).await;
    assert_eq!(server.greeting[1..server.greeting.len() - 1], ["demo token tok-1453-2 is 1453/2"]);
    assert_eq!(fs::read_to_string(&tokens).unwrap(), mine);
}

#[tokio::test]
async fn the_demo_s_seller_is_one_of_the_kefu_app() {
    let folder = TempDir::new().unwrap();
    let server = ServerProcess::start(folder.path(), &["--kefu-appid", "7"]).await;
    let demo = &server.greeting[1..3];
    assert_eq!(demo, ["demo token tok-8-1 is 8/1", "demo token tok-7-2 is 7/2"]);
}

#[tokio::test]
async fn once_it_says_ready_it_takes_connections() {
    for _ in 0..3 {
        let folder = TempDir::new().unwrap();
        let server = ServerProcess::start(folder.path(), &[]).await;
        TcpStream::connect(server.tcp).await.unwrap();
        TcpStream::connect(server.http).await.unwrap();
    }
}
