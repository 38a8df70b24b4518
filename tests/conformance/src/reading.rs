//! What the crate's reader makes of some bytes, and whether that is what the case wants.

use bytes::BytesMut;
use kefu_proto::{Command, DecodeError, Frame, FrameDecoder, FrameLimit, Header, Parsed};
use serde::Serialize;

use crate::case::{Hex, Mark, Verdict};
use crate::difference::Differences;

#[derive(Debug)]
pub(crate) struct Reading {
    pub(crate) verdict: Verdict,
    /// How many bytes the first frame took; 0 while there is no whole frame.
    pub(crate) consumed: usize,
    /// With `Ok` and `Unlisted`.
    pub(crate) parsed: Option<Parsed>,
}

impl Reading {
    pub(crate) fn of(bytes: &[u8], limit: FrameLimit) -> Self {
        let mut stream = BytesMut::from(bytes);
        let parsed = FrameDecoder::new(limit)
            .decode(&mut stream)
            .and_then(|frame| frame.map(Frame::parse).transpose());
        let consumed = bytes.len().saturating_sub(stream.len());
        let (verdict, parsed) = match parsed {
            Ok(None) => (Verdict::Incomplete, None),
            Ok(Some(message @ Parsed::Message(_))) => (Verdict::Ok, Some(message)),
            Ok(Some(frame @ Parsed::Unlisted(_))) => (Verdict::Unlisted, Some(frame)),
            Err(DecodeError::Length { .. }) => (Verdict::Length, None),
            Err(_) => (Verdict::Parse, None),
        };
        Self { verdict, consumed, parsed }
    }

    /// Compares with what was recorded for the same bytes, under the field's name in the case.
    pub(crate) fn check(
        &self,
        field: &str,
        recorded: Verdict,
        marks: &[Mark],
        bytes: &[u8],
        found: &mut Differences,
    ) {
        let marked = marks.contains(&Mark::UnlistedCommand);
        if marked != has_unlisted_command(bytes) {
            let said = |mark| if mark { "unlisted-command" } else { "no unlisted-command" };
            found.note("marks", said(!marked), said(marked));
        }
        // The original knows some unlisted commands and refuses the others if they have a body.
        // Here the length alone decides.
        let expected = match recorded {
            Verdict::Ok | Verdict::Parse if marked => Verdict::Unlisted,
            recorded => recorded,
        };
        found.compare(field, &expected, &self.verdict);
        if let Some(Parsed::Unlisted(frame)) = &self.parsed {
            let came = Untouched::from(frame);
            found.compare("frame", &Untouched::cut(bytes), &Some(came));
        }
    }
}

/// What the mark says: a whole header, and nothing in the table for its command.
fn has_unlisted_command(bytes: &[u8]) -> bool {
    let header = bytes.first_chunk::<{ Header::LEN }>();
    header.is_some_and(|header| Command(header[8]).name().is_none())
}

/// A frame that nobody has looked into.
#[derive(Debug, PartialEq, Serialize)]
struct Untouched {
    seq: i32,
    cmd: u8,
    version: u8,
    flag: u8,
    body_hex: Hex,
}

impl Untouched {
    /// Cuts the frame out of the bytes by itself: the crate's own reader is what is being tested.
    fn cut(bytes: &[u8]) -> Option<Self> {
        let (header, rest) = bytes.split_first_chunk()?;
        let &[l0, l1, l2, l3, s0, s1, s2, s3, cmd, version, flag, _reserved] = header;
        let length = usize::try_from(i32::from_be_bytes([l0, l1, l2, l3])).ok()?;
        let seq = i32::from_be_bytes([s0, s1, s2, s3]);
        Some(Self { seq, cmd, version, flag, body_hex: Hex(rest.get(..length)?.to_vec()) })
    }
}

impl From<&Frame> for Untouched {
    fn from(Frame { seq, command, version, flags, body }: &Frame) -> Self {
        Self {
            seq: seq.0,
            cmd: command.0,
            version: version.0,
            flag: flags.0,
            body_hex: Hex(body.to_vec()),
        }
    }
}
