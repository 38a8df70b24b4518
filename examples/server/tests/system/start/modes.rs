//! What the server creates is for nobody else.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use kefu_testing::client::{Client, customer, question, seller};
use tempfile::TempDir;
use tokio::process::Command;

use crate::support::process::ServerProcess;

#[tokio::test]
async fn whatever_the_umask_files_and_folders_are_the_server_s_alone() {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("deep/data");
    let start = || {
        let mut command = Command::new("/bin/sh");
        command.env_clear().args(["-c", "umask 0; exec \"$@\"", "sh"]);
        command.arg(env!("CARGO_BIN_EXE_kefu-server")).arg("--data").arg(&data);
        command.args(["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"]);
        ServerProcess::spawn(command)
    };
    let server = start().await;
    let mut asker = Client::log_in(server.tcp, customer(1), "phone").await;
    let seq = asker.send(question(customer(1), seller(2), "private")).await;
    asker.receive_ack(seq).await;
    assert_eq!(mode(&folder.path().join("deep")), 0o700);
    assert_private(&data);
    server.kill().await;

    // As an earlier version may have left it.
    set_mode(&data, 0o755);
    for file in fs::read_dir(&data).unwrap() {
        set_mode(&file.unwrap().path(), 0o644);
    }
    let _server = start().await;
    assert_private(&data);
}

fn assert_private(data: &Path) {
    assert_eq!(mode(data), 0o700);
    let files: Vec<_> = fs::read_dir(data).unwrap().map(|file| file.unwrap().path()).collect();
    assert!(files.iter().any(|file| file.ends_with("kefu.db-wal")), "{files:?}");
    for file in files {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}
