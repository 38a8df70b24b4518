//! The conversations of the document, from outside: as they are, and with one thing wrong.

use std::collections::HashMap;

use kefu_proto::checker::{Checker, ConnectionId, Event, ServerId, Terms, Violation};
use kefu_proto::{Account, AppId, Config, UnixTime, UserId};

/// The server's clock in the conversations.
const NOW: i32 = 0x5b2c_7a10;

#[derive(Clone, Debug, PartialEq)]
struct Line {
    number: usize,
    who: String,
    from_client: bool,
    frame: Vec<u8>,
}

#[test]
fn the_conversations_of_the_document_are_right() {
    for lines in conversations() {
        judge(&lines).unwrap();
    }
}

/// The numbers of the frames are made right, so that it is not W7.1 that finds it.
#[test]
fn a_frame_that_is_missing_is_found() {
    let missed = missed(|lines, place| {
        let mut lines = lines.to_vec();
        lines.remove(place);
        vec![renumbered(lines)]
    });
    // A notify may be left out for a newer one, and METADATA where the store does not tell (H14.9).
    assert_eq!(lines(&missed), [vec![12], vec![10, 17, 19, 22, 36]]);
}

#[test]
fn a_frame_that_comes_twice_is_found() {
    let missed = missed(|lines, place| {
        let mut lines = lines.to_vec();
        lines.insert(place, lines[place].clone());
        vec![renumbered(lines)]
    });
    assert_eq!(lines(&missed), [vec![], vec![]]);
}

/// Every byte but those of the length, one after the other.
#[test]
fn a_byte_that_is_wrong_is_found() {
    let missed = missed(|lines, place| {
        let wrong = |byte| {
            let mut lines: Vec<Line> = lines.to_vec();
            lines[place].frame[byte] ^= 0x40;
            lines
        };
        (4..lines[place].frame.len()).map(wrong).collect()
    });
    // In the first: the address in AUTH_STATUS (W3.3), then ids and keys that nothing told before
    // contradicts, and nothing afterwards. In the second the same, the shop of a translation (D2.4)
    // and, as a command of the host's own, what may be missing.
    let expected = [vec![9, 12, 17, 29, 30, 35, 40], vec![10, 17, 19, 20, 22, 25, 26, 36, 38, 41]];
    assert_eq!(lines(&missed), expected);
    assert_eq!(missed.len(), 78);
}

/// Changes each frame of a server in some ways; those that are not found, by conversation and line.
fn missed(change: impl Fn(&[Line], usize) -> Vec<Vec<Line>>) -> Vec<(usize, usize)> {
    let mut missed = Vec::new();
    for (index, lines) in conversations().iter().enumerate() {
        for place in (0..lines.len()).filter(|place| !lines[*place].from_client) {
            let passes = change(lines, place).iter().filter(|lines| judge(lines).is_ok()).count();
            missed.extend(vec![(index, lines[place].number); passes]);
        }
    }
    missed
}

/// The lines of each conversation, once.
fn lines(missed: &[(usize, usize)]) -> [Vec<usize>; 2] {
    [0, 1].map(|index| {
        let mut lines: Vec<usize> =
            missed.iter().filter(|(it, _)| *it == index).map(|(_, line)| *line).collect();
        lines.dedup();
        lines
    })
}

fn conversations() -> Vec<Vec<Line>> {
    let spec = include_str!("../../src/spec.md");
    let conversations = spec.split("The conversation:\n\n```text\n").skip(1);
    conversations.map(|rest| parse(rest.split_once("```").unwrap().0)).collect()
}

fn parse(conversation: &str) -> Vec<Line> {
    let line = |line: &str| {
        let mut words = line.split_whitespace();
        let number = words.next().unwrap().parse().unwrap();
        let who = words.next().unwrap().to_owned();
        let from_client = words.next().unwrap() == ">";
        let hex = words.next().unwrap();
        let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
        let frame = (0..hex.len()).step_by(2).map(byte).collect();
        Line { number, who, from_client, frame }
    };
    conversation.lines().map(line).collect()
}

/// With the numbers that the connections would give the frames.
fn renumbered(mut lines: Vec<Line>) -> Vec<Line> {
    let mut written: HashMap<String, i32> = HashMap::new();
    for line in lines.iter_mut().filter(|line| !line.from_client) {
        let seq = written.entry(line.who.clone()).or_default();
        *seq += 1;
        line.frame[4..8].copy_from_slice(&seq.to_be_bytes());
    }
    lines
}

fn judge(lines: &[Line]) -> Result<(), Violation> {
    let config = Config::new(AppId(1453)).unwrap();
    let mut checker = Checker::new(Terms::new(config));
    for (token, app, user) in [("tok-7-1", 7, 1), ("tok-1453-2", 1453, 2)] {
        checker.add_token(token.as_bytes(), Account::new(AppId(app), UserId(user)));
    }
    checker.observe(Event::Time(UnixTime::from_secs(NOW.into()).unwrap()))?;
    let mut connections = HashMap::new();
    for line in lines {
        let next = ConnectionId(connections.len().try_into().unwrap());
        let connection = *connections.entry(&line.who).or_insert(next);
        if connection == next {
            checker.observe(Event::Opened { connection, server: ServerId(0) })?;
        }
        let bytes = &line.frame;
        checker.observe(if line.from_client {
            Event::Sent { connection, bytes }
        } else {
            Event::Received { connection, bytes }
        })?;
    }
    checker.finish()
}
