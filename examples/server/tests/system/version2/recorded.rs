//! The recorded conversation of an Android client of 2022, over a socket. Msgids and the server's
//! clock are this server's.

use std::collections::BTreeMap;

use bytes::BytesMut;
use data_encoding::HEXLOWER;
use kefu_proto::Command;
use kefu_testing::client::Client;

use crate::support::server::Server;

const ANDROID: &str =
    include_str!("../../../../../tests/protocol/connection/recorded/android-2022-v2.txt");

/// What the original has left to chance from here on: how the METADATA pairs, the notifies and the
/// ACKs of different senders follow one another. Any order will do, but no pair may be apart.
const BY_CHANCE: usize = 81;
/// The SYNC_END of the customer's second SYNC. The original answers it from the key that the
/// customer's other device has had kept, and two messages are lost (S2.9). Here they come before.
const SECOND_END: usize = 55;

#[tokio::test]
async fn the_android_client_of_2022_is_served_as_by_the_original() {
    let lines: Vec<Line> = ANDROID.lines().map(Line::parse).collect();
    assert_eq!(lines.len(), 95);
    let mut replay = Replay::start().await;
    let mut by_chance = Vec::new();
    let mut rest = lines.iter().enumerate().peekable();
    while let Some((index, line)) = rest.next() {
        if line.is_from_client {
            replay.send(line).await;
            continue;
        }
        let mut unit = vec![line.hex];
        if line.command() == Command::METADATA {
            unit.extend(rest.next().map(|(_, second)| second.hex));
        }
        match index + 1 {
            SECOND_END => {
                replay.receive(line.who, &[&own(lines[17].hex)]).await;
                replay.receive(line.who, &[&stored(lines[40].hex, "00")]).await;
                replay.receive(line.who, &unit).await;
            }
            BY_CHANCE.. => by_chance.push((line.who, unit)),
            _ => replay.receive(line.who, &unit).await,
        }
    }
    replay.receive_in_any_order(by_chance).await;
    replay.end().await;
}

/// A live copy as its sender's own device finds it by sync (D4.2).
fn own(hex: &str) -> String {
    stored(hex, "08")
}

fn stored(copy: &str, flags: &str) -> String {
    format!("{}{flags}{}", &copy[..20], &copy[22..])
}

struct Replay {
    server: Server,
    clients: BTreeMap<&'static str, Peer>,
}

struct Peer {
    client: Client,
    /// The number of the last frame to it.
    last: i32,
    /// Recorded sync keys and this server's: each queue has its own keys.
    keys: BTreeMap<i64, i64>,
}

impl Replay {
    async fn start() -> Self {
        Self { server: Server::start(&[]).await, clients: BTreeMap::new() }
    }

    async fn send(&mut self, line: &Line) {
        if !self.clients.contains_key(line.who) {
            let client = Client::connect(self.server.tcp).await;
            let keys = BTreeMap::from([(0, 0)]);
            self.clients.insert(line.who, Peer { client, last: 0, keys });
        }
        let peer = self.clients.get_mut(line.who).unwrap();
        let mut frame = decoded(&line.hex.replace(CLIENT, LATE));
        for key in keys(&mut frame) {
            let recorded = i64::from_be_bytes(*key);
            *key = peer.keys[&recorded].to_be_bytes();
        }
        peer.client.write(&frame).await;
    }

    /// One message, or a METADATA and the message right behind it.
    async fn receive(&mut self, who: &str, unit: &[&str]) {
        let peer = self.clients.get_mut(who).unwrap();
        let frames = peer.receive().await;
        peer.compare(unit, &frames).unwrap_or_else(|difference| panic!("to {who}: {difference}"));
    }

    async fn receive_in_any_order(&mut self, mut expected: Vec<(&'static str, Vec<&str>)>) {
        while let Some(&(who, _)) = expected.first() {
            let peer = self.clients.get_mut(who).unwrap();
            let frames = peer.receive().await;
            let is_it =
                |(to, unit): &(_, Vec<_>)| *to == who && peer.compare(unit, &frames).is_ok();
            let found = expected.iter().position(is_it);
            expected.remove(found.unwrap_or_else(|| panic!("to {who}: {frames:x?}")));
        }
    }

    /// The server has sent nothing else: the answer to a PING has the next number.
    async fn end(&mut self) {
        for (who, peer) in &mut self.clients {
            peer.client.write(b"\0\0\0\0\0\0\0\x63\x0d\x02\0\0").await;
            let frames = peer.receive().await;
            assert_eq!(Command(frames[0][8]), Command::PONG, "{who} got more");
        }
    }
}

impl Peer {
    async fn receive(&mut self) -> Vec<BytesMut> {
        let mut frames = vec![self.next().await];
        if Command(frames[0][8]) == Command::METADATA {
            frames.push(self.next().await);
        }
        frames
    }

    async fn next(&mut self) -> BytesMut {
        let frame = self.client.receive_frame("a recorded frame").await;
        self.last += 1;
        assert_eq!(frame[4..8], self.last.to_be_bytes(), "numbers have no gaps");
        frame
    }

    /// Learns the keys if all else is as recorded.
    fn compare(&mut self, recorded: &[&str], frames: &[BytesMut]) -> Result<(), String> {
        let mut known = self.keys.clone();
        if recorded.len() != frames.len() {
            return Err(format!("{frames:x?} instead of {recorded:?}"));
        }
        for (hex, frame) in recorded.iter().zip(frames) {
            let came = as_recorded(frame, hex, &mut known)?;
            if came[NUMBER.end..] != hex[NUMBER.end..] || came[..8] != hex[..8] {
                return Err(format!("{came} instead of {hex}"));
            }
        }
        self.keys = known;
        Ok(())
    }
}

/// The frame with recorded keys and without its clock, if each key stands for one of this server's
/// in the same order.
fn as_recorded(
    frame: &[u8],
    recorded: &str,
    known: &mut BTreeMap<i64, i64>,
) -> Result<String, String> {
    let mut frame = frame.to_vec();
    let mut expected = decoded(&recorded.replace(SERVER, LATE));
    for (key, recorded) in keys(&mut frame).into_iter().zip(keys(&mut expected)) {
        let (real, recorded) = (i64::from_be_bytes(*key), i64::from_be_bytes(*recorded));
        if *known.entry(recorded).or_insert(real) != real {
            return Err(format!("{real} is not the key that stood for {recorded}: {known:?}"));
        }
        *key = recorded.to_be_bytes();
    }
    if !known.values().is_sorted_by(|a, b| a < b) {
        return Err(format!("keys are out of order: {known:?}"));
    }
    let mut hex = HEXLOWER.encode(&frame);
    if let Some(at) = recorded.find(SERVER)
        && hex.len() > at + 8
    {
        hex.replace_range(at..at + 8, SERVER);
    }
    Ok(hex)
}

/// The sync keys in the body of a frame.
fn keys(frame: &mut [u8]) -> Vec<&mut [u8; 8]> {
    let count = match Command(frame[8]) {
        Command::METADATA => 2,
        Command::SYNC
        | Command::SYNC_BEGIN
        | Command::SYNC_END
        | Command::SYNC_NOTIFY
        | Command::SYNC_KEY => 1,
        _ => 0,
    };
    frame[12..].as_chunks_mut().0.iter_mut().take(count).collect()
}

fn decoded(hex: &str) -> Vec<u8> {
    HEXLOWER.decode(hex.as_bytes()).unwrap()
}

/// Where the hex of a frame has its number.
const NUMBER: std::ops::Range<usize> = 8..16;
/// Placeholders of the recordings: the server's clock, and a client's, which the server replaces
/// (H4).
const SERVER: &str = "SSSSSSSS";
const CLIENT: &str = "TTTTTTTT";
/// A client whose clock is wrong.
const LATE: &str = "7fffffff";

struct Line {
    who: &'static str,
    is_from_client: bool,
    hex: &'static str,
}

impl Line {
    /// `number who > hex remark`.
    fn parse(line: &'static str) -> Self {
        let mut words = line.split_whitespace().skip(1);
        let (who, direction) = (words.next().unwrap(), words.next().unwrap());
        assert!([">", "<"].contains(&direction), "{line}");
        Self { who, is_from_client: direction == ">", hex: words.next().unwrap() }
    }

    fn command(&self) -> Command {
        Command(u8::from_str_radix(&self.hex[16..18], 16).unwrap())
    }
}
