//! The last frames of a client, for whoever looks for a fault.

use alloc::collections::VecDeque;
use core::fmt;

use crate::id::Seq;
use crate::wire::Command;

/// So many frames are remembered.
const FRAMES: usize = 12;

/// The last frames but PINGs and PONGs, oldest first: commands and numbers, never what they say.
#[derive(Clone, Debug, Default)]
pub(super) struct Trace(VecDeque<Entry>);

#[derive(Clone, Copy, Debug)]
enum Entry {
    Sent(Command, Seq),
    Read(Command, Seq),
    Disconnected,
}

impl Trace {
    pub(super) fn sent(&mut self, command: Command, seq: Seq) {
        if command != Command::PING {
            self.push(Entry::Sent(command, seq));
        }
    }

    pub(super) fn read(&mut self, command: Command, seq: Seq) {
        if command != Command::PONG {
            self.push(Entry::Read(command, seq));
        }
    }

    pub(super) fn disconnected(&mut self) {
        self.push(Entry::Disconnected);
    }

    fn push(&mut self, entry: Entry) {
        if self.0.len() == FRAMES {
            self.0.pop_front();
        }
        self.0.push_back(entry);
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|entry| match entry {
            Entry::Sent(command, seq) => write!(f, " >{command} {seq}"),
            Entry::Read(command, seq) => write!(f, " <{command} {seq}"),
            Entry::Disconnected => f.write_str(" |"),
        })
    }
}
