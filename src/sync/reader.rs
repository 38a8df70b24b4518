//! Who a queue is read for, and what becomes of its rows (S2, D4).

use bytes::BufMut;

use super::row::SyncRow;
use super::stored::StoredMessage;
use crate::dialect::{Chat, Dialect};
use crate::id::{AppId, Seq, StoreId};
use crate::identity::Identity;
use crate::message::Form;
use crate::wire::{Command, Flags, Head, Layout, Version};

/// The device that a queue is read for, and its dialect.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader {
    pub(crate) identity: Identity,
    pub(crate) kefu_appid: AppId,
    pub(crate) dialect: Dialect,
}

/// What a reader gets of a row.
pub(crate) struct RowView<'r> {
    pub(crate) message: Option<RowMessage<'r>>,
    pub(crate) row: SyncRow,
}

impl Reader {
    /// `store_id` is for a CUSTOMER_V2 that is translated (D2.4).
    pub(super) fn view(self, row: &StoredMessage, store_id: StoreId) -> RowView<'_> {
        let Some(form) = Form::of(row.command) else {
            // D4.7. A METADATA belongs to a message and to no row.
            return match row.command {
                Command::METADATA => RowView { message: None, row: SyncRow::LeftOut },
                _ => RowView::of(RowMessage::Stored(row)),
            };
        };
        // S6.1: flags are not stored.
        match Chat::read(form, Flags::NONE, &row.body) {
            Ok(chat) => self.view_chat(row, chat, store_id),
            // D4.8
            Err(error) => RowView { message: None, row: SyncRow::Unreadable(error) },
        }
    }

    fn view_chat<'r>(
        self,
        row: &'r StoredMessage,
        chat: Chat<'r>,
        store_id: StoreId,
    ) -> RowView<'r> {
        let Self { identity, kefu_appid, dialect } = self;
        // S2.5, S2.6, S2.8: 0 is a device, too.
        let is_own =
            chat.sender(kefu_appid) == identity.account() && row.device_id == identity.device_id();
        let chat = chat.translated(dialect, kefu_appid, store_id).unwrap_or(chat);
        // What it is now decides (D4.1, D4.2, D4.4).
        match (chat.form(), is_own) {
            (Form::Customer | Form::CustomerSupport, true) => {
                RowView { message: None, row: SyncRow::LeftOut }
            }
            (Form::CustomerV2, true) => RowView::of(RowMessage::Chat(chat.with_flags(Flags::SELF))),
            (_, false) => RowView::of(RowMessage::Chat(chat)),
        }
    }
}

impl<'r> RowView<'r> {
    const fn of(message: RowMessage<'r>) -> Self {
        Self { message: Some(message), row: SyncRow::Taken }
    }
}

/// A row as it is written.
pub(crate) enum RowMessage<'r> {
    Chat(Chat<'r>),
    Stored(&'r StoredMessage),
}

/// The connection numbers it (S6.1).
impl Layout for RowMessage<'_> {
    fn head(&self) -> Head {
        let (seq, version, flags) = (Seq(0), Version(0), Flags::NONE);
        match self {
            Self::Chat(chat) => chat.head(),
            Self::Stored(row) => Head { seq, command: row.command, version, flags },
        }
    }

    fn body_len(&self, version: Version) -> usize {
        match self {
            Self::Chat(chat) => chat.body_len(version),
            Self::Stored(row) => row.body.len(),
        }
    }

    fn put_body(&self, version: Version, dst: &mut impl BufMut) {
        match self {
            Self::Chat(chat) => chat.put_body(version, dst),
            Self::Stored(row) => dst.put_slice(&row.body),
        }
    }
}
