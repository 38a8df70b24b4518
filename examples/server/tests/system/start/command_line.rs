//! Options, wrong options, and `--help`.

use kefu_testing::process::output;
use kefu_testing::within;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::Command;

use crate::support::process::{ServerProcess, bare_command, command};

#[tokio::test]
async fn a_wrong_command_line_has_exit_status_2() {
    let lines: [&[&str]; 7] = [
        &["--listen", "nowhere"],
        &["--outbox", "0"],
        &["--kefu-appid", "0"],
        &["--idle-timeout", "0"],
        &["--frame-limit", "many"],
        &["--colour"],
        &["start"],
    ];
    for line in lines {
        let mut command = bare_command();
        command.args(line);
        assert_usage_error(command, line[0]).await;
    }
    let mut command = bare_command();
    command.env("KEFU_LISTEN", "nowhere");
    assert_usage_error(command, "nowhere").await;
}

/// The value may hold a secret and is not repeated.
#[tokio::test]
async fn a_store_that_there_is_not_has_exit_status_2() {
    for store in ["", "nats", "nat://kefu:s3cr3t@127.0.0.1", "kefu:s3cr3t@127.0.0.1:4222"] {
        let mut command = bare_command();
        command.args(["--store", store]);
        let said = assert_usage_error(command, "--store must be `embedded` or an address").await;
        assert!(!said.contains("s3cr3t"), "{said}");
    }
}

/// Ignoring them would keep messages for ever that were to be deleted.
#[tokio::test]
async fn options_of_streams_without_nats_have_exit_status_2() {
    for [option, value] in [
        ["--shards", "8"],
        ["--replicas", "3"],
        ["--duplicate-window", "60"],
        ["--retain-bytes", "1000000"],
    ] {
        let expected = format!("{option} says how NATS keeps messages: give --store nats://");
        let mut command = bare_command();
        command.args([option, value]);
        assert_usage_error(command, &expected).await;
    }
    let mut command = bare_command();
    command.env("KEFU_RETAIN_BYTES", "7");
    assert_usage_error(command, "--retain-bytes says how NATS keeps messages").await;
}

async fn assert_usage_error(command: Command, expected: &str) -> String {
    let output = output(command).await;
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{said}");
    assert!(said.starts_with("error: ") && said.contains(expected), "{said}");
    said
}

#[tokio::test]
async fn options_can_come_from_the_environment() {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("data");
    let mut command = bare_command();
    command.env("KEFU_LISTEN", "127.0.0.1:0").env("KEFU_HTTP", "127.0.0.1:0");
    command.env("KEFU_DATA", &data).env("KEFU_APPID", "99");
    let server = ServerProcess::spawn(command).await;
    assert_eq!(server.greeting[2], "demo token tok-99-2 is 99/2");
    assert!(data.join("tokens.toml").exists());
}

#[tokio::test]
async fn a_switch_can_come_from_the_environment() {
    for (value, is_on) in [("1", true), ("true", true), ("0", false), ("false", false)] {
        let folder = TempDir::new().unwrap();
        let mut command = command(folder.path());
        command.args(["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"]);
        command.env("KEFU_PROXY_PROTOCOL", value);
        let server = ServerProcess::spawn(command).await;
        let mut stream = TcpStream::connect(server.http).await.unwrap();
        stream.write_all(b"GET /healthz HTTP/1.0\r\n\r\n").await.unwrap();
        let mut answer = Vec::new();
        let _ = within("an answer", stream.read_to_end(&mut answer)).await;
        assert_eq!(answer.is_empty(), is_on, "{value}");
    }
}

#[tokio::test]
async fn help_says_what_there_is_with_its_defaults() {
    let mut command = bare_command();
    command.arg("--help");
    let output = output(command).await;
    let help = String::from_utf8(output.stdout).unwrap();
    assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0));
    for (option, variable, default) in [
        ("--listen <ADDR>", "KEFU_LISTEN", "127.0.0.1:23000"),
        ("--http <ADDR>", "KEFU_HTTP", "127.0.0.1:8080"),
        ("--data <DIR>", "KEFU_DATA", "./kefu-data"),
        ("--kefu-appid <ID>", "KEFU_APPID", "1453"),
        ("--tokens <FILE>", "KEFU_TOKENS", "tokens.toml in the data folder"),
        ("--login-timeout <SECONDS>", "KEFU_LOGIN_TIMEOUT", "10"),
        ("--idle-timeout <SECONDS>", "KEFU_IDLE_TIMEOUT", "360"),
        ("--stop-timeout <SECONDS>", "KEFU_STOP_TIMEOUT", "10"),
        ("--frame-limit <BYTES>", "KEFU_FRAME_LIMIT", "32768"),
        ("--max-connections <N>", "KEFU_MAX_CONNECTIONS", "10000"),
        ("--outbox <N>", "KEFU_OUTBOX", "4096"),
        ("--unreachable-timeout <SECONDS>", "KEFU_UNREACHABLE_TIMEOUT", "60"),
        ("--max-waiting <N>", "KEFU_MAX_WAITING", "half of --max-connections"),
        ("--admin <ADDR>", "KEFU_ADMIN", "they are on --http"),
        ("--origin <ORIGIN>", "KEFU_ORIGIN", "all"),
    ] {
        let about = help.split("\n\n      --").find_map(|about| about.split_once(&option[2..]));
        let (_, about) = about.unwrap_or_else(|| panic!("{option} is missing in\n{help}"));
        let about = about.split("\n      --").next().unwrap();
        let about = about.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(about.contains(&format!("[env: {variable}=]")), "{option}: {about}");
        assert!(about.contains(&format!("[default: {default}")), "{option}: {about}");
    }
    assert!(help.starts_with("A customer-service chat server"), "{help}");
    assert!(
        ["Ports", "TLS", "Timeouts", "Limits"]
            .iter()
            .all(|heading| help.contains(&format!("\n{heading}:\n")))
            && help.contains("Exit status: 0 after SIGTERM"),
        "{help}"
    );
    let longest = help.lines().max_by_key(|line| line.len()).unwrap();
    assert!(longest.len() <= 100, "{longest}");
}
