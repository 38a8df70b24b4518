//! The header of a frame, which may come in parts.

use std::io::Cursor;

use tungstenite::protocol::frame::FrameHeader;

use crate::ws::violation::Violation;

/// What has come of a header.
#[derive(Default)]
pub(super) struct PartialHeader {
    bytes: [u8; LONGEST],
    len: usize,
}

/// Two bytes, eight of a length and four of a mask.
const LONGEST: usize = 14;

impl PartialHeader {
    /// Reads on: how many bytes of `wire` are taken, and the header with the length of its payload
    /// once it is complete.
    pub(super) fn read(
        &mut self,
        wire: &[u8],
    ) -> Result<(usize, Option<(FrameHeader, u64)>), Violation> {
        let had = self.len;
        let taken = wire.len().min(LONGEST - had);
        self.bytes[had..had + taken].copy_from_slice(&wire[..taken]);
        let mut cursor = Cursor::new(&self.bytes[..had + taken]);
        // Its only error is that of an unknown opcode.
        let Some(header) = FrameHeader::parse(&mut cursor).map_err(|_| Violation::Reserved)? else {
            self.len = had + taken;
            return Ok((taken, None));
        };
        self.len = 0;
        let end = usize::try_from(cursor.position()).unwrap_or(LONGEST);
        Ok((end.saturating_sub(had), Some(header)))
    }
}
