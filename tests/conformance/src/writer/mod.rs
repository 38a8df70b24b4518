//! Replays the kinds of writer cases: what a connection puts on the stream.

mod answers;
pub(crate) mod deliver;
mod host;
pub(crate) mod login;
pub(crate) mod queue;
mod simulation;
pub(crate) mod sync;

use crate::case::{Hex, Mark, Routed};
use crate::difference::Differences;
use crate::marks::is_auth_status_v0;
use crate::reference::frame::Frame;

/// What left a whole server: what the router was asked, and what each connection was written.
#[derive(Debug, PartialEq)]
struct Left {
    router: Vec<Routed>,
    frames: Vec<Vec<Hex>>,
}

/// Frame by frame, unless there are more or fewer: then their commands.
fn compare_frames(place: &str, expected: &[Hex], came: &[Hex], found: &mut Differences) {
    if expected.len() != came.len() {
        return found.note(place, commands(expected), commands(came));
    }
    for (index, (expected, came)) in expected.iter().zip(came).enumerate() {
        found.compare(&format!("{place}[{index}]"), expected, came);
    }
}

fn commands(frames: &[Hex]) -> String {
    let command = |frame: &Hex| {
        Frame::cut(&frame.0).map_or("no frame".to_owned(), |frame| frame.cmd.to_string())
    };
    let commands: Vec<_> = frames.iter().map(command).collect();
    format!("{} frames [{}]", commands.len(), commands.join(", "))
}

/// Here an AUTH_STATUS of version 0 has an address behind its status (W3.3), which is not told.
fn with_addresses(frames: &[Hex], found: &mut Differences) -> Vec<Hex> {
    if frames.iter().any(is_auth_status_v0) {
        found.on_purpose(Mark::AuthStatusV0);
    }
    let with_address = |frame: &Hex| match Frame::cut(&frame.0) {
        Some(cut) if is_auth_status_v0(frame) => {
            Frame { body: &[cut.body, &[0; 4]].concat(), ..cut }.write()
        }
        _ => frame.clone(),
    };
    frames.iter().map(with_address).collect()
}
