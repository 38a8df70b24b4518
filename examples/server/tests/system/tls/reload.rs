//! SIGHUP after a renewal: the new certificate for new connections, the old ones go on.

use std::fs;

use kefu_testing::client::{customer, seller};
use rustix::process::Signal;
use tempfile::TempDir;

use super::pki::Pki;
use crate::support::process::ServerProcess;

#[tokio::test]
async fn a_new_certificate_is_for_new_connections() {
    let (old, new, folder) = (Pki::new(), Pki::new(), TempDir::new().unwrap());
    let server = ServerProcess::start(folder.path(), &old.options()).await;
    let mut online = old.log_in(server.tcp, customer(1), "phone").await;

    // Half of a renewal: the pair does not fit, and nothing changes.
    fs::copy(&new.cert, &old.cert).unwrap();
    server.signal(Signal::HUP);
    server.until_logged("the certificate stays as it was: the key in ").await;
    old.log_in(server.tcp, seller(2), "desk").await;

    fs::copy(&new.key, &old.key).unwrap();
    server.signal(Signal::HUP);
    server.until_logged("read the certificate again").await;
    new.log_in(server.tcp, seller(2), "desk").await;
    assert_eq!(new.get(server.http, "/healthz").await.body, "ok\n");
    assert_eq!(online.receive_all().await, []);
}
