//! Planted faults in what has been written: the frames of a connection are changed, left out or put
//! in another order, and numbered anew.

use std::collections::HashMap;

use kefu_proto::Command;

use super::Plant;
use crate::wire::{
    ACK, AUTH_STATUS, CUSTOMER, CUSTOMER_V2, HEADER, Head, METADATA, OF_SERVERS, PUSH, SELF,
    SYNC_END, SYNC_NOTIFY,
};

#[derive(Default)]
pub(super) struct Tampering {
    lines: HashMap<usize, Line>,
}

#[derive(Default)]
struct Line {
    written: i32,
    version: u8,
    /// A frame that goes out behind the next one.
    held: Option<Vec<u8>>,
}

/// Whether a message is written that its connection has no form for.
pub(super) fn insists(plant: Plant, command: Command) -> bool {
    matches!(
        (plant, command),
        (Plant::CopyToV1, Command::CUSTOMER_V2) | (Plant::NotifyBehind, Command::SYNC_NOTIFY)
    )
}

impl Tampering {
    /// Changes what is about to go out on a connection.
    pub(super) fn tamper(&mut self, plant: Plant, link: usize, out: &mut Vec<u8>) {
        // This one is about numbers.
        if plant == Plant::OwnNumbers {
            return;
        }
        let line = self.lines.entry(link).or_default();
        let mut frames = Vec::new();
        let mut before = 0;
        for mut frame in cut(out) {
            let command = frame[8];
            if command == AUTH_STATUS {
                line.version = frame[9];
            }
            frame[9] = line.version;
            let behind = std::mem::replace(&mut before, command);
            if plant == Plant::SeparatePairs && behind == METADATA {
                line.held = Some(frame);
            } else if keeps(plant, behind, command) {
                change(plant, behind, &mut frame);
                frames.push(frame);
                frames.extend(line.held.take().filter(|_| command != METADATA));
            }
        }
        out.clear();
        for mut frame in frames {
            line.written += 1;
            frame[4..8].copy_from_slice(&line.written.to_be_bytes());
            out.extend(frame);
        }
    }
}

fn cut(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    while let Some((_, end)) = Head::read(bytes) {
        let (frame, rest) = bytes.split_at(end);
        frames.push(frame.to_vec());
        bytes = rest;
    }
    frames
}

/// Whether a frame goes out, behind another.
fn keeps(plant: Plant, behind: u8, command: u8) -> bool {
    match plant {
        Plant::DropMetadata => command != METADATA,
        Plant::DropMessage => behind != METADATA,
        Plant::StopHalfway => (behind, command) != (SYNC_END, SYNC_NOTIFY),
        _ => true,
    }
}

fn change(plant: Plant, behind: u8, frame: &mut [u8]) {
    let (command, version, flags, body) = (frame[8], frame[9], frame[10], HEADER);
    match plant {
        Plant::HideSelf if command == CUSTOMER_V2 => frame[10] &= !SELF,
        Plant::KeepServerFlags if behind == METADATA && command == CUSTOMER_V2 => {
            frame[10] |= OF_SERVERS;
        }
        Plant::AckStatus if command == ACK && frame.len() > body + 4 => frame[body + 4] = 3,
        Plant::TranslateNothing if (command, version, flags & PUSH) == (CUSTOMER_V2, 2, 0) => {
            frame[8] = CUSTOMER;
        }
        _ => {}
    }
}
