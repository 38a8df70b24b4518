//! The steps of a script.

use alloc::vec::Vec;
use core::fmt;

use super::cast::Participant;
use super::refused::Refused;
use crate::id::Account;
use crate::wire::Flags;

/// One step; clients are named by their place in the cast.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Client {
        who: usize,
        does: Act,
    },
    /// A save fails, after so many more have succeeded.
    FailSave {
        after: u32,
    },
    /// All clients come back and catch up.
    CatchUp,
}

/// What a client does.
#[derive(Clone, Debug)]
pub(super) enum Act {
    /// It logs in, on a new connection if it has none, and asks for its queue. Then it says again
    /// what is in flight.
    Come,
    /// On a new connection it tries a token that nobody has, and asks and says something
    /// nevertheless.
    FailLogin(Said),
    /// It is logged in, and logs in again.
    LogInAgain,
    Say(Vec<Said>),
    SayRefused(Refused, Said),
    /// It says again what is in flight, or else this, which it has said last.
    Repeat(Said),
    Sync,
    /// It asks from the key that the server has kept.
    SyncKept,
    /// It has the server keep a key that it has passed, or 0.
    KeepOlderKey,
    /// It says something and leaves without reading any more.
    Leave(Vec<Said>),
}

/// A message of a script.
#[derive(Clone, Copy, Debug)]
pub(super) struct Said {
    pub(super) to: Account,
    pub(super) flags: Flags,
    /// What it says follows from it.
    pub(super) number: u32,
}

impl Step {
    /// How many messages it says, or more than that: an upper bound.
    pub(super) fn messages(&self) -> usize {
        match self {
            Self::Client { does: Act::Say(said) | Act::Leave(said), .. } => said.len(),
            _ => 1,
        }
    }

    /// Shows it with the names of those who take part.
    pub(super) const fn named<'s>(&'s self, cast: &'s [Participant]) -> impl fmt::Display + 's {
        Named { step: self, cast }
    }
}

struct Named<'s> {
    step: &'s Step,
    cast: &'s [Participant],
}

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.step {
            Step::Client { who, does } => write!(f, "{} {does}", self.cast[*who]),
            Step::FailSave { after: 0 } => f.write_str("the next save fails"),
            Step::FailSave { after } => write!(f, "a save fails after {after} more"),
            Step::CatchUp => f.write_str("all come back and catch up"),
        }
    }
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Come => f.write_str("comes"),
            Self::FailLogin(said) => write!(f, "tries a token of nobody, and says {said}"),
            Self::LogInAgain => f.write_str("logs in once more"),
            Self::Say(said) => write!(f, "says {}", List(said)),
            Self::SayRefused(refused, said) => {
                write!(f, "says what {} refuses: {said}", refused.rule())
            }
            Self::Repeat(said) => write!(f, "repeats what is in flight, or {said}"),
            Self::Sync => f.write_str("syncs"),
            Self::SyncKept => f.write_str("syncs from 0"),
            Self::KeepOlderKey => f.write_str("tells the server to keep an older key"),
            Self::Leave(said) if said.is_empty() => f.write_str("leaves"),
            Self::Leave(said) => write!(f, "says {} and leaves at once", List(said)),
        }
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { to, flags: Flags(flags), number } = self;
        match flags {
            0 => write!(f, "message {number} to {to}"),
            flags => write!(f, "message {number} to {to} with flags {flags:#04x}"),
        }
    }
}

struct List<'s>(&'s [Said]);

impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().enumerate().try_for_each(|(index, said)| {
            f.write_str(if index == 0 { "" } else { ", " }).and_then(|()| said.fmt(f))
        })
    }
}
