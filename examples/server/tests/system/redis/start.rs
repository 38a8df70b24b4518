//! A wrong address is an error of one line at the start, without its password.

use std::path::Path;

use kefu_testing::client::{Client, auth_token, customer, token};
use kefu_testing::process::{free_port, output};
use kefu_testing::program::Program;
use tempfile::TempDir;
use tokio::process::Command;

use crate::support::process::{ServerProcess, bare_command, command, refusal};
use crate::support::redis::Redis;

const PASSWORD: &str = "p4ss,w0rd";

#[tokio::test]
async fn an_address_that_is_of_no_use_is_one_line_that_says_what_to_do() {
    let Some(redis) = Redis::start().await else { return };
    redis.ask::<()>(&["CONFIG", "SET", "requirepass", PASSWORD]);
    let (there, nowhere) = (redis.address(), format!("127.0.0.1:{}", free_port()));
    let cases = [
        (
            format!("redis://:{PASSWORD}@{nowhere}"),
            format!("cannot use Redis at redis://{nowhere}: "),
            "; start it, or give OPTION another address",
        ),
        (
            format!("redis://:{PASSWORD}x@{there}"),
            format!("cannot use Redis at redis://{there}: "),
            "give OPTION another address",
        ),
        (
            format!("redis://{there}"),
            format!("cannot use Redis at redis://{there}: "),
            "OPTION another address",
        ),
        (
            format!("redis://:{PASSWORD}@{there}/one"),
            "OPTION needs an address like redis://:PASSWORD@127.0.0.1:6379/0 (Invalid database"
                .into(),
            ")",
        ),
        (
            format!("redis://:{PASSWORD}@:x"),
            "OPTION needs an address like redis://:PASSWORD@127.0.0.1:6379/0 (".into(),
            ")",
        ),
        (
            format!("rediss://:{PASSWORD}@{there}"),
            "TLS to Redis is not supported".into(),
            "give OPTION an address like redis://127.0.0.1:6379, for example of a tunnel",
        ),
        (
            format!("http://:{PASSWORD}@{there}"),
            "OPTION needs an address like redis://127.0.0.1:6379".into(),
            "",
        ),
    ];
    for option in ["--auth", "--push"] {
        for (url, begin, end) in &cases {
            let said = refused(option, url).await;
            assert!(said.starts_with(&begin.replace("OPTION", option)), "{said} of {url}");
            assert!(said.ends_with(&end.replace("OPTION", option)), "{said} of {url}");
        }
    }
}

#[tokio::test]
async fn a_password_is_used_and_never_shown() {
    let Some(mut redis) = Redis::start().await else { return };
    redis.add_token(customer(1));
    redis.ask::<()>(&["CONFIG", "SET", "requirepass", PASSWORD]);
    let url = format!("redis://default:{PASSWORD}@{}/0", redis.address());
    let folder = TempDir::new().unwrap();
    let mut command = command(folder.path());
    command.args(["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"]);
    command.env("RUST_LOG", "trace").env("KEFU_AUTH", &url).env("KEFU_PUSH", &url);
    let server = ServerProcess::spawn(command).await;
    Client::log_in(server.tcp, customer(1), "phone").await;
    redis.kill().await;
    server.until_logged("Redis of --auth cannot be reached").await;
    let said = server.greeting.join("\n") + &server.log();
    assert!(!said.contains(PASSWORD) && !said.contains("w0rd"), "{said}");
    assert!(!said.contains(&token(customer(1))), "nor a token: {said}");
    assert_eq!(server.greeting.len(), 2, "no demo tokens: {:?}", server.greeting);
    assert!(!folder.path().join("tokens.toml").exists());
}

/// Redis repeats the arguments of a command that it does not know.
#[tokio::test]
async fn a_token_is_not_shown_by_what_redis_says() {
    let Some(redis) = Program::start(without_hmget).await else { return };
    let folder = TempDir::new().unwrap();
    let mut command = command(folder.path());
    command.args(["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"]);
    command.args(["--auth", &format!("redis://127.0.0.1:{}", redis.port())]);
    command.env("RUST_LOG", "trace");
    let server = ServerProcess::spawn(command).await;
    let mut client = Client::connect(server.tcp).await;
    client.send(auth_token("a-secret-token", "phone")).await;
    assert_eq!(client.receive_rest().await, []);
    server.until_logged("Redis of --auth refuses error=ERR command=\"HMGET\"").await;
    assert!(!server.log().contains("a-secret-token"), "{}", server.log());
}

fn without_hmget(folder: &Path, port: u16) -> Command {
    let mut command = Command::new("redis-server");
    command.args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--dir"]).arg(folder);
    command.args(["--save", "", "--appendonly", "no", "--rename-command", "HMGET", ""]);
    command
}

#[tokio::test]
async fn help_shows_no_secrets_of_the_environment() {
    let mut command = bare_command();
    let url = format!("redis://:{PASSWORD}@127.0.0.1");
    command.env("KEFU_AUTH", &url).env("KEFU_PUSH", &url).env("KEFU_STORE", &url);
    command.arg("--help");
    let help = String::from_utf8(output(command).await.stdout).unwrap();
    assert!(help.contains("[env: KEFU_AUTH]") && help.contains("[env: KEFU_PUSH]"), "{help}");
    assert!(!help.contains("p4ss"), "{help}");
    assert!(help.contains("[default: tokens]") && help.contains("[default: log]"), "{help}");
}

#[tokio::test]
async fn a_word_that_is_no_address_is_a_wrong_command_line() {
    for (option, word) in [("--auth", "token"), ("--push", "redis")] {
        let mut command = bare_command();
        command.args([option, word]);
        let output = output(command).await;
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("or an address like redis://127.0.0.1:6379"), "{said}");
    }
}

/// The error of a server that must not start.
async fn refused(option: &str, url: &str) -> String {
    let folder = TempDir::new().unwrap();
    let mut command = command(folder.path());
    command.args(["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", option, url]);
    let line = refusal(command).await;
    assert!(!line.contains("w0rd"), "{line}");
    line
}
