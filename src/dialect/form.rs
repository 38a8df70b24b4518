//! In which form a connection writes a message (D3).

use bytes::BufMut;

use super::chat::Chat;
use super::choice::Dialect;
use crate::id::{AppId, StoreId};
use crate::message::Form;
use crate::wire::{Command, Encode, Head, Layout, Version, View};

/// How a connection writes a message.
#[derive(Debug)]
pub(crate) enum Written<'m> {
    AsIs,
    /// In the form of the other version.
    Translated(Chat<'m>),
    /// Without the METADATA before it.
    Alone,
    /// Not at all: the dialect has no form for it.
    Not,
}

impl<'m> Written<'m> {
    /// How a connection of this dialect, whose frames have this version, writes the message.
    pub(crate) fn new(
        message: &'m impl Encode,
        dialect: Dialect,
        version: Version,
        kefu_appid: AppId,
    ) -> Self {
        let (head, view, is_pair) = (message.head(), message.view(), message.frames() > 1);
        Self::of(Seen { head, view, is_pair }, dialect, version, kefu_appid)
    }

    fn of(
        Seen { head: Head { command, flags, .. }, view, is_pair }: Seen<'m>,
        dialect: Dialect,
        version: Version,
        kefu_appid: AppId,
    ) -> Self {
        match (command, view) {
            // W3.7
            (Command::ACK, view) if version < Version::V2 && has_status(view) => Self::Not,
            _ if is_pair => Self::pair(command, dialect),
            // D3.5
            (Command::METADATA, _) => Self::Not,
            (_, view) => match Form::of(command) {
                None => Self::AsIs,
                Some(form) => match Chat::of(form, flags, view) {
                    None => Self::Not,
                    Some(chat) => chat
                        .translated(dialect, kefu_appid, StoreId(0))
                        .map_or(Self::AsIs, Self::Translated),
                },
            },
        }
    }

    fn pair(command: Command, dialect: Dialect) -> Self {
        match (dialect, command) {
            // D3.2, D3.3
            (Dialect::V2 | Dialect::AsSent, _) => Self::AsIs,
            // D3.1
            (Dialect::V1, Command::ACK) => Self::Alone,
            (Dialect::V1, _) => Self::Not,
        }
    }
}

/// What of a message decides how it is written.
struct Seen<'m> {
    head: Head,
    view: View<'m>,
    is_pair: bool,
}

fn has_status(view: View<'_>) -> bool {
    match view {
        View::Status(status) => status != 0,
        View::Bytes(body) => body.get(4).is_some_and(|&status| status != 0),
        View::Chat { .. } | View::Opaque => false,
    }
}

/// The second message of a pair.
#[derive(Debug)]
pub(crate) struct Alone<'m, T>(pub(crate) &'m T);

impl<T: Layout> Layout for Alone<'_, T> {
    fn head(&self) -> Head {
        self.0.head()
    }

    fn body_len(&self, version: Version) -> usize {
        self.0.body_len(version)
    }

    fn put_body(&self, version: Version, dst: &mut impl BufMut) {
        self.0.put_body(version, dst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::UnixTime;
    use crate::wire::Flags;

    /// What no message shows, since its command says that it has more.
    #[test]
    fn a_view_that_does_not_fit_shows_neither_a_status_nor_a_chat_message() {
        let chat = View::Chat { ids: [1; 4], timestamp: UnixTime::from(1), content: b"hi" };
        let hi = Chat::of(Form::Customer, Flags::NONE, chat).unwrap();
        for view in [hi.view(), View::Status(1), View::Bytes(&[0; 35])] {
            assert!(Chat::of(Form::Customer, Flags::NONE, view).is_none());
        }
        assert!(Chat::of(Form::Customer, Flags::NONE, View::Bytes(&[0; 36])).is_some());
        for view in [hi.view(), chat, View::Status(0), View::Bytes(&[1; 4])] {
            assert!(!has_status(view));
        }
        for view in [View::Status(-1), View::Bytes(&[0, 0, 0, 0, 1])] {
            assert!(has_status(view));
        }
    }
}
