//! One frame arrives on one session.

use serde::Deserialize;

use super::effect::{Effect, Meta, SaveResult};
use super::hex::Hex;
use super::mark::Mark;
use super::wire::Verdict;
use super::{Format, command_of};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HandlerCase {
    pub id: String,
    pub kefu_appid: i64,
    pub session: SessionOf,
    pub now: i64,
    pub input: Input,
    pub save_results: Vec<Option<SaveResult>>,
    pub decode: Verdict,
    pub branch: String,
    pub marks: Vec<Mark>,
    pub effects: Vec<Effect>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionOf {
    pub appid: i64,
    pub uid: i64,
    pub device_id: i64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    pub frame_hex: Hex,
}

impl HandlerCase {
    /// The fields tell, where there are effects or answers of a store. Where there are none, what
    /// only one of the versions knows; and the rest reads alike in both.
    pub fn format(&self) -> Format {
        let from_effects = self.effects.first().map(|effect| match effect.meta {
            Meta::Unknown => Format::V1,
            Meta::None | Meta::Keys(_) => Format::V2,
        });
        let from_answers = || {
            self.save_results.iter().flatten().next().map(|answer| match answer {
                SaveResult::Id(_) => Format::V1,
                SaveResult::After(_) => Format::V2,
            })
        };
        from_effects.or_else(from_answers).unwrap_or_else(|| self.format_of_input())
    }

    fn format_of_input(&self) -> Format {
        let of_v1 = [Mark::AckStatus, Mark::LaterCommand];
        let of_v2 = [Mark::DeprecatedCommand, Mark::ServerFlag, Mark::ZeroReceiver];
        let marked = |marks: &[Mark]| self.marks.iter().any(|mark| marks.contains(mark));
        match command_of(&self.input.frame_hex.0) {
            _ if marked(&of_v1) => Format::V1,
            _ if marked(&of_v2) || self.decode == Verdict::Cmd => Format::V2,
            Some(37 | 64) => Format::V2,
            _ => Format::V1,
        }
    }
}
