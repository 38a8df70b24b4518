//! HTTP: what operators and the page request.

use kefu_proto::{Account, Body};
use kefu_testing::client::{Client, customer, question, seller};
use kefu_testing::http::{get, get_status};
use serde_json::{Value, json};

use crate::support::on_each_store;
use crate::support::process::ServerProcess;
use crate::support::server::Server;
use crate::support::store::Store;

on_each_store!(
    metrics_are_prometheus_text_with_a_number_for_everything,
    every_series_is_there_from_the_start,
    health_is_one_word,
    only_a_token_opens_what_the_page_asks_for,
    the_page_learns_who_a_token_is,
    the_demo_s_tokens_are_shown_only_where_they_were_made,
    nothing_of_a_message_s_content_gets_into_the_log,
);

async fn metrics_are_prometheus_text_with_a_number_for_everything(store: Store) {
    let server = Server::start_on(store, &[]).await;
    let mut asker = server.log_in(customer(1), "phone").await;
    for _ in 0..3 {
        let seq = asker.send(question(customer(1), seller(2), "x")).await;
        asker.receive_ack(seq).await;
    }
    asker.send(question(customer(2), seller(2), "not mine")).await;
    asker.write(b"\0\0\0\x01\0\0\0\x05\x63\x01\0\0?").await;
    asker.receive_all().await;
    drop(asker);
    server.until_closed("left", 1).await;
    // The store counts after it has answered.
    server.until_metric("kefu_saves_total", 6).await;
    server.until_metric("kefu_pushes_total", 3).await;
    let metrics = get(server.http, "/metrics").await;
    assert_eq!(metrics.status, 200);
    let kind = metrics.header("content-type").unwrap();
    assert!(kind.starts_with("application/openmetrics-text; version=1.0.0"), "{kind}");
    assert!(metrics.body.ends_with("# EOF\n"));
    for line in [
        "kefu_messages_accepted_total 3",
        "kefu_messages_refused_total{reason=\"customer_id_mismatch\"} 1",
        "kefu_logins_refused_total 0",
        "kefu_saves_total 6",
        "kefu_repeats_total 0",
        "kefu_save_failures_total{reason=\"no_space\"} 0",
        "kefu_group_size_messages_sum 3.0",
        "kefu_connections{state=\"online\"} 0",
        "kefu_connections_closed_total{reason=\"left\"} 1",
        "kefu_outbox_drops_total{reason=\"unpersistent\"} 0",
        "kefu_pushes_total 3",
        "kefu_unlisted_frames_total 1",
        "kefu_unreadable_rows_total 0",
    ] {
        assert!(metrics.body.lines().any(|found| found == line), "{line}\n{}", metrics.body);
    }
    for name in ["kefu_commit_seconds_bucket{", "kefu_commit_seconds_sum ", "# HELP kefu_saves "] {
        assert!(metrics.body.lines().any(|line| line.starts_with(name)), "{name}");
    }
}

/// A dashboard needs no `or vector(0)`. `series.txt` has all names, sorted.
async fn every_series_is_there_from_the_start(store: Store) {
    let server = Server::start_on(store, &[]).await;
    let metrics = get(server.http, "/metrics").await.body;
    let series = metrics.lines().filter(|line| !line.starts_with('#'));
    let series = series.filter_map(|line| line.rsplit_once(' '));
    // The buckets of histograms are many.
    let series = series.filter(|(name, _)| !name.contains("_bucket{"));
    let mut names: Vec<&str> = Vec::new();
    for (name, value) in series {
        // The request itself is a connection.
        assert!(name.contains("state=") || value.parse() == Ok(0.0), "{name} {value}");
        names.push(name);
    }
    names.sort_unstable();
    assert_eq!(names.join("\n") + "\n", include_str!("series.txt"));
}

async fn health_is_one_word(store: Store) {
    let server = Server::start_on(store, &[]).await;
    let health = get(server.http, "/healthz").await;
    assert_eq!((health.status, &*health.body), (200, "ok\n"));
    assert!(health.header("content-type").unwrap().starts_with("text/plain"));
}

async fn only_a_token_opens_what_the_page_asks_for(store: Store) {
    let server = Server::start_on(store, &[]).await;
    for (path, status) in [
        ("/whoami?token=tok-7-1", 200),
        ("/whoami?token=tok-7-10", 401),
        ("/whoami?token=", 401),
        ("/whoami", 400),
        ("/trace?token=tok-7-1", 200),
        ("/trace?token=nobody", 401),
        ("/trace", 400),
        ("/demo", 200),
        ("/nothing", 404),
        ("/../Cargo.toml", 404),
        ("/", 200),
    ] {
        assert_eq!(get_status(server.http, path).await, status, "{path}");
    }
    let upgrade = get_status(server.http, "/ws").await;
    assert!((400..500).contains(&upgrade), "no WebSocket handshake: {upgrade}");
}

async fn the_page_learns_who_a_token_is(store: Store) {
    let server = Server::start_on(store, &[]).await;
    let who = get(server.http, "/whoami?token=tok-1453-2").await;
    assert_eq!(who.header("content-type"), Some("application/json"));
    let who: Value = serde_json::from_str(&who.body).unwrap();
    let Account { appid, uid } = seller(2);
    for (field, expected) in
        [("appid", appid.to_string()), ("uid", uid.to_string()), ("kefu_appid", appid.to_string())]
    {
        assert_eq!(who[field], expected, "{who}");
    }
}

async fn the_demo_s_tokens_are_shown_only_where_they_were_made(store: Store) {
    let server = Server::start_on(store.clone(), &[]).await;
    assert_eq!(get(server.http, "/demo").await.body, "[]", "an operator's own tokens are secrets");
    let folder = tempfile::tempdir().unwrap();
    let server = ServerProcess::start_on(store, folder.path(), &[]).await;
    let demo: Value = serde_json::from_str(&get(server.http, "/demo").await.body).unwrap();
    let tokens: Vec<_> = demo.as_array().unwrap().iter().map(|who| &who["token"]).collect();
    assert_eq!(tokens, [&json!("tok-7-1"), &json!("tok-1453-2")]);
}

async fn nothing_of_a_message_s_content_gets_into_the_log(store: Store) {
    let folder = tempfile::tempdir().unwrap();
    let server = ServerProcess::start_on(store, folder.path(), &[]).await;
    let mut asker = Client::log_in(server.tcp, customer(1), "phone").await;
    let seq = asker.send(question(customer(1), seller(2), "classified")).await;
    asker.receive_ack(seq).await;
    asker.send(question(customer(3), seller(2), "classified")).await;
    asker.send(Body::Ping).await;
    server.until_logged("push").await;
    assert!(!server.log().contains("classified"), "{}", server.log());
}
