//! Existing streams with other settings, a NATS that cannot be used, and the error messages.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use async_nats::jetstream::stream::Config;
use futures_util::TryStreamExt;
use kefu_testing::client::{Client, customer, question, seller};
use kefu_testing::http;
use kefu_testing::process::{free_port, output};
use kefu_testing::program;
use kefu_testing::until;
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Child;
use tokio::time::sleep;

use super::cluster::{Cluster, context};
use super::servers::Place;
use crate::support::nats::Nats;
use crate::support::process::{ServerProcess, bare_command, refusal};

#[tokio::test]
async fn streams_with_other_settings_are_reported_and_stay_as_they_are() {
    let Some(nats) = Nats::start().await else { return };
    let place = Place::new(nats.url());
    let settings = ["--shards", "4", "--retain-days", "7", "--retain-bytes", "1000000"];
    place.server(&settings).await.kill().await;
    let made = streams(&nats.url()).await;
    assert_eq!(made.len(), 4 + 4);

    for (other, expected) in [
        (["--replicas", "3"], "stream kefu_queues_0 has replicas 1, this server was told 3; "),
        (
            ["--duplicate-window", "60"],
            "stream kefu_queues_0 has duplicate window 120s, this server was told 60s; ",
        ),
        (
            ["--retain-days", "0"],
            "stream kefu_queues_0 has greatest age 604800s, this server was told 0ns; ",
        ),
        (
            ["--retain-bytes", "2000000"],
            "stream kefu_queues_0 has most bytes 1000000, this server was told 2000000; ",
        ),
        (
            ["--msgids-after", "9"],
            "the streams have msgids after 0, this server was told 9; start it with --msgids-after 0",
        ),
        (["--shards", "3"], "the queues lie in 4 streams, this server was told 3; "),
        (["--shards", "5"], "the queues lie in 4 streams, this server was told 5; "),
    ] {
        let line = refused(&place, &[&with(settings, other)[..], &other].concat()).await;
        assert!(line.contains(expected), "{line:?} without {expected:?}");
        assert!(line.contains("; change the option") || line.contains("; start it with"), "{line}");
        assert_eq!(streams(&nats.url()).await, made, "{other:?} has changed something");
    }
    // A server that asks for the existing settings still starts.
    place.server(&settings).await.kill().await;
}

/// The settings without the one that is given with another value.
fn with<'s>(settings: [&'s str; 6], [other, _]: [&str; 2]) -> Vec<&'s str> {
    settings.chunks(2).filter(|pair| pair[0] != other).flatten().copied().collect()
}

/// The settings of every stream.
async fn streams(url: &str) -> BTreeMap<String, Config> {
    let context = context(url).await.unwrap();
    let infos: Vec<_> = context.streams().try_collect().await.unwrap();
    infos.into_iter().map(|info| (info.config.name.clone(), info.config)).collect()
}

#[tokio::test]
async fn more_replicas_than_nats_servers_are_refused_and_nothing_is_made() {
    let Some(nats) = Nats::start().await else { return };
    let place = Place::new(nats.url());
    let line = refused(&place, &["--replicas", "3"]).await;
    assert!(line.contains("--replicas") && line.contains("cluster"), "{line}");
    assert!(streams(&nats.url()).await.is_empty());
}

#[tokio::test]
async fn servers_that_start_together_on_an_empty_cluster_make_its_streams_together() {
    let Some(cluster) = Cluster::start().await else { return };
    let place = Place::new(cluster.url());
    let start = || place.server(&["--replicas", "3"]);
    let (a, b, c) = tokio::join!(start(), start(), start());
    assert_eq!(streams(&place.store).await.len(), 8 + 4);
    let mut desk = Client::log_in(a.tcp, seller(2), "desk").await;
    for (server, uid) in [(b, 3), (c, 4)] {
        let mut asker = Client::log_in(server.tcp, customer(uid), "phone").await;
        asker.send(question(customer(uid), seller(2), "x")).await;
        desk.receive_notify().await;
    }
}

#[tokio::test]
async fn a_server_waits_for_most_of_a_cluster() {
    let Some(cluster) = Cluster::start().await else { return };
    cluster.pause(1).await;
    cluster.pause(2).await;
    let place = Place::new(cluster.url());
    let servers = async {
        tokio::join!(place.server(&["--replicas", "3"]), place.server(&["--replicas", "3"]))
    };
    let cluster_goes_on = async {
        // Longer than the timeout of one request.
        sleep(Duration::from_secs(4)).await;
        cluster.resume(1);
        cluster.resume(2);
    };
    tokio::join!(servers, cluster_goes_on);
    assert_eq!(streams(&place.store).await.len(), 8 + 4);
}

#[tokio::test]
async fn a_server_that_waits_for_most_of_a_cluster_says_so_and_gives_up_after_a_while() {
    let Some(cluster) = Cluster::start().await else { return };
    cluster.pause(1).await;
    cluster.pause(2).await;
    let place = Place::new(cluster.url());
    let ports = ["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"];
    let output = output(place.command(&[&ports[..], &["--replicas", "3"]].concat())).await;
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert_eq!(said.matches("waiting up to 30 s").count(), 1, "{said}");
    let line = said.lines().find(|line| line.starts_with("kefu-server: ")).unwrap();
    assert!(line.contains(": JetStream is not available: "), "{line}");
    assert!(line.ends_with("; most servers of a cluster must be there"), "{line}");
}

#[tokio::test]
async fn a_nats_that_cannot_be_used_is_named() {
    // Nothing listens there.
    let nowhere = format!("nats://127.0.0.1:{}", free_port());
    let line = refused(&Place::new(nowhere.clone()), &[]).await;
    assert!(line.starts_with(&format!("cannot reach NATS at {nowhere}: ")), "{line}");
    assert!(line.contains("nats-server -js") && line.contains("--store"), "{line}");

    // Something that is not NATS listens there.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("nats://{}", silent.local_addr().unwrap());
    let line = refused(&Place::new(url.clone()), &[]).await;
    assert!(line.starts_with(&format!("cannot reach NATS at {url}: ")), "{line}");

    // NATS without JetStream.
    let Some(bare) = nats_with(&[]).await else { return };
    let line = refused(&Place::new(bare.url), &[]).await;
    assert!(line.contains("JetStream") && line.contains("-js"), "{line}");
}

#[tokio::test]
async fn secrets_of_a_nats_address_are_shown_to_nobody() {
    const SECRET: &str = "s3cr3t-w0rd";
    // Servers that start, and log everything.
    let password = format!("a@{SECRET}");
    let user = nats_with(&["-js", "--user", "kefu", "--pass", &password]).await;
    let token = nats_with(&["-js", "--auth", SECRET]).await;
    let (Some(user), Some(token)) = (user, token) else { return };
    for (Other { url, .. }, credentials) in
        [(&user, format!("kefu:a%40{SECRET}")), (&token, SECRET.to_owned())]
    {
        let host = url.strip_prefix("nats://").unwrap();
        let place = Place::new(format!("nats://{credentials}@{host}"));
        let mut command = place.command(&["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"]);
        command.env("RUST_LOG", "trace");
        let server = ServerProcess::spawn(command).await;
        assert!(server.greeting[0].contains(url), "{:?}", server.greeting);
        server.until_logged("made stream=").await;
        let said = server.greeting.join("\n") + &server.log();
        assert!(!said.contains(SECRET), "{said}");
        server.kill().await;
    }

    // Servers that do not.
    let (port, host) = (free_port(), user.url.strip_prefix("nats://").unwrap());
    for store in [
        format!("nats://kefu:not-{SECRET}@{host}"),
        format!("nats://kefu:{SECRET}@127.0.0.1:{port}"),
        format!("nats://kefu:{SECRET}@127.0.0.1:{port},nats://kefu:{SECRET}@127.0.0.1:1"),
        format!("nats://{SECRET}@127.0.0.1:{port}"),
        format!("nats://kefu:{SECRET}@127.0.0.1:no-port"),
        format!("nats://kefu:a,{SECRET}@127.0.0.1:{port}"),
        format!("nats://kefu:a@{SECRET}@127.0.0.1:{port}"),
    ] {
        let line = refused(&Place::new(store.clone()), &[]).await;
        assert!(!line.contains(SECRET), "{store}: {line}");
    }
    let mut help = bare_command();
    help.arg("--help").env("KEFU_STORE", format!("nats://kefu:{SECRET}@{host}"));
    let help = output(help).await;
    assert!(help.status.success());
    assert!(!String::from_utf8_lossy(&help.stdout).contains(SECRET), "{help:?}");
}

/// A longer publish would make NATS close the connection, and be tried again for minutes.
#[tokio::test]
async fn what_is_longer_than_nats_takes_fails_alone_and_at_once() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("nats.conf");
    std::fs::write(&file, "max_payload: 8192").unwrap();
    let Some(nats) = nats_with(&["-js", "-c", file.to_str().unwrap()]).await else { return };
    let server = Place::new(nats.url.clone()).server(&[]).await;
    server.until_logged("messages of more than 7680 bytes get no ACK").await;
    server.until_logged("start NATS with a max_payload of at least 33280, or this server").await;
    let mut phone = Client::log_in(server.tcp, customer(1), "phone").await;
    let mut other = Client::log_in(server.tcp, customer(2), "phone").await;
    phone.send(question(customer(1), seller(2), vec![b'x'; 20_000])).await;
    let failures = "kefu_save_failures_total{reason=\"too_long\"}";
    let since = Instant::now();
    http::until_metric(server.http, failures, 1).await;
    assert!(since.elapsed() < Duration::from_secs(10), "{:?}", since.elapsed());
    for (client, uid) in [(&mut other, 2), (&mut phone, 1)] {
        let seq = client.send(question(customer(uid), seller(2), vec![b'x'; 7_600])).await;
        client.receive_ack(seq).await;
    }
    assert!(!server.log().contains("disconnected"), "{}", server.log());
    assert_eq!(http::get(server.http, "/healthz").await.body, "ok\n");
    assert_eq!(http::metric(server.http, failures).await, 1);
}

async fn refused(place: &Place, options: &[&str]) -> String {
    let mut command = place.command(&["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"]);
    command.args(options).env("RUST_LOG", "off");
    refusal(command).await
}

/// A NATS with other options than usual.
struct Other {
    url: String,
    _child: Child,
    _folder: TempDir,
}

/// `None` if `nats-server` is not installed.
async fn nats_with(options: &[&str]) -> Option<Other> {
    let (port, folder) = (free_port(), TempDir::new().unwrap());
    let mut command = program::nats_server();
    command.args(["-a", "127.0.0.1", "-p", &port.to_string(), "-sd"]).arg(folder.path());
    command.args(options);
    let child = program::spawn(command)?;
    let addr = format!("127.0.0.1:{port}");
    until("NATS is there", async || TcpStream::connect(&addr).await.is_ok()).await;
    Some(Other { url: format!("nats://{addr}"), _child: child, _folder: folder })
}
