//! A chat message in any form, and its translation (D2).

use bytes::BufMut;

use super::choice::Dialect;
use crate::id::{Account, AppId, Seq, StoreId, UnixTime, UserId};
use crate::message::{ChatBody, Form, chat};
use crate::wire::{DecodeError, Flags, Head, Layout, Version, View};

/// A chat message as a connection writes it: borrowed, so that a translation copies no content.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chat<'m> {
    form: Form,
    flags: Flags,
    ids: [i64; 4],
    timestamp: UnixTime,
    content: &'m [u8],
}

impl<'m> Chat<'m> {
    /// A chat message of this form, as far as it can be seen; `None` for a body that is too short.
    pub(super) fn of(form: Form, flags: Flags, view: View<'m>) -> Option<Self> {
        match view {
            View::Chat { ids, timestamp, content } => {
                Some(Self { form, flags, ids, timestamp, content })
            }
            View::Bytes(body) => Self::read(form, flags, body).ok(),
            View::Status(_) | View::Opaque => None,
        }
    }

    /// A message of this form with this body.
    pub(crate) fn read(form: Form, flags: Flags, body: &'m [u8]) -> Result<Self, DecodeError> {
        let (ids, timestamp) = ChatBody::read_fixed(form.command(), body)?;
        let content = body.get(ChatBody::FIXED_LEN..).unwrap_or_default();
        Ok(Self { form, flags, ids, timestamp, content })
    }

    /// Who has sent it.
    pub(crate) const fn sender(&self, kefu_appid: AppId) -> Account {
        let [first_appid, first, _, last] = self.ids;
        match self.form {
            Form::Customer | Form::CustomerV2 => Account::new(AppId(first_appid), UserId(first)),
            Form::CustomerSupport => Account::new(kefu_appid, UserId(last)),
        }
    }

    pub(crate) const fn form(&self) -> Form {
        self.form
    }

    pub(crate) const fn with_flags(self, flags: Flags) -> Self {
        Self { flags, ..self }
    }

    /// The message in a form that the dialect knows; `None` if it is in one already. Time and
    /// content stay (D2.5).
    pub(crate) fn translated(
        self,
        dialect: Dialect,
        kefu_appid: AppId,
        store_id: StoreId,
    ) -> Option<Self> {
        let (form, ids) = match (dialect, self.form) {
            (Dialect::V1, Form::CustomerV2) => self.to_v1(kefu_appid, store_id),
            (Dialect::V2, Form::Customer | Form::CustomerSupport) => self.to_v2(kefu_appid),
            _ => return None,
        };
        // D3.4: these would mean something else to the client.
        let flags = self.flags.without(Flags::OF_SERVERS);
        Some(Self { form, flags, ids, ..self })
    }

    fn to_v2(self, kefu_appid: AppId) -> (Form, [i64; 4]) {
        let [customer_appid, customer_id, _, seller_id] = self.ids;
        let (customer, seller) = ([customer_appid, customer_id], [kefu_appid.0, seller_id]);
        let (sender, receiver) = match self.form {
            // D2.2
            Form::CustomerSupport => (seller, customer),
            // D2.1
            Form::Customer | Form::CustomerV2 => (customer, seller),
        };
        (Form::CustomerV2, [sender[0], sender[1], receiver[0], receiver[1]])
    }

    fn to_v1(self, kefu_appid: AppId, StoreId(store_id): StoreId) -> (Form, [i64; 4]) {
        let [sender_appid, sender, receiver_appid, receiver] = self.ids;
        // D2.3, D2.4
        if sender_appid == kefu_appid.0 {
            (Form::CustomerSupport, [receiver_appid, receiver, store_id, sender])
        } else {
            (Form::Customer, [sender_appid, sender, store_id, receiver])
        }
    }
}

/// The connection numbers it.
impl Layout for Chat<'_> {
    fn head(&self) -> Head {
        let (seq, version) = (Seq(0), Version(0));
        Head { seq, command: self.form.command(), version, flags: self.flags }
    }

    fn body_len(&self, _: Version) -> usize {
        ChatBody::FIXED_LEN.saturating_add(self.content.len())
    }

    fn put_body(&self, _: Version, dst: &mut impl BufMut) {
        chat::put(self.ids, self.timestamp, self.content, dst);
    }
}
