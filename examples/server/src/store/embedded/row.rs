//! Messages as rows. The bodies of all chat messages begin with four ids and a time (W4, W9), which
//! are columns, so that people can query them. Whose ids they are depends on the command; the
//! columns have the names of those in a CUSTOMER.

use bytes::{BufMut, Bytes, BytesMut};
use kefu_proto::{ChatMessage, Command, Encode};
use rusqlite::types::ValueRef;
use rusqlite::{Error, Result, Row, Statement};

use crate::store::embedded::error::is_conversion;
use crate::store::embedded::parties::Parties;

/// The columns of a message, in the order of [`bind_message`] and [`read_message`].
macro_rules! message_columns {
    () => {
        "command, customer_appid, customer_id, store_id, seller_id, timestamp, content"
    };
}
pub(super) use message_columns;

/// What the index has of a message, and [`read_indexed`] reads.
macro_rules! indexed_columns {
    () => {
        "command, customer_appid, customer_id, store_id, seller_id, seller_appid, content"
    };
}
pub(super) use indexed_columns;

/// Binds the columns of a message from parameter `first` on.
pub(super) fn bind_message(
    statement: &mut Statement<'_>,
    first: usize,
    message: &ChatMessage,
) -> Result<()> {
    let mut body = Vec::with_capacity(message.content().len().saturating_add(FIXED));
    message.encode_body(&mut body).map_err(|error| Error::ToSqlConversionFailure(error.into()))?;
    let Some((ids, timestamp, content)) = split(&body) else {
        let error = format!("the body of {} is too short", message.command());
        return Err(Error::ToSqlConversionFailure(error.into()));
    };
    let numbers = [message.command().0.into()].into_iter().chain(ids).chain([timestamp.into()]);
    for (parameter, number) in (first..).zip(numbers) {
        statement.raw_bind_parameter(parameter, number)?;
    }
    bind_bytes(statement, first.saturating_add(CONTENT), content)
}

/// The fixed fields of a body, and its content.
fn split(mut body: &[u8]) -> Option<([i64; 4], i32, &[u8])> {
    let mut ids = [0; 4];
    for id in &mut ids {
        let (bytes, rest) = body.split_first_chunk()?;
        *id = i64::from_be_bytes(*bytes);
        body = rest;
    }
    let (timestamp, content) = body.split_first_chunk()?;
    Some((ids, i32::from_be_bytes(*timestamp), content))
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
///
/// If a column has a value that no message has, the body is empty: whoever reads it leaves it out,
/// and what lies behind it is reached.
pub(super) fn read_message(
    row: &Row<'_>,
    first: usize,
    page: &mut BytesMut,
) -> Result<(Command, Bytes)> {
    match read_columns(row, first, page) {
        Err(error) if is_conversion(&error) => {
            page.clear();
            Ok((Command::CUSTOMER, Bytes::new()))
        }
        read => read,
    }
}

fn read_columns(row: &Row<'_>, first: usize, page: &mut BytesMut) -> Result<(Command, Bytes)> {
    let column = |offset: usize| first.saturating_add(offset);
    let command = Command(row.get(first)?);
    let content = bytes(row.get_ref(column(CONTENT))?, column(CONTENT))?;
    page.reserve(content.len().saturating_add(FIXED));
    for id in 1..=4 {
        page.put_i64(row.get(column(id))?);
    }
    page.put_i32(row.get(column(5))?);
    page.put_slice(content);
    Ok((command, page.split().freeze()))
}

/// Reads whose queues a message is in, and its content, from column `first` on. `None` if a column
/// has a value that no message has.
pub(super) fn read_indexed<'r>(
    row: &'r Row<'_>,
    first: usize,
) -> Result<Option<(Parties, &'r [u8])>> {
    let column = |offset: usize| first.saturating_add(offset);
    let read = || {
        let ids =
            [row.get(column(1))?, row.get(column(2))?, row.get(column(3))?, row.get(column(4))?];
        Ok(Parties::of_row(Command(row.get(first)?), ids, row.get(column(5))?))
    };
    let parties = match read() {
        Err(error) if is_conversion(&error) => None,
        read => read?,
    };
    let content = row.get_ref(column(CONTENT))?.as_bytes().unwrap_or_default();
    Ok(parties.map(|parties| (parties, content)))
}

fn bytes(value: ValueRef<'_>, column: usize) -> Result<&[u8]> {
    match value {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Ok(bytes),
        other => Err(Error::InvalidColumnType(column, "content".into(), other.data_type())),
    }
}

/// The place of the content among the columns.
const CONTENT: usize = 6;

/// How many bytes of a body the fixed fields are.
const FIXED: usize = 36;
