//! Replays a deliver case: the whole server, some connections and messages between them.

use super::host::Host;
use super::simulation::Simulation;
use super::{Left, compare_frames};
use crate::case::{DeliverCase, Format, Hex, Routed};
use crate::difference::Differences;
use crate::marks;
use crate::reference::Rules;

pub(crate) fn replay(case: &DeliverCase, found: &mut Differences) {
    let Ok(now) = i32::try_from(case.now) else {
        return found.note("now", "32 bits", case.now);
    };
    let came = match Host::run(case) {
        Ok(came) => came,
        Err(error) => return found.note("frames", "answers", error),
    };
    let recorded = Left { router: case.router.clone(), frames: case.frames.clone() };
    let original = Simulation::run(case, now, Rules::Original(Format::V2));
    let ours = Simulation::run(case, now, Rules::Ours);
    if original == ours {
        return compare("", &recorded, &came, found);
    }
    compare("recorded ", &recorded, &original, found);
    compare("", &ours, &came, found);
    for mark in marks::of_deliver(case) {
        found.on_purpose(mark);
    }
}

fn compare(whose: &str, expected: &Left, came: &Left, found: &mut Differences) {
    compare_router(&format!("{whose}router"), &expected.router, &came.router, found);
    let (expected, came) = (&expected.frames, &came.frames);
    if expected.len() != came.len() {
        let count = |frames: &[Vec<Hex>]| format!("{} connections", frames.len());
        return found.note(&format!("{whose}frames"), count(expected), count(came));
    }
    for (index, (expected, came)) in expected.iter().zip(came).enumerate() {
        compare_frames(&format!("{whose}frames[{index}]"), expected, came, found);
    }
}

fn compare_router(place: &str, expected: &[Routed], came: &[Routed], found: &mut Differences) {
    let [expected_ops, came_ops] = [expected, came].map(|routed| {
        routed.iter().map(|routed| routed.op.as_str()).collect::<Vec<_>>().join(", ")
    });
    if expected_ops != came_ops {
        return found.note(place, format!("[{expected_ops}]"), format!("[{came_ops}]"));
    }
    for (index, (expected, came)) in expected.iter().zip(came).enumerate() {
        found.compare(&format!("{place}[{index}]"), expected, came);
    }
}
