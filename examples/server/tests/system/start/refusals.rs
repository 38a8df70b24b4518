//! Why a server does not start: one line, and exit status 1.

use std::fs;
use std::net::TcpListener;

use kefu_testing::client::{Client, customer};
use rusqlite::Connection;
use tempfile::TempDir;
use tokio::process::Command;

use crate::support::process::{ServerProcess, command, refusal};

const FREE: [&str; 4] = ["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"];

#[tokio::test]
async fn a_tokens_file_that_is_of_no_use_is_named_with_the_line() {
    let folder = TempDir::new().unwrap();
    let tokens = folder.path().join("my-tokens.toml");
    let name = tokens.to_str().unwrap();
    for (content, expected) in [
        (None, format!("cannot read the tokens file {name}: ")),
        (Some("\"a\" = { appid = 7, uid = 1 }\n\"b\" = 3\n"), format!("{name}:2: ")),
        (Some("\"a\" = { appid = 7, uid = 0 }\n"), format!("{name}: a token names nobody")),
        (Some("\u{0}"), format!("{name}:1: ")),
    ] {
        match content {
            Some(text) => fs::write(&tokens, text).unwrap(),
            None => assert!(!tokens.exists()),
        }
        let mut command = command(&folder.path().join("data"));
        command.args(FREE).args(["--tokens", name]);
        assert_refused(command, &expected).await;
    }
    // Not text.
    fs::write(&tokens, b"\xff").unwrap();
    let mut command = command(&folder.path().join("data"));
    command.args(FREE).args(["--tokens", name]);
    assert_refused(command, &format!("cannot read the tokens file {name}: ")).await;
}

#[tokio::test]
async fn a_taken_port_is_named_with_the_option_that_chooses_another() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    for (option, other) in [("--listen", "--http"), ("--http", "--listen")] {
        let folder = TempDir::new().unwrap();
        let mut command = command(folder.path());
        command.args([option, &taken, other, "127.0.0.1:0"]);
        let output = assert_refused(command, &format!("cannot listen on {taken}: ")).await;
        assert!(output.ends_with(&format!("choose another address with {option}")), "{output}");
    }
}

#[tokio::test]
async fn a_data_folder_that_is_of_no_use_says_why() {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("data");
    let refused = async |expected: &str| {
        let mut command = command(&data);
        command.args(FREE);
        assert_refused(command, expected).await
    };

    let server = ServerProcess::start(&data, &[]).await;
    let said = refused(&format!("data folder {} is in use", data.display())).await;
    assert!(said.contains("another server"), "{said}");
    let mut still_there = Client::log_in(server.tcp, customer(1), "phone").await;
    assert_eq!(still_there.receive_all().await, []);
    server.kill().await;

    let database = Connection::open(data.join("kefu.db")).unwrap();
    let version: i64 = database.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    database.pragma_update(None, "user_version", version + 1).unwrap();
    drop(database);
    let said = refused(&format!("has data of version {}", version + 1)).await;
    assert!(said.contains(&format!("needs version {version}")), "{said}");

    for file in fs::read_dir(&data).unwrap() {
        fs::remove_file(file.unwrap().path()).unwrap();
    }
    fs::write(data.join("kefu.db"), "a letter to my aunt, long enough to be none of ours").unwrap();
    refused("is not a database of this server").await;
    assert!(fs::read_to_string(data.join("kefu.db")).unwrap().starts_with("a letter"));

    fs::remove_dir_all(&data).unwrap();
    fs::write(&data, "").unwrap();
    refused(&format!("cannot use {}: ", data.display())).await;
}

#[tokio::test]
async fn demo_tokens_are_not_for_others() {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("data");
    let open: [[&str; 4]; 4] = [
        ["--listen", "0.0.0.0:0", "--http", "127.0.0.1:0"],
        ["--listen", "127.0.0.1:0", "--http", "0.0.0.0:0"],
        ["--listen", "[::]:0", "--http", "127.0.0.1:0"],
        ["--listen", "[::ffff:0.0.0.0]:0", "--http", "127.0.0.1:0"],
    ];
    let with = |options: [&str; 4]| {
        let mut command = command(&data);
        command.args(options);
        command
    };
    for options in open {
        let said =
            assert_refused(with(options), "say with --tokens or --auth who may log in").await;
        assert!(said.contains("tokens.toml"), "{said}");
    }
    assert!(!data.join("tokens.toml").exists());

    // The folder has been used for a first look.
    ServerProcess::start(&data, &[]).await.kill().await;
    for options in open {
        assert_refused(with(options), "everybody knows the demo token").await;
    }
    let tokens = data.join("tokens.toml");
    let demo = fs::read_to_string(&tokens).unwrap();
    fs::write(&tokens, demo.replace("tok-1453-2", "secret")).unwrap();
    assert_refused(with(open[0]), "everybody knows the demo token \"tok-7-1\"").await;
    fs::write(&tokens, demo.replace("tok-1453-2", "secret").replace("tok-7-1", "other")).unwrap();
    ServerProcess::spawn(with(open[0])).await;
}

/// Runs a server that must not start, and returns its error.
async fn assert_refused(command: Command, expected: &str) -> String {
    let line = refusal(command).await;
    assert!(line.contains(expected), "{line:?} without {expected:?}");
    line
}
