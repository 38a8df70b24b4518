//! A run of the load tool, and its verdict.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::process::output;

/// To send to the end and to read everything back.
const LOAD_PATIENCE: Duration = Duration::from_secs(120);

/// Killed when it is dropped.
pub struct Load(Child);

impl Load {
    pub fn start(addr: &str, args: &[&str]) -> Self {
        let mut command = load_command();
        command.args(["--addr", addr, "--json"]).args(args);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        Self(command.kill_on_drop(true).spawn().unwrap())
    }

    pub fn has_ended(&mut self) -> bool {
        self.0.try_wait().unwrap().is_some()
    }

    /// Waits for its end and reads its verdict: nothing was lost, doubled or reordered, though clients lost their servers.
    pub async fn check(self) {
        let result = self.result().await;
        assert!(result["reconnects"].as_u64() > Some(0), "{result}");
        assert!(result["repeated"].as_u64() > Some(0), "{result}");
    }

    /// As [`check`](Self::check), where no client lost its server.
    pub async fn result(self) -> Value {
        let end = timeout(LOAD_PATIENCE, self.0.wait_with_output()).await;
        let output = end.expect("the load does not end").unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        let result: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{output:?}"));
        println!("load: {result}");
        assert!(output.status.success(), "{output:?}");
        for fault in ["lost", "doubled", "reordered", "strange"] {
            assert_eq!(result["verification"][fault], 0, "{fault}: {result}");
        }
        assert_eq!(
            (&result["gave_up"], &result["sent"]),
            (&0.into(), &result["acked"]),
            "{result}"
        );
        result
    }
}

/// Writes the tokens that a load with these arguments needs.
pub async fn write_load_tokens(path: &Path, args: &[&str]) {
    let mut command = load_command();
    command.args(args).arg("--write-tokens").arg(path);
    assert!(output(command).await.status.success());
}

fn load_command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kefu-load"));
    command.env_clear();
    command
}
