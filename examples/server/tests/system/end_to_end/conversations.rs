//! Recorded conversations of real clients, byte for byte, except for msgids and the server's clock.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::SystemTime;

use bytes::BytesMut;
use data_encoding::HEXLOWER;
use kefu_proto::{Command, UnixTime};
use kefu_testing::client::Client;
use kefu_testing::websocket::{Packing, WebSocket};

use crate::support::on_each_store;
use crate::support::server::Server;
use crate::support::store::Store;

const ANDROID: &str =
    include_str!("../../../../../tests/protocol/connection/recorded/android-2018.txt");
const REFUSED: &str =
    include_str!("../../../../../tests/protocol/connection/recorded/refused-login.txt");

/// The SYNC_BEGIN of the customer's second SYNC of 0. The recorded server begins at the key that the
/// customer's other device has had kept, this one where the connection's last answer ended (S2.9).
/// The messages are the same: what lies between, this device has sent itself.
const BEGINS_AGAIN: &str =
    "41 customer < 00000008000000071b01000000000000000000c0  SYNC_BEGIN key=192";
const SYNC_BEGIN_0: &str = "00000008000000071b0100000000000000000000";

on_each_store!(
    the_android_client_of_2018_is_served_byte_for_byte,
    s9_so_it_is_over_websocket,
    s9_so_it_is_over_engine_io,
    s1_a_refused_login_is_answered_and_the_rest_ignored,
);

async fn the_android_client_of_2018_is_served_byte_for_byte(store: Store) {
    let mut replay = Replay::<Client>::start(store).await;
    assert_eq!(replay.run(ANDROID).await, 51);
    replay.end(&[("customer", 10), ("device2", 12), ("seller", 10)]).await;
}

async fn s9_so_it_is_over_websocket(store: Store) {
    let mut replay = Replay::<WebSocket>::start(store).await;
    assert_eq!(replay.run(ANDROID).await, 51);
    replay.end(&[("customer", 10), ("device2", 12), ("seller", 10)]).await;
}

async fn s9_so_it_is_over_engine_io(store: Store) {
    let mut replay = Replay::<EngineIo>::start(store).await;
    assert_eq!(replay.run(ANDROID).await, 51);
    replay.end(&[("customer", 10), ("device2", 12), ("seller", 10)]).await;
}

async fn s1_a_refused_login_is_answered_and_the_rest_ignored(store: Store) {
    let mut replay = Replay::<Client>::start(store).await;
    assert_eq!(replay.run(REFUSED).await, 3);
    replay.end(&[("J1", 2)]).await;
    assert_eq!(replay.server.metric("kefu_logins_refused_total").await, 1);
}

struct Replay<W> {
    server: Server,
    clients: BTreeMap<String, W>,
    /// Recorded sync keys and this server's, for each client: each queue has its own keys.
    keys: BTreeMap<String, BTreeMap<i64, i64>>,
    started: i64,
}

impl<W: Wire> Replay<W> {
    async fn start(store: Store) -> Self {
        let server = Server::start_on(store, &[]).await;
        Self { server, clients: BTreeMap::new(), keys: BTreeMap::new(), started: clock() }
    }

    /// Returns the number of frames, in both directions.
    async fn run(&mut self, conversation: &str) -> usize {
        for (index, line) in conversation.lines().enumerate() {
            let Line { who, is_from_client, hex } = Line::parse(line);
            if !self.clients.contains_key(who) {
                self.clients.insert(who.to_owned(), W::open(&self.server).await);
                // The key of an empty queue is 0 everywhere.
                self.keys.insert(who.to_owned(), BTreeMap::from([(0, 0)]));
            }
            let client = self.clients.get_mut(who).unwrap();
            if is_from_client {
                let mut frame = HEXLOWER.decode(hex.replace(CLIENT, LATE).as_bytes()).unwrap();
                if let Some(key) = sync_key(&mut frame) {
                    let recorded = i64::from_be_bytes(*key);
                    *key = self.keys[who][&recorded].to_be_bytes();
                }
                client.write(&frame).await;
            } else {
                let frame = client.receive_frame(line).await;
                let hex = if line == BEGINS_AGAIN { SYNC_BEGIN_0 } else { hex };
                self.compare(who, &format!("line {}", index + 1), hex, frame);
            }
        }
        conversation.lines().count()
    }

    /// The server has sent nothing else: the answer to a PING has the next number.
    async fn end(&mut self, next: &[(&str, u8)]) {
        assert!(self.clients.keys().eq(next.iter().map(|(who, _)| who)));
        for (client, (who, seq)) in self.clients.values_mut().zip(next) {
            client.write(b"\0\0\0\0\0\0\0\x63\x0d\x01\0\0").await;
            let frame = client.receive_frame("a PONG").await;
            assert_eq!((frame[7], frame[8]), (*seq, Command::PONG.0), "{who} got more");
        }
    }

    fn compare(&mut self, who: &str, line: &str, hex: &str, mut frame: BytesMut) {
        let (head, tail) = hex.split_once(SERVER).unwrap_or((hex, ""));
        let mut head = HEXLOWER.decode(head.as_bytes()).unwrap();
        if let (Some(recorded), Some(real)) = (sync_key(&mut head), sync_key(&mut frame)) {
            let pair = (i64::from_be_bytes(*recorded), i64::from_be_bytes(*real));
            self.match_keys(who, line, pair);
            *recorded = *real;
        }
        if hex.contains(SERVER) {
            let clock = frame.split_off(head.len());
            assert!(self.may_be_now(i32::from_be_bytes(clock[..4].try_into().unwrap())), "{line}");
            assert_eq!(HEXLOWER.encode(&clock[4..]), tail, "{line}");
        }
        assert_eq!(HEXLOWER.encode(&frame), HEXLOWER.encode(&head), "{line}");
    }

    /// Each recorded key maps to one of this server's, in the same order.
    fn match_keys(&mut self, who: &str, line: &str, (recorded, real): (i64, i64)) {
        let keys = self.keys.get_mut(who).unwrap();
        let known = *keys.entry(recorded).or_insert(real);
        assert_eq!(real, known, "{line}: not the key that stood for {recorded} before");
        assert!(keys.values().is_sorted_by(|a, b| a < b), "{line}: {keys:?}");
    }

    fn may_be_now(&self, seconds: i32) -> bool {
        let now: RangeInclusive<_> = self.started..=clock();
        now.contains(&i64::from(seconds))
    }
}

trait Wire {
    async fn open(server: &Server) -> Self;
    async fn write(&mut self, frame: &[u8]);
    async fn receive_frame(&mut self, what: &str) -> BytesMut;
}

impl Wire for Client {
    async fn open(server: &Server) -> Self {
        Self::connect(server.tcp).await
    }

    async fn write(&mut self, frame: &[u8]) {
        self.write(frame).await;
    }

    async fn receive_frame(&mut self, what: &str) -> BytesMut {
        self.receive_frame(what).await
    }
}

impl Wire for WebSocket {
    async fn open(server: &Server) -> Self {
        Self::connect(server.http).await
    }

    async fn write(&mut self, frame: &[u8]) {
        self.write(frame).await;
    }

    async fn receive_frame(&mut self, what: &str) -> BytesMut {
        self.receive_frame(what).await
    }
}

struct EngineIo(WebSocket);

impl Wire for EngineIo {
    async fn open(server: &Server) -> Self {
        let mut web = WebSocket::connect_engine_io(server.http, Packing::EngineIoText).await;
        web.receive_text("an open packet").await;
        Self(web)
    }

    async fn write(&mut self, frame: &[u8]) {
        self.0.write(frame).await;
    }

    async fn receive_frame(&mut self, what: &str) -> BytesMut {
        self.0.receive_frame(what).await
    }
}

/// Placeholders of the recordings: the server's clock, and a client's, which the server must
/// replace (H4).
const SERVER: &str = "SSSSSSSS";
const CLIENT: &str = "TTTTTTTT";
/// A client whose clock is wrong.
const LATE: &str = "7fffffff";

struct Line<'t> {
    who: &'t str,
    is_from_client: bool,
    hex: &'t str,
}

impl<'t> Line<'t> {
    /// `number who > hex remark`, where the number may be missing.
    fn parse(line: &'t str) -> Self {
        let mut words = line.split_whitespace().skip_while(|word| word.parse::<u32>().is_ok());
        let who = words.next().unwrap();
        let direction = words.next().unwrap();
        assert!([">", "<"].contains(&direction), "{line}");
        Self { who, is_from_client: direction == ">", hex: words.next().unwrap() }
    }
}

/// The body of a frame that has a sync key and nothing else.
fn sync_key(frame: &mut [u8]) -> Option<&mut [u8; 8]> {
    let commands = [
        Command::SYNC,
        Command::SYNC_BEGIN,
        Command::SYNC_END,
        Command::SYNC_NOTIFY,
        Command::SYNC_KEY,
    ];
    let is_key = commands.contains(&Command(frame[8]));
    is_key.then(|| frame.last_chunk_mut().unwrap())
}

fn clock() -> i64 {
    UnixTime::try_from(SystemTime::now()).unwrap().as_secs().into()
}
