//! How many rows of a queue are read at once.

use kefu_proto::{StoredMessage, SyncBounds};

/// What one answer has read so far. The next page is as long as what is missing until the answer is
/// full, if its rows are as long as those before.
#[derive(Debug, Default)]
pub(super) struct Pages {
    rows: usize,
    bytes: usize,
}

impl Pages {
    /// The most rows of the next page.
    pub(super) fn next_limit(&self) -> usize {
        let SyncBounds { rows, bytes } = SyncBounds::default();
        let missing = rows.saturating_sub(self.rows);
        let by_bytes = match self.bytes.checked_div(self.rows) {
            None => FIRST,
            Some(average) => bytes.saturating_sub(self.bytes) / average.max(1),
        };
        // One more tells whether the queue goes on.
        missing.min(by_bytes).min(MOST).saturating_add(1)
    }

    pub(super) fn took(&mut self, page: &[StoredMessage]) {
        self.rows = self.rows.saturating_add(page.len());
        self.bytes = page.iter().map(|row| row.body.len()).fold(self.bytes, usize::saturating_add);
    }
}

/// The rows of the first page: most syncs need no other.
const FIRST: usize = 32;
/// The most rows that are in memory at once.
const MOST: usize = 256;

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use kefu_proto::{Command, DeviceId, MsgId};

    use super::*;

    /// How many rows of this length are read until the answer is full.
    fn read(length: usize) -> usize {
        let row = || StoredMessage {
            msgid: MsgId(1),
            device_id: DeviceId(0),
            command: Command::CUSTOMER_V2,
            body: Bytes::from(vec![0; length]),
        };
        let mut pages = Pages::default();
        let SyncBounds { rows, bytes } = SyncBounds::default();
        while pages.rows <= rows && pages.bytes < bytes {
            let limit = pages.next_limit();
            assert!((1..=MOST + 1).contains(&limit), "{limit}");
            pages.took(&vec![row(); limit]);
        }
        pages.rows
    }

    #[test]
    fn s12_a_full_answer_reads_hardly_more_than_it_takes() {
        // 1,000 rows of 100 bytes, and one more.
        assert_eq!(read(100), 1001);
        // 256 KiB: 27 rows of 10,000 bytes, 8 of 32 KiB. The first page may be longer.
        assert!((27..=33).contains(&read(10_000)), "{}", read(10_000));
        assert_eq!(read(32 * 1024), FIRST + 1);
        // 66 rows of 4,000 bytes.
        assert!((66..=68).contains(&read(4_000)), "{}", read(4_000));
    }
}
