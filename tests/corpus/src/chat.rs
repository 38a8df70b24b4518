//! A chat message in any form, and in which form a dialect gets it, written without the crate (D2).

use kefu_proto::{Account, AppId, Dialect, UserId};

pub(crate) const KEFU_APP: AppId = AppId(1453);
pub(crate) const CUSTOMER: Account = Account::new(AppId(7), UserId(1));
pub(crate) const SELLER: Account = Account::new(KEFU_APP, UserId(2));

/// What stays the same in every form.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Said<'b> {
    pub(crate) sender: Account,
    pub(crate) receiver: Account,
    pub(crate) time_and_content: &'b [u8],
}

impl<'b> Said<'b> {
    /// `None` for a body that is too short.
    pub(crate) fn read(command: u8, body: &'b [u8]) -> Option<Self> {
        let (ids, time_and_content) = body.split_first_chunk::<32>()?;
        if time_and_content.len() < 4 {
            return None;
        }
        let id = |at: usize| i64::from_be_bytes(*ids[at..].first_chunk().unwrap());
        let account = |at| Account::new(AppId(id(at)), UserId(id(at + 8)));
        let seller = Account::new(KEFU_APP, UserId(id(24)));
        let (sender, receiver) = match command {
            24 => (account(0), seller),
            25 => (seller, account(0)),
            64 => (account(0), account(16)),
            _ => panic!("command {command} is no chat message"),
        };
        Some(Self { sender, receiver, time_and_content })
    }

    fn bytes(&self, ids: [i64; 4]) -> Vec<u8> {
        [&ids.map(i64::to_be_bytes).concat()[..], self.time_and_content].concat()
    }
}

/// The command and body that a dialect gets; `None` for a body that is too short.
pub(crate) fn in_dialect(
    dialect: Dialect,
    command: u8,
    body: &[u8],
    store_id: i64,
) -> Option<(u8, Vec<u8>)> {
    let said = Said::read(command, body)?;
    let Said { sender, receiver, .. } = said;
    Some(match (dialect, command) {
        (Dialect::V2, 24 | 25) => {
            (64, said.bytes([sender.appid.0, sender.uid.0, receiver.appid.0, receiver.uid.0]))
        }
        (Dialect::V1, 64) if sender.appid == KEFU_APP => {
            (25, said.bytes([receiver.appid.0, receiver.uid.0, store_id, sender.uid.0]))
        }
        (Dialect::V1, 64) => {
            (24, said.bytes([sender.appid.0, sender.uid.0, store_id, receiver.uid.0]))
        }
        _ => (command, body.to_vec()),
    })
}
