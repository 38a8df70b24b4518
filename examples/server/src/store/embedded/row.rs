//! Messages as rows. The fixed fields of a body (W4) are columns, so that people can query them.

use bytes::{Bytes, BytesMut};
use kefu_proto::{AppId, Body, ChatMessage, Command, CustomerMessage, Encode, Message};
use kefu_proto::{StoreId, UnixTime, UserId};
use rusqlite::types::{Type, ValueRef};
use rusqlite::{Error, Result, Row, Statement};

/// The columns of a message, in the order of [`bind_message`] and [`read_message`].
macro_rules! message_columns {
    () => {
        "command, customer_appid, customer_id, store_id, seller_id, timestamp, content"
    };
}
pub(super) use message_columns;

/// Binds the columns of a message from parameter `first` on.
pub(super) fn bind_message(
    statement: &mut Statement<'_>,
    first: usize,
    message: &ChatMessage,
) -> Result<()> {
    let body = body_of(message)?;
    let numbers: [i64; 6] = [
        message.command().0.into(),
        body.customer_appid.0,
        body.customer_id.0,
        body.store_id.0,
        body.seller_id.0,
        body.timestamp.as_secs().into(),
    ];
    for (parameter, number) in (first..).zip(numbers) {
        statement.raw_bind_parameter(parameter, number)?;
    }
    bind_bytes(statement, first.saturating_add(numbers.len()), &body.content)
}

/// The fields of a message's body.
pub(super) fn body_of(message: &ChatMessage) -> Result<CustomerMessage> {
    match Message::from(message.clone()).body {
        Body::Customer(body) | Body::CustomerSupport(body) => Ok(body),
        other => {
            let error = format!("{} is not a chat message", other.command());
            Err(Error::ToSqlConversionFailure(error.into()))
        }
    }
}

/// Binds bytes as text where they are UTF-8, so that people can read them.
pub(super) fn bind_bytes(statement: &mut Statement<'_>, at: usize, bytes: &[u8]) -> Result<()> {
    match str::from_utf8(bytes) {
        Ok(text) => statement.raw_bind_parameter(at, text),
        Err(_) => statement.raw_bind_parameter(at, bytes),
    }
}

/// Reads the columns of a message from column `first` on. The body is cut from `page`, so that one
/// allocation serves many rows.
pub(super) fn read_message(
    row: &Row<'_>,
    first: usize,
    page: &mut BytesMut,
) -> Result<(Command, Bytes)> {
    let column = |offset: usize| first.saturating_add(offset);
    let number = |offset| row.get::<_, i64>(column(offset));
    let body = CustomerMessage {
        customer_appid: AppId(number(1)?),
        customer_id: UserId(number(2)?),
        store_id: StoreId(number(3)?),
        seller_id: UserId(number(4)?),
        timestamp: UnixTime::from(row.get::<_, i32>(column(5))?),
        content: Bytes::copy_from_slice(bytes(row.get_ref(column(6))?, column(6))?),
    };
    let command = Command(row.get(first)?);
    let body = match command {
        Command::CUSTOMER => Body::Customer(body),
        Command::CUSTOMER_SUPPORT => Body::CustomerSupport(body),
        Command(other) => return Err(Error::IntegralValueOutOfRange(first, other.into())),
    };
    Message::from(body)
        .encode_body(page)
        .map_err(|error| Error::FromSqlConversionFailure(column(6), Type::Blob, error.into()))?;
    Ok((command, page.split().freeze()))
}

fn bytes(value: ValueRef<'_>, column: usize) -> Result<&[u8]> {
    match value {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Ok(bytes),
        other => Err(Error::InvalidColumnType(column, "content".into(), other.data_type())),
    }
}
