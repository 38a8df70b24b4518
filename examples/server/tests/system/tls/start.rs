//! How a server with TLS starts, or why it refuses to.

use std::fs;
use std::path::Path;

use kefu_testing::client::customer;
use kefu_testing::process::output;
use tempfile::TempDir;
use tokio::process::Command;

use super::pki::Pki;
use crate::support::process::{ServerProcess, bare_command, command, refusal};

#[tokio::test]
async fn it_says_where_with_an_s() {
    let (pki, folder) = (Pki::new(), TempDir::new().unwrap());
    let mut command = command(folder.path());
    command.args(["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"]);
    command.env("KEFU_TLS_CERT", &pki.cert).env("KEFU_TLS_KEY", &pki.key);
    let server = ServerProcess::spawn(command).await;
    let (page, ready) = (&server.greeting[0], server.greeting.last().unwrap());
    assert!(page.starts_with(&format!("the page is at https://{}/, ", server.http)), "{page}");
    assert!(ready.ends_with(&format!("WebSocket at wss://{}/ws", server.http)), "{ready}");
    pki.log_in(server.tcp, customer(1), "phone").await;
}

#[tokio::test]
async fn one_file_may_hold_both() {
    let (pki, folder) = (Pki::new(), TempDir::new().unwrap());
    let both = folder.path().join("both.pem");
    fs::write(&both, [fs::read(&pki.key).unwrap(), fs::read(&pki.cert).unwrap()].concat()).unwrap();
    let both = both.to_str().unwrap();
    let options = ["--tls-cert", both, "--tls-key", both];
    let server = ServerProcess::start(&folder.path().join("data"), &options).await;
    pki.log_in(server.tcp, customer(1), "phone").await;
}

#[tokio::test]
async fn one_file_of_the_pair_is_a_wrong_command_line() {
    for (given, missing) in [("--tls-cert", "--tls-key <FILE>"), ("--tls-key", "--tls-cert <FILE>")]
    {
        let mut command = bare_command();
        command.args([given, "some.pem"]);
        let output = output(command).await;
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{said}");
        assert!(said.contains(missing), "{said}");
    }
}

#[tokio::test]
async fn files_of_no_use_are_named_with_what_to_do() {
    let (pki, other) = (Pki::new(), Pki::new());
    let file = |name: &str, content: &[u8]| {
        let path = pki.folder.path().join(name);
        fs::write(&path, content).unwrap();
        path
    };
    let read = |path: &Path| fs::read_to_string(path).unwrap();
    let absent = pki.folder.path().join("absent.pem");
    let empty = file("empty.pem", b"");
    let binary = file("binary.pem", b"\xff\x00\x80");
    let torn = file("torn.pem", &read(&pki.cert).as_bytes()[..100]);
    let no_base64 = file("no-base64.pem", read(&pki.cert).replace("MII", "!!!").as_bytes());
    let nonsense = b"-----BEGIN CERTIFICATE-----\nbm9uc2Vuc2U=\n-----END CERTIFICATE-----\n";
    let nonsense = file("nonsense.pem", nonsense);
    let no_key = read(&pki.cert).replace("CERTIFICATE", "PRIVATE KEY");
    let no_key = file("no-key.pem", no_key.as_bytes());
    let encrypted = read(&pki.key).replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    let encrypted = file("encrypted.pem", encrypted.as_bytes());

    for cert in [&empty, &binary, &torn, &no_base64, &pki.key] {
        let expected = format!("no certificate is in {}; give --tls-cert ", cert.display());
        assert_refused(cert, &pki.key, &expected).await;
    }
    for key in [&empty, &binary, &torn, &no_base64, &encrypted, &pki.cert] {
        let expected = format!("no private key is in {}; give --tls-key ", key.display());
        assert_refused(&pki.cert, key, &expected).await;
    }
    for unreadable in [&absent, &pki.folder.path().to_owned()] {
        let expected = format!("cannot read {}: ", unreadable.display());
        let said = assert_refused(unreadable, &pki.key, &expected).await;
        assert!(said.ends_with("choose another file with --tls-cert"), "{said}");
        let said = assert_refused(&pki.cert, unreadable, &expected).await;
        assert!(said.ends_with("choose another file with --tls-key"), "{said}");
    }
    let expected = format!(
        "the key in {} is not that of the first certificate in {}; ",
        other.key.display(),
        pki.cert.display()
    );
    assert_refused(&pki.cert, &other.key, &expected).await;
    for (cert, key) in [(&nonsense, &pki.key), (&pki.cert, &no_key)] {
        let expected = format!(
            "cannot use the certificate in {} with the key in {}: ",
            cert.display(),
            key.display()
        );
        let said = assert_refused(cert, key, &expected).await;
        assert!(said.ends_with("; give --tls-cert and --tls-key another pair"), "{said}");
    }
}

/// Runs a server that must not start, and returns its error.
async fn assert_refused(cert: &Path, key: &Path, expected: &str) -> String {
    let folder = TempDir::new().unwrap();
    let line = refusal(with_files(&folder.path().join("data"), cert, key)).await;
    assert!(line.contains(expected), "{line:?} without {expected:?}");
    assert!(!folder.path().join("data").exists(), "nothing is made before the files are read");
    line
}

fn with_files(data: &Path, cert: &Path, key: &Path) -> Command {
    let mut command = command(data);
    command.args(["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"]);
    command.arg("--tls-cert").arg(cert).arg("--tls-key").arg(key);
    command
}
