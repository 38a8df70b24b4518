//! A machine without `nats-server`.

use std::process::{Output, Stdio};

use tempfile::TempDir;
use tokio::process::Command;

use crate::support::process::output;

const A_TEST: &str = "conversations::a_question_and_its_answer_go_from_one_server_to_another";

#[tokio::test]
async fn these_tests_say_in_one_line_that_they_are_skipped() {
    let output = run(&[]).await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said, "skipped: these tests need nats-server, which is not installed\n");
}

#[tokio::test]
async fn in_ci_they_have_failed() {
    let output = run(&[("CI", "true")]).await;
    assert!(!output.status.success(), "{output:?}");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("nats-server: "), "{said}");
}

/// Runs this test program where there are no other programs.
async fn run(env: &[(&str, &str)]) -> Output {
    let nothing = TempDir::new().unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", A_TEST]).stdin(Stdio::null());
    command.env_clear().env("PATH", nothing.path()).envs(env.iter().copied());
    output(command).await
}
