//! What tests do without the programs that they need.

use std::process::{Output, Stdio};

use kefu_testing::process::output;
use tempfile::TempDir;
use tokio::process::Command;

const TESTS: [&str; 2] = [
    "end_to_end::web::nats::s9_a_customer_in_a_browser_and_a_seller_over_tcp_talk_to_each_other",
    "service::conversations::a_question_and_its_answer_go_from_one_server_to_another",
];

#[tokio::test]
async fn without_nats_its_tests_say_in_one_line_that_they_are_skipped() {
    let output = run(&[]).await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said, "skipped: tests that need nats-server, not installed here\n");
}

#[tokio::test]
async fn in_ci_they_fail() {
    let output = run(&[("CI", "true")]).await;
    assert!(!output.status.success(), "{output:?}");
    let said = String::from_utf8_lossy(&output.stdout);
    let why = "nats-server is not installed, and CI skips nothing";
    assert_eq!(said.matches(why).count(), TESTS.len(), "{said}");
}

/// Runs these tests in a process that finds no other programs.
async fn run(env: &[(&str, &str)]) -> Output {
    let nothing = TempDir::new().unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.arg("--exact").args(TESTS).stdin(Stdio::null());
    command.env_clear().env("PATH", nothing.path()).envs(env.iter().copied());
    output(command).await
}
