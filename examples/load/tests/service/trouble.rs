//! The trouble that clients make, one kind at a time and all together.

use kefu_load::Report;

use crate::server::{Server, Threaded, assert_clean, load};

const SECOND: [&str; 8] =
    ["--customers", "30", "--sellers", "4", "--window", "16", "--seconds", "1"];
const ALL: [&str; 8] = ["--churn", "30", "--repeat", "30", "--slow", "20", "--hostile", "30"];
const DIALECTS: [&str; 3] = ["v1", "v2", "mixed"];

/// Runs on `kefu-server`, and on the threaded host, which stores repeats again.
async fn reports(options: &[&str]) -> [Report; 2] {
    let options = [&SECOND[..], options].concat();
    let server = Server::start().await;
    let one = server.load(&options).await.unwrap();
    let threaded = Threaded::start().await;
    let other = threaded.load(&[&options[..], &["--allow-repeats"]].concat()).await.unwrap();
    [one, other]
}

#[tokio::test]
async fn churn() {
    for report in reports(&["--churn", "50"]).await {
        assert_clean(&report);
        let churn = report.trouble.churn;
        let ways = [churn.goodbyes, churn.dropped, churn.reset, churn.broken_off, churn.visits];
        assert!(ways.iter().all(|&count| count > 0) && churn.not_closed == 0, "{report}");
    }
}

#[tokio::test]
async fn repeats() {
    for report in reports(&["--repeat", "50"]).await {
        assert_clean(&report);
        let repeat = report.trouble.repeat;
        assert!(repeat.marked > 0 && repeat.unmarked > 0, "{report}");
        assert_eq!(repeat.acked, repeat.marked + repeat.unmarked, "{report}");
        assert!(report.verification.expected > 2 * report.acked, "{report}");
    }
}

#[tokio::test]
async fn repeats_are_duplicates_where_they_are_stored_again() {
    let threaded = Threaded::start().await;
    let report = threaded.load(&[&SECOND[..], &["--repeat", "50"]].concat()).await.unwrap();
    let found = &report.verification;
    assert!(found.duplicated > 0 && found.lost + found.reordered + found.unexpected == 0);
    assert!(!report.is_clean());
}

#[tokio::test]
async fn slow_readers() {
    for report in reports(&["--slow", "30"]).await {
        assert_clean(&report);
        let slow = report.trouble.slow;
        assert!(slow.stopped > 0 && slow.stopped_for_good > 0, "{report}");
    }
}

#[tokio::test]
async fn hostile_clients() {
    for dialect in DIALECTS {
        for report in reports(&["--hostile", "50", "--dialect", dialect]).await {
            assert_clean(&report);
            let hostile = &report.trouble.hostile;
            let kinds = [hostile.frames, hostile.messages, hostile.floods, hostile.logins];
            assert!(kinds.iter().all(|&count| count > 0), "{report}");
        }
    }
}

#[tokio::test]
async fn all_together() {
    for dialect in DIALECTS {
        for report in reports(&[&ALL[..], &["--dialect", dialect]].concat()).await {
            assert_clean(&report);
        }
    }
}

#[tokio::test]
async fn all_together_over_each_carrier() {
    let server = Server::start_with_tls().await;
    let ca = server.ca();
    let options = [&SECOND[..], &ALL, &["--dialect", "mixed", "--tls", "--ca", &ca]].concat();
    let tcp = format!("localhost:{}", server.tcp.port());
    assert_clean(&load(&tcp, &options).await.unwrap());
    let http = format!("localhost:{}", server.http.port());
    assert_clean(&load(&http, &[&options[..], &["--ws"]].concat()).await.unwrap());
    let server = Server::start().await;
    let options = [&SECOND[..], &ALL, &["--dialect", "mixed", "--ws"]].concat();
    assert_clean(&load(&server.http.to_string(), &options).await.unwrap());
}
