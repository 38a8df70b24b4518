//! The small hosts of `examples`: under load, and each of their promises by itself.

#![allow(clippy::unwrap_used, reason = "what a test needs and does not get fails it")]

use std::net::SocketAddr;
use std::process::Command;

use bytes::BytesMut;
use kefu_load::{Args, Progress};
use kefu_proto::{Account, Ack, AckStatus, AppId, AuthToken, Body, Flags, LoginStatus, Metadata};
use kefu_proto::{MsgId, Platform, Seq, UserId};
use kefu_testing::client::{
    Client, Frames, answer, auth_token, customer, message_v2, parse, question,
};
use kefu_testing::client::{seller, take_frame, token};
use kefu_testing::process::Process;
use kefu_testing::within;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How cargo finds a host.
type Target = &'static [&'static str];

const THREADED: Target = &["--package", "kefu-proto", "--example", "threaded"];
const TOKIO: Target = &["--package", "kefu-tokio-example"];

/// Each check is a test of both hosts.
macro_rules! tests {
    ($($check:ident,)*) => {
        mod threaded {
            $(#[tokio::test] async fn $check() { super::$check(super::THREADED).await })*
        }
        mod on_tokio {
            $(#[tokio::test] async fn $check() { super::$check(super::TOKIO).await })*
        }
    };
}

tests! {
    loses_nothing_under_load,
    serves_both_versions_under_load,
    stores_for_both_sides_and_notifies_all_other_login_points,
    keeps_the_greatest_sync_key,
    sends_unpersistent_messages_and_stores_none,
    meets_a_blocked_customer_with_silence,
    refuses_a_login_and_lets_the_client_try_again,
    writes_what_is_queued_before_it_closes,
    notifies_in_the_order_of_the_queue,
    leaves_out_what_a_client_does_not_read,
    serves_an_app_of_2018_and_a_desk_of_today_in_one_chat,
    tells_a_blocked_customer_of_version_2,
    notifies_of_a_message_to_oneself_before_its_ack,
    remembers_which_dialect_a_web_client_knows,
}

async fn loses_nothing_under_load(target: Target) {
    let host = Host::start(target).await;
    for window in ["1", "32"] {
        load(&host, &["--window", window, "--transient", "10"]).await;
    }
}

async fn serves_both_versions_under_load(target: Target) {
    let host = Host::start(target).await;
    load(&host, &["--dialect", "v2"]).await;
    load(&host, &["--dialect", "mixed", "--transient", "10"]).await;
}

/// Loads a host with 2,000 messages, of which it loses none.
async fn load(host: &Host, options: &[&str]) {
    let addr = host.addr.to_string();
    let args = ["--addr", &addr, "--customers", "10", "--sellers", "3", "--count", "200"];
    let args = Args::from_options([&args[..], options].concat()).unwrap();
    let report = kefu_load::run(&args, Progress::Hidden).await.unwrap();
    println!("{report}");
    assert!(report.is_clean(), "{report}");
    assert_eq!((report.gave_up, report.reconnects), (0, 0), "{report}");
    assert_eq!((report.sent, report.acked), (2_000, 2_000), "{report}");
}

async fn stores_for_both_sides_and_notifies_all_other_login_points(target: Target) {
    let host = Host::start(target).await;
    let mut phone = host.log_in(customer(1), "phone").await;
    let mut tablet = host.log_in(customer(1), "tablet").await;
    let mut desk = host.log_in(seller(2), "desk").await;

    let seq = phone.send(question(customer(1), seller(2), "hi")).await;
    phone.receive_ack(seq).await;
    assert_eq!(tablet.receive_notify().await, MsgId(1));
    assert_eq!(desk.receive_notify().await, MsgId(1));
    assert_eq!(phone.receive_all().await, [], "the device that sent is not notified");

    let seq = desk.send(answer(seller(2), customer(1), "yes?")).await;
    desk.receive_ack(seq).await;
    assert_eq!(phone.receive_notify().await, MsgId(2));
    assert_eq!(tablet.receive_notify().await, MsgId(2));

    let synced = tablet.sync(MsgId(0)).await;
    assert_eq!(synced.contents(), [&b"hi"[..], b"yes?"]);
    assert_eq!((synced.begin, synced.end), (MsgId(0), MsgId(2)));
    assert!(synced.messages.iter().all(|message| message.timestamp.as_secs() > 1_500_000_000));
    let synced = phone.sync(MsgId(0)).await;
    assert_eq!(synced.contents(), [b"yes?"], "without what this device has sent");
    assert_eq!(synced.end, MsgId(2));
    assert_eq!(desk.sync(MsgId(0)).await.contents(), [b"hi"]);
    assert_eq!(tablet.sync(MsgId(1)).await.contents(), [b"yes?"]);
}

async fn keeps_the_greatest_sync_key(target: Target) {
    let host = Host::start(target).await;
    let mut phone = host.log_in(customer(1), "phone").await;
    for content in ["one", "two", "three"] {
        let seq = phone.send(question(customer(1), seller(2), content)).await;
        phone.receive_ack(seq).await;
    }
    let mut desk = host.log_in(seller(2), "desk").await;
    for key in [2, 1] {
        desk.send(Body::SyncKey(MsgId(key))).await;
    }
    assert_eq!(desk.receive_all().await, []);
    let synced = host.log_in(seller(2), "laptop").await.sync(MsgId(0)).await;
    assert_eq!(synced.begin, MsgId(2));
    assert_eq!(synced.contents(), [b"three"]);
}

async fn sends_unpersistent_messages_and_stores_none(target: Target) {
    let host = Host::start(target).await;
    let mut phone = host.log_in(customer(1), "phone").await;
    let mut tablet = host.log_in(customer(1), "tablet").await;
    let mut desk = host.log_in(seller(2), "desk").await;
    let typing = answer(seller(2), customer(1), "...");
    let seq = desk.send_flagged(Flags::UNPERSISTENT, typing).await;
    desk.receive_ack(seq).await;
    for device in [&mut phone, &mut tablet] {
        let message = device.receive("the message itself").await;
        assert_eq!(message.flags, Flags::UNPERSISTENT);
        assert!(matches!(message.body, Body::CustomerSupport(chat) if chat.content == "..."));
        let synced = device.sync(MsgId(0)).await;
        assert_eq!((synced.contents().len(), synced.end), (0, MsgId(0)));
    }
}

async fn meets_a_blocked_customer_with_silence(target: Target) {
    let host = Host::start(target).await;
    let blocked = Account::new(AppId(8), UserId(13));
    let mut phone = host.log_in(blocked, "phone").await;
    let mut desk = host.log_in(seller(2), "desk").await;
    for flags in [Flags::NONE, Flags::UNPERSISTENT] {
        phone.send_flagged(flags, question(blocked, seller(2), "let me in")).await;
    }
    assert_eq!(phone.receive_all().await, [], "no ACK");
    assert_eq!(desk.receive_all().await, []);
    assert_eq!(desk.sync(MsgId(0)).await.end, MsgId(0));

    let neighbour = Account::new(AppId(8), UserId(14));
    let mut phone = host.log_in(neighbour, "phone").await;
    let seq = phone.send(question(neighbour, seller(2), "hi")).await;
    phone.receive_ack(seq).await;
    assert_eq!(desk.receive_notify().await, MsgId(1), "before it nothing was sent");
}

async fn refuses_a_login_and_lets_the_client_try_again(target: Target) {
    let host = Host::start(target).await;
    let mut phone = Client::connect(host.addr).await;
    for nobody in ["tok", "tok-7", "tok-7-0", "tok-seven-1", "tok-7-1-1"] {
        phone.send(auth_token(nobody, "phone")).await;
        match phone.receive("an AUTH_STATUS").await.body {
            Body::AuthStatus(status) => assert_eq!(status.status, LoginStatus::REFUSED),
            other => panic!("{other:?} for {nobody}"),
        }
    }
    phone.authenticate(customer(1), "phone").await;
    // What comes right behind a login waits for it.
    let mut tablet = Client::connect(host.addr).await;
    let login = tablet.frame(Flags::NONE, auth_token(&token(customer(1)), "tablet"));
    let ping = tablet.frame(Flags::NONE, Body::Ping);
    tablet.write(&[&login[..], &ping[..]].concat()).await;
    assert!(matches!(tablet.receive("a status").await.body, Body::AuthStatus(_)));
    assert_eq!(tablet.receive("a PONG").await.body, Body::Pong);
}

async fn writes_what_is_queued_before_it_closes(target: Target) {
    let host = Host::start(target).await;
    let mut frames = Frames::default();
    let login = frames.next(Flags::NONE, auth_token(&token(customer(1)), "phone"));
    let question = frames.next(Flags::NONE, question(customer(1), seller(2), "hi"));
    let ping_with_a_body = b"\0\0\0\x01\0\0\0\x03\x0d\x01\0\0x";
    let unread = vec![0; 30_000];
    let sent = [&login[..], &question[..], &ping_with_a_body[..], &unread[..]].concat();

    let mut phone = TcpStream::connect(host.addr).await.unwrap();
    phone.write_all(&sent).await.unwrap();
    let mut received = Vec::new();
    let end = within("the end of the connection", phone.read_to_end(&mut received)).await;
    end.expect("closed, not reset: a reset may discard the last frames");
    let mut received = BytesMut::from(&received[..]);
    let mut next = || take_frame(&mut received).map(|frame| parse(frame).body);
    assert!(matches!(next(), Some(Body::AuthStatus(_))));
    assert_eq!(next(), Some(Body::Ack(Seq(2).into())));
    assert_eq!(next(), None);
}

async fn notifies_in_the_order_of_the_queue(target: Target) {
    let host = Host::start(target).await;
    let mut desk = host.log_in(seller(2), "desk").await;
    let mut customers = Vec::new();
    for uid in 1..=8 {
        let mut phone = host.log_in(customer(uid), "phone").await;
        customers.push(tokio::spawn(async move {
            for _ in 0..10 {
                send_at_once(&mut phone, Flags::NONE, uid, 10, "hi").await;
            }
        }));
    }
    // One may stand for several (S13.2).
    let mut last = MsgId(0);
    while last < MsgId(800) {
        let next = desk.receive_notify().await;
        assert!(next > last, "{next:?} behind {last:?}");
        last = next;
    }
    for customer in customers {
        customer.await.unwrap();
    }
}

/// S13.4: and it is told of what is stored, unless the host closes a connection that takes nothing
/// for long.
async fn leaves_out_what_a_client_does_not_read(target: Target) {
    const BATCHES: usize = 80;
    let host = Host::start(target).await;
    let mut slow = host.log_in(seller(2), "slow desk").await;
    let mut phone = host.log_in(customer(1), "phone").await;
    let content = "x".repeat(4 * 1024);
    for _ in 0..BATCHES {
        send_at_once(&mut phone, Flags::UNPERSISTENT, 1, 100, &content).await;
    }
    let seq = phone.send(question(customer(1), seller(2), "hi")).await;
    phone.receive_ack(seq).await;
    let mut received = 0;
    while let Some(message) = slow.next_message().await {
        if message.body == Body::SyncNotify(MsgId(1)) {
            break;
        }
        received += 1;
    }
    assert!(received < BATCHES * 100, "{received} waited for a client that did not read");

    let mut desk = host.log_in(seller(2), "desk").await;
    send_at_once(&mut phone, Flags::UNPERSISTENT, 1, 1, "hi").await;
    assert!(matches!(desk.receive("a message").await.body, Body::Customer(_)));
}

async fn serves_an_app_of_2018_and_a_desk_of_today_in_one_chat(target: Target) {
    let host = Host::start(target).await;
    let mut app = host.log_in(customer(1), "phone").await;
    let mut desk = Client::log_in_v2(host.addr, seller(2), "desk").await;
    let mut home = Client::log_in_v2(host.addr, seller(2), "home").await;
    let seq = app.send(question(customer(1), seller(2), "hi")).await;
    app.receive_ack(seq).await;
    for device in [&mut desk, &mut home] {
        assert_eq!(device.receive_notify().await, MsgId(1));
    }
    let (end, found) = desk.sync_v2(MsgId(0)).await;
    let [(_, chat)] = &found[..] else { panic!("{found:?}") };
    assert_eq!((end, chat.sender, &chat.content[..]), (MsgId(1), customer(1), &b"hi"[..]));
    assert_eq!(desk.sync_v2(MsgId(9)).await, (MsgId(1), vec![]), "back to the end of the queue");

    let seq = desk.send(message_v2(seller(2), customer(1), "yes?")).await;
    let metadata = Metadata { sync_key: MsgId(2), prev_sync_key: MsgId(1) };
    assert_eq!(desk.receive_live_ack(seq).await, metadata);
    assert_eq!(home.receive_copy().await.0, metadata);
    assert_eq!(app.receive_notify().await, MsgId(2), "and no copy");
    assert_eq!(app.sync(MsgId(0)).await.contents(), [b"yes?"]);
}

async fn tells_a_blocked_customer_of_version_2(target: Target) {
    let host = Host::start(target).await;
    let blocked = Account::new(AppId(8), UserId(13));
    let mut phone = Client::log_in_v2(host.addr, blocked, "phone").await;
    let seq = phone.send(message_v2(blocked, seller(2), "let me in")).await;
    let ack = Ack { seq, status: AckStatus::BLOCKED };
    assert_eq!(phone.receive("an ACK").await.body, Body::Ack(ack));
    assert_eq!(host.log_in(seller(2), "desk").await.sync(MsgId(0)).await.end, MsgId(0));
}

async fn notifies_of_a_message_to_oneself_before_its_ack(target: Target) {
    let host = Host::start(target).await;
    let mut desk = host.log_in(seller(2), "desk").await;
    for number in 0..20 {
        let seq = desk.send(question(seller(2), seller(2), "a note")).await;
        assert_eq!(desk.receive_notify().await, MsgId(2 * number + 1));
        desk.receive_ack(seq).await;
    }
    assert_eq!(desk.receive_all().await, []);
}

async fn remembers_which_dialect_a_web_client_knows(target: Target) {
    let host = Host::start(target).await;
    let mut phone = host.log_in(customer(1), "phone").await;
    let seq = phone.send(question(customer(1), seller(2), "hi")).await;
    phone.receive_ack(seq).await;
    let log_in = async || {
        let mut web = Client::connect(host.addr).await;
        let Body::AuthToken(login) = auth_token(&token(seller(2)), "") else { unreachable!() };
        web.send(Body::AuthToken(AuthToken { platform: Platform::WEB, ..login })).await;
        web.receive("an AUTH_STATUS").await;
        web
    };
    let mut web = log_in().await;
    assert_eq!(web.sync(MsgId(0)).await.contents(), [b"hi"], "as it was sent");
    web.send(message_v2(seller(2), customer(1), "yes?")).await;
    web.receive_all().await;
    let (_, found) = log_in().await.sync_v2(MsgId(0)).await;
    let contents: Vec<_> = found.iter().map(|(_, chat)| &chat.content[..]).collect();
    assert_eq!(contents, [&b"hi"[..], b"yes?"]);
}

/// Writes messages of a customer to seller 2 all at once, then waits for their ACKs.
async fn send_at_once(phone: &mut Client, flags: Flags, uid: i64, count: usize, content: &str) {
    let (mut frames, mut seqs) = (Vec::new(), Vec::new());
    for _ in 0..count {
        let body = question(customer(uid), seller(2), content.to_owned());
        frames.extend_from_slice(&phone.frame(flags, body));
        seqs.push(phone.last());
    }
    phone.write(&frames).await;
    for seq in seqs {
        phone.receive_ack(seq).await;
    }
}

/// A host in a process of its own.
struct Host {
    addr: SocketAddr,
    _process: Process,
}

impl Host {
    /// Runs it as its users do. It is built first: that may take longer than a start may.
    async fn start(target: Target) -> Self {
        let built = cargo("build", target).status().unwrap();
        assert!(built.success(), "{target:?} does not build");
        let mut command = cargo("run", target);
        command.args(["--", "--listen", "127.0.0.1:0"]);
        let ready = |line: &str| line.strip_prefix("ready: clients on ")?.parse().ok();
        let (process, _, addr) = Process::spawn(command.into(), ready).await;
        Self { addr, _process: process }
    }

    async fn log_in(&self, account: Account, device: &str) -> Client {
        Client::log_in(self.addr, account, device).await
    }
}

fn cargo(command: &str, target: Target) -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args([command, "--quiet"]).args(target);
    cargo
}
