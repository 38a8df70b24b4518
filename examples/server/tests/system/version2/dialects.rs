//! Which dialect a client gets at its login (D1).

use std::net::SocketAddr;
use std::path::PathBuf;

use kefu_proto::{AuthToken, Body, Command, MsgId, Platform, ShortBytes};
use kefu_testing::client::{
    Client, assert_accepted, customer, message_v2, question, seller, token,
};
use kefu_testing::process::output;
use rustix::process::Signal;
use tempfile::TempDir;

use crate::support::on_each_store;
use crate::support::process::{ServerProcess, bare_command};
use crate::support::server::{Server, write_tokens};
use crate::support::store::Store;

/// From the beginning of a queue; 0 would mean the kept key.
const BEGINNING: MsgId = MsgId(-1);

on_each_store!(
    d1_a_web_client_gets_what_was_sent_until_it_speaks,
    d1_what_a_web_client_has_shown_outlives_the_server,
);

async fn d1_a_web_client_gets_what_was_sent_until_it_speaks(store: Store) {
    let server = Server::start_on(store, &[]).await;
    let mut web = log_in(server.tcp, Platform::WEB).await;
    ask_in_either_version(&server).await;
    assert_eq!(synced(&mut web).await, [Command::CUSTOMER, Command::CUSTOMER_V2]);
    for (said, then) in [
        (question(seller(2), seller(3), "v1"), Command::CUSTOMER),
        (message_v2(seller(2), seller(3), "v2"), Command::CUSTOMER_V2),
    ] {
        web.send(said).await;
        // The other's form of what it has said itself is there, too, after a 64.
        let found = synced(&mut web).await;
        assert!(found.len() >= 2 && found.iter().all(|&command| command == then), "{found:?}");
        let mut again = log_in(server.tcp, Platform::WEB).await;
        assert_eq!(synced(&mut again).await, found, "remembered");
        let mut phone = log_in(server.tcp, Platform::ANDROID).await;
        assert_eq!(synced(&mut phone).await[0], Command::CUSTOMER, "not of this platform");
    }
}

async fn d1_what_a_web_client_has_shown_outlives_the_server(store: Store) {
    let place = Place::new(store);
    let server = place.server(&[]).await;
    ask_v1(server.tcp).await;
    let mut web = log_in(server.tcp, Platform::WEB).await;
    web.send(message_v2(seller(2), seller(3), "hello")).await;
    web.receive_all().await;
    let found = synced(&mut web).await;
    assert!(found.iter().all(|&command| command == Command::CUSTOMER_V2), "{found:?}");
    stop(server).await;

    // Under another setting it does not count, and under the same it does again.
    for (set, first) in [
        (&["--dialect", "web=v1"][..], Command::CUSTOMER),
        (&["--dialect", "web=as-sent,android=v2"], Command::CUSTOMER),
        (&[], Command::CUSTOMER_V2),
    ] {
        let server = place.server(set).await;
        let mut web = log_in(server.tcp, Platform::WEB).await;
        assert_eq!(synced(&mut web).await[0], first, "{set:?}");
        stop(server).await;
    }
}

/// A test client of 2025 says version 1 and Android, and waits for a CUSTOMER_V2 before it says
/// anything.
#[tokio::test]
async fn d1_what_is_set_for_a_platform_wins_over_the_login() {
    let server = Server::start(&["--dialect", "android=v2,2=v2", "--dialect", "ios=as-sent"]).await;
    ask_v1(server.tcp).await;
    for (platform, expected) in [
        (Platform::ANDROID, Command::CUSTOMER_V2),
        (Platform::IOS, Command::CUSTOMER),
        (Platform::WEB, Command::CUSTOMER),
    ] {
        let mut client = log_in(server.tcp, platform).await;
        assert_eq!(synced(&mut client).await, [expected], "{platform}");
    }
    // What it says itself decides, then and with its next login.
    let mut app = log_in(server.tcp, Platform::ANDROID).await;
    app.send(question(seller(2), seller(3), "v1")).await;
    assert_eq!(synced(&mut app).await[0], Command::CUSTOMER);
    let mut again = log_in(server.tcp, Platform::ANDROID).await;
    assert_eq!(synced(&mut again).await[0], Command::CUSTOMER);
}

#[tokio::test]
async fn a_wrong_setting_says_what_is_right() {
    for (wrong, why) in [
        ("v3", "`v3` is no dialect: give auto, v1, v2 or as-sent"),
        ("web=v1,tv=v2", "`tv` is no platform: give ios, android, web or a number"),
    ] {
        let mut command = bare_command();
        command.args(["--dialect", wrong]);
        let said = output(command).await;
        assert_eq!(said.status.code(), Some(2), "{said:?}");
        let first = String::from_utf8(said.stderr).unwrap();
        assert!(first.lines().next().is_some_and(|line| line.contains(why)), "{first}");
    }
    let mut command = bare_command();
    command.env("KEFU_DIALECT", "web=v4");
    assert_eq!(output(command).await.status.code(), Some(2));
}

/// A customer asks seller 2 in version 1, and then in version 2.
async fn ask_in_either_version(server: &Server) {
    ask_v1(server.tcp).await;
    let mut phone = Client::log_in_v2(server.tcp, customer(1), "phone").await;
    phone.send(message_v2(customer(1), seller(2), "second")).await;
    phone.receive_all().await;
}

async fn ask_v1(addr: SocketAddr) {
    let mut phone = Client::log_in(addr, customer(1), "phone").await;
    let seq = phone.send(question(customer(1), seller(2), "first")).await;
    phone.receive_ack(seq).await;
}

/// Seller 2 on a platform, from one device.
async fn log_in(addr: SocketAddr, platform: Platform) -> Client {
    let mut client = Client::connect(addr).await;
    let token = ShortBytes::new(token(seller(2))).unwrap();
    let device_id = ShortBytes::new("a device").unwrap();
    client.send(Body::AuthToken(AuthToken { platform, token, device_id })).await;
    assert_accepted(&client.receive("an AUTH_STATUS").await);
    client
}

/// The commands of the messages of the whole queue.
async fn synced(client: &mut Client) -> Vec<Command> {
    client.receive_all().await;
    client.send(Body::Sync(BEGINNING)).await;
    let mut commands = Vec::new();
    loop {
        match client.receive("a SYNC_END").await.body.command() {
            Command::SYNC_END => return commands,
            Command::SYNC_BEGIN => {}
            command => commands.push(command),
        }
    }
}

/// Where a server is started again on the same data.
struct Place {
    folder: TempDir,
    tokens: PathBuf,
    store: Store,
}

impl Place {
    fn new(store: Store) -> Self {
        let folder = TempDir::new().unwrap();
        let tokens = folder.path().join("tokens.toml");
        write_tokens(&tokens, (1..=3).map(customer).chain((1..=3).map(seller)));
        Self { folder, tokens, store }
    }

    async fn server(&self, options: &[&str]) -> ServerProcess {
        let tokens = ["--tokens", self.tokens.to_str().unwrap()];
        let options = [&tokens, options].concat();
        ServerProcess::start_on(self.store.clone(), &self.folder.path().join("data"), &options)
            .await
    }
}

async fn stop(mut server: ServerProcess) {
    server.signal(Signal::TERM);
    assert!(server.exit().await.success());
}
