//! The body that 24, 25 and 64 share, who writes to whom in it, and its translation (W4, W9, D2).

use super::frame::{i32_at, i64_at};

/// An appid and a uid.
pub(crate) type Account = (i64, i64);

#[derive(Clone, Copy, Debug)]
pub(crate) struct Chat<'b> {
    pub(crate) ids: [i64; 4],
    pub(crate) timestamp: i32,
    pub(crate) content: &'b [u8],
}

impl<'b> Chat<'b> {
    pub(crate) const FIXED_LEN: usize = 36;

    /// `None` for a body that is too short.
    pub(crate) fn read(body: &'b [u8]) -> Option<Self> {
        Some(Self {
            ids: [i64_at(body, 0)?, i64_at(body, 8)?, i64_at(body, 16)?, i64_at(body, 24)?],
            timestamp: i32_at(body, 32)?,
            content: body.get(Self::FIXED_LEN..)?,
        })
    }

    pub(crate) fn write(&self) -> Vec<u8> {
        let mut body: Vec<u8> = self.ids.iter().flat_map(|id| id.to_be_bytes()).collect();
        body.extend(self.timestamp.to_be_bytes());
        body.extend(self.content);
        body
    }

    /// Sender and receiver of a message with this command.
    pub(crate) fn parties(&self, cmd: u8, kefu_appid: i64) -> (Account, Account) {
        let [first_appid, first, third, fourth] = self.ids;
        let (customer, seller) = ((first_appid, first), (kefu_appid, fourth));
        match cmd {
            24 => (customer, seller),
            25 => (seller, customer),
            _ => ((first_appid, first), (third, fourth)),
        }
    }

    /// A 24 or 25 as a 64 (D2.1, D2.2).
    pub(crate) fn as_v2(self, cmd: u8, kefu_appid: i64) -> Self {
        let (sender, receiver) = self.parties(cmd, kefu_appid);
        Self { ids: [sender.0, sender.1, receiver.0, receiver.1], ..self }
    }
}
