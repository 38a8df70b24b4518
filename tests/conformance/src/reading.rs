//! What the crate's reader makes of some bytes, and whether that is what the case wants.

use bytes::BytesMut;
use kefu_proto::{DecodeError, Encode, Frame, FrameDecoder, FrameLimit, Parsed};

use crate::case::{Body, Format, Hex, Mark, Verdict};
use crate::difference::Differences;
use crate::fields::decoded;
use crate::ignored;
use crate::reference::frame::Head;
use crate::reference::read::{Read, Stream, is_of_clients};
use crate::reference::{LISTED, Rules};

#[derive(Debug)]
pub(crate) struct Reading {
    pub(crate) read: Read,
    /// With `Ok` and `Unlisted`.
    pub(crate) parsed: Option<Parsed>,
}

impl Reading {
    pub(crate) fn of(stream: &Stream<'_>) -> Self {
        let mut bytes = BytesMut::from(stream.bytes);
        let parsed = FrameDecoder::new(FrameLimit::new(stream.limit))
            .decode(&mut bytes)
            .and_then(|frame| frame.map(Frame::parse).transpose());
        let verdict = match &parsed {
            Ok(None) => Verdict::Incomplete,
            Ok(Some(Parsed::Message(_))) => Verdict::Ok,
            Ok(Some(Parsed::Unlisted(_))) => Verdict::Unlisted,
            Err(DecodeError::Length { .. }) => Verdict::Length,
            Err(_) => Verdict::Parse,
        };
        let parsed = parsed.ok().flatten();
        let consumed = parsed.as_ref().map(|_| stream.bytes.len().saturating_sub(bytes.len()));
        let decoded = parsed.as_ref().map(|parsed| decoded(parsed, stream.format));
        let reencoded_hex = parsed.as_ref().and_then(written);
        Self { read: Read { verdict, consumed, decoded, reencoded_hex }, parsed }
    }

    /// Compares with what was recorded, under the name that the verdict has in the case. Where the
    /// original reads differently, both are compared with what the rules say.
    pub(crate) fn check(
        &self,
        field: &str,
        stream: &Stream<'_>,
        recorded: &Recorded,
        found: &mut Differences,
    ) {
        let Some((mark, original)) = on_purpose(stream, recorded) else {
            return recorded.compare("", field, &self.read, found);
        };
        let ours = stream.read(Rules::Ours);
        recorded.compare("recorded ", field, &original, found);
        Recorded::Whole(ours.clone()).compare("", field, &self.read, found);
        if original != ours {
            found.on_purpose(mark);
        }
        if original.verdict == Verdict::Cmd && self.parsed.is_some() {
            ignored::check(stream.bytes, found);
        }
    }
}

/// A frame that was read can be written.
fn written(parsed: &Parsed) -> Option<Hex> {
    let mut bytes = Vec::new();
    parsed.encode_within(FrameLimit::MAX, &mut bytes).ok()?;
    Some(Hex(bytes))
}

/// As much of a reading as a case records.
pub(crate) enum Recorded {
    Verdict(Verdict),
    Whole(Read),
}

impl Recorded {
    fn verdict(&self) -> Verdict {
        match self {
            Self::Verdict(verdict) | Self::Whole(Read { verdict, .. }) => *verdict,
        }
    }

    fn compare(&self, whose: &str, field: &str, other: &Read, found: &mut Differences) {
        found.compare(&format!("{whose}{field}"), &self.verdict(), &other.verdict);
        let Self::Whole(this) = self else { return };
        if this.verdict != other.verdict {
            return;
        }
        found.compare(&format!("{whose}consumed"), &this.consumed, &other.consumed);
        found.compare(&format!("{whose}decoded"), &this.decoded, &other.decoded);
        found.compare(&format!("{whose}reencoded_hex"), &this.reencoded_hex, &other.reencoded_hex);
    }
}

/// What the original reads, if that may differ from what is read here, and why.
fn on_purpose(stream: &Stream<'_>, recorded: &Recorded) -> Option<(Mark, Read)> {
    let Head { frame, .. } = Head::cut(stream.bytes)?;
    let (cmd, version) = (frame.cmd, frame.version);
    let by_its_rules = |mark| Some((mark, stream.read(Rules::Original(stream.format))));
    match stream.format {
        _ if !LISTED.contains(&cmd) => Some((Mark::UnlistedCommand, unlisted(stream, recorded))),
        Format::V1 if matches!(cmd, 37 | 64) => by_its_rules(Mark::LaterCommand),
        Format::V1 if cmd == 5 && version > 1 => by_its_rules(Mark::AckStatus),
        Format::V2 if stream.external && !is_of_clients(cmd) => by_its_rules(Mark::ErrorCmd),
        Format::V2 if matches!(cmd, 24 | 25) => by_its_rules(Mark::DeprecatedCommand),
        Format::V2 if cmd == 3 && version == 0 => by_its_rules(Mark::AuthStatusV0),
        Format::V1 | Format::V2 => None,
    }
}

/// The original knows some unlisted commands and refuses the others, or those with a body: which,
/// is not looked at. Of a frame that it takes, the header is.
fn unlisted(stream: &Stream<'_>, recorded: &Recorded) -> Read {
    let by_rules = stream.read(Rules::Original(stream.format));
    match (by_rules.verdict, recorded.verdict()) {
        (Verdict::Unlisted, Verdict::Parse) => Read::failed(Verdict::Parse),
        (Verdict::Unlisted, Verdict::Ok) => taken(by_rules, recorded),
        _ => by_rules,
    }
}

fn taken(by_rules: Read, recorded: &Recorded) -> Read {
    let mut original = Read { verdict: Verdict::Ok, ..by_rules };
    let Recorded::Whole(recorded) = recorded else { return original };
    let body = recorded.decoded.as_ref().and_then(|decoded| decoded.body.clone());
    if let (Some(Body::Other { .. }), Some(decoded)) = (&body, &mut original.decoded) {
        decoded.body = body;
        original.reencoded_hex.clone_from(&recorded.reencoded_hex);
    }
    original
}
