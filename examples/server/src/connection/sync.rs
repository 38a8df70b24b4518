//! The answer to a SYNC, one page at a time (S2, S12).

use std::sync::Arc;

use futures_util::future::BoxFuture;
use kefu_proto::{
    Closed, MsgId, Online, StoredMessage, SyncAnswer, SyncBounds, SyncRequest, SyncRow,
};

use crate::connection::end::End;
use crate::connection::socket::Socket;
use crate::connection::transport::Transport;
use crate::service::Service;
use crate::store::{Page, PageBounds, QueueReader, StoreError};

/// A sync that waits for the store.
pub(super) struct Syncing {
    /// Whether its SYNC_BEGIN is written: what was sent behind it may be answered (S11.2).
    pub(super) has_begun: bool,
    pub(super) found: BoxFuture<'static, Result<Found, StoreError>>,
}

/// What a sync has waited for.
pub(super) enum Found {
    /// The sync key that the server has kept.
    Kept(SyncRequest, MsgId),
    Page(SyncAnswer, Page, QueueReader),
    /// The newest msgid of the queue.
    Newest(SyncAnswer, MsgId),
}

/// Begins to answer a SYNC.
pub(super) fn begin(request: SyncRequest, service: &Arc<Service>) -> Syncing {
    let service = Arc::clone(service);
    let found = Box::pin(async move {
        let kept = if request.wants_kept_key() {
            service.auth.kept_key(&service.store, request.queue()).await?
        } else {
            MsgId(0)
        };
        Ok(Found::Kept(request, kept))
    });
    Syncing { has_begun: false, found }
}

/// Writes what was found, and asks the store for what comes next; `None` at the end of the answer.
pub(super) fn step<S: Transport>(
    found: Found,
    online: &mut Online,
    socket: &mut Socket<S>,
    service: &Arc<Service>,
) -> Result<Option<Syncing>, End> {
    match found {
        Found::Kept(request, kept) => {
            let answer = socket.write(|out| online.begin_sync(request, kept, out));
            read_on(answer.map_err(Closed::from)?, None, online, socket, service)
        }
        Found::Page(mut answer, Page { rows, is_last }, reader) => {
            socket.write(|out| {
                rows.into_iter().try_for_each(|row| take(row, &mut answer, online, out, service))
            })?;
            if is_last {
                end(answer, online, socket, service)
            } else {
                read_on(answer, Some(reader), online, socket, service)
            }
        }
        Found::Newest(mut answer, newest) => {
            answer.set_newest(newest);
            finish(answer, online, socket)
        }
    }
}

fn take(
    row: StoredMessage,
    answer: &mut SyncAnswer,
    online: &mut Online,
    out: &mut bytes::BytesMut,
    service: &Service,
) -> Result<(), End> {
    let (queue, msgid, command) = (answer.queue(), row.msgid, row.command);
    match online.sync_row(answer, row, out).map_err(Closed::from)? {
        SyncRow::Unreadable(error) => service.note_unreadable(queue, msgid, command, error),
        SyncRow::TooLong { length, .. } => {
            service.note_too_long(queue, msgid, command, length);
        }
        _ => {}
    }
    Ok(())
}

/// Reads the next page, unless the answer is full.
fn read_on<S: Transport>(
    answer: SyncAnswer,
    reader: Option<QueueReader>,
    online: &mut Online,
    socket: &mut Socket<S>,
    service: &Arc<Service>,
) -> Result<Option<Syncing>, End> {
    let Some(after) = answer.after() else { return end(answer, online, socket, service) };
    let mut reader = reader.unwrap_or_else(|| service.store.reader(answer.queue(), after));
    let SyncBounds { rows, bytes } = answer.room();
    // One more tells whether the queue goes on.
    let rows = rows.saturating_add(1).min(PAGE_ROWS);
    let bounds = PageBounds { rows, bytes: bytes.clamp(1, PAGE_BYTES) };
    let has_begun = answer.has_begun();
    let found = Box::pin(async move {
        let page = reader.page(bounds).await?;
        Ok(Found::Page(answer, page, reader))
    });
    Ok(Some(Syncing { has_begun, found }))
}

fn end<S: Transport>(
    answer: SyncAnswer,
    online: &mut Online,
    socket: &mut Socket<S>,
    service: &Arc<Service>,
) -> Result<Option<Syncing>, End> {
    if !answer.wants_newest() {
        return finish(answer, online, socket);
    }
    let (store, has_begun) = (service.store.clone(), answer.has_begun());
    let found = Box::pin(async move {
        let newest = store.newest(answer.queue()).await?;
        Ok(Found::Newest(answer, newest))
    });
    Ok(Some(Syncing { has_begun, found }))
}

fn finish<S: Transport>(
    answer: SyncAnswer,
    online: &mut Online,
    socket: &mut Socket<S>,
) -> Result<Option<Syncing>, End> {
    socket.write(|out| online.finish_sync(answer, out)).map_err(Closed::from)?;
    Ok(None)
}

/// The most rows of one page.
const PAGE_ROWS: usize = 256;
/// The bodies of one page are no longer, but for the last.
const PAGE_BYTES: usize = 64 * 1024;
