//! The conversations of the document, from outside: as they are, and with one thing wrong.

use std::collections::{BTreeMap, HashMap};

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

/// W7.1: only that a frame is missing is not to be found by its number.
#[test]
fn a_frame_that_is_missing_is_found() {
    let mut found = BTreeMap::new();
    for (index, lines) in conversations().iter().enumerate() {
        for line in lines.iter().filter(|line| !line.from_client) {
            let left: Vec<Line> = lines.iter().filter(|it| *it != line).cloned().collect();
            let rule = judge(&renumbered(left)).err().map_or("-", |it| it.rule());
            found.insert((index, line.number), rule);
        }
    }
    println!("{found:?}");
}

#[test]
fn a_frame_that_comes_twice_is_found() {
    let mut found = BTreeMap::new();
    for (index, lines) in conversations().iter().enumerate() {
        for (place, line) in lines.iter().enumerate().filter(|(_, line)| !line.from_client) {
            let mut twice = lines.clone();
            twice.insert(place, line.clone());
            let rule = judge(&renumbered(twice)).err().map_or("-", |it| it.rule());
            found.insert((index, line.number), rule);
        }
    }
    println!("{found:?}");
}

#[test]
fn a_byte_that_is_wrong_is_found() {
    let mut missed = Vec::new();
    for (index, lines) in conversations().iter().enumerate() {
        for place in (0..lines.len()).filter(|place| !lines[*place].from_client) {
            for byte in 4..lines[place].frame.len() {
                let mut wrong = lines.clone();
                wrong[place].frame[byte] ^= 0x40;
                if judge(&wrong).is_ok() {
                    missed.push((index, lines[place].number, byte));
                }
            }
        }
    }
    println!("{missed:?}");
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
