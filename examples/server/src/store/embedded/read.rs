//! Reading beside the writer: in `SQLite`'s WAL mode neither waits for the other.

use std::num::NonZeroU32;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::BytesMut;
use kefu_proto::{Account, DeviceId, MsgId, StoredMessage};
use rusqlite::Connection;
use tokio::sync::Semaphore;

use crate::store::embedded::error::{OpenError, StoreError};
use crate::store::embedded::lookup::Lookup;
use crate::store::embedded::parties::message_of;
use crate::store::embedded::row::{message_columns, read_message};
use crate::store::embedded::schema;
use crate::store::embedded::status::Status;
use crate::store::page::{Page, PageBounds};

/// A pool of read-only connections. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct ReadPool {
    count: NonZeroU32,
    free: Arc<Semaphore>,
    connections: Arc<Mutex<Vec<Connection>>>,
    status: Arc<Status>,
}

impl ReadPool {
    pub(super) fn open(
        dir: &Path,
        count: NonZeroU32,
        status: Arc<Status>,
    ) -> Result<Self, OpenError> {
        let connections: Vec<Connection> =
            (0..count.get()).map(|_| schema::open_reader(dir)).collect::<Result<_, _>>()?;
        let free = Arc::new(Semaphore::new(connections.len()));
        Ok(Self { count, free, connections: Arc::new(Mutex::new(connections)), status })
    }

    /// Runs `query` on a thread that may block.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let free = Arc::clone(&self.free).acquire_owned().await.map_err(|_| StoreError::Closed)?;
        let (connections, status) = (Arc::clone(&self.connections), Arc::clone(&self.status));
        let reading = tokio::task::spawn_blocking(move || {
            let _free = free;
            let lock = || connections.lock().unwrap_or_else(PoisonError::into_inner);
            // A query that panics loses its connection; the others remain.
            let connection = lock().pop().ok_or(StoreError::Closed)?;
            let answer = query(&connection);
            lock().push(connection);
            match &answer {
                Ok(_) => status.read_succeeded(),
                Err(error) => status.read_failed(error),
            }
            answer.map_err(StoreError::from)
        });
        // The task fails only if the runtime stops, or after a panic.
        reading.await.map_err(|_| StoreError::Closed)?
    }

    /// Waits for running queries and refuses new ones.
    pub(super) async fn close(&self) {
        if self.free.acquire_many(self.count.get()).await.is_ok() {
            self.free.close();
            self.connections.lock().unwrap_or_else(PoisonError::into_inner).clear();
        }
    }
}

/// The messages of a queue with greater msgids than `after`, oldest first.
pub(super) fn page(
    db: &Connection,
    lookup: &Lookup,
    queue: Account,
    mut after: MsgId,
    bounds: PageBounds,
) -> rusqlite::Result<Page> {
    // One more tells whether the queue ends here.
    let limit = bounds.rows.saturating_add(1);
    loop {
        let (page, last) = lookup.after(db, queue, after, limit, |found| {
            Ok((rows(db, found, bounds)?, found.last().copied()))
        })?;
        match last {
            // Somebody has removed all of these messages by hand.
            Some(last) if page.rows.is_empty() => after = last,
            _ => return Ok(page),
        }
    }
}

/// The messages with these msgids, as far as the bounds allow. Some may have been removed.
fn rows(db: &Connection, msgids: &[MsgId], bounds: PageBounds) -> rusqlite::Result<Page> {
    let mut select = db.prepare_cached(concat!(
        "SELECT device_id, ",
        message_columns!(),
        " FROM message WHERE n = ?1"
    ))?;
    // Later buffers, for what does not fit the first, have its capacity, too.
    let mut bodies = BytesMut::with_capacity(msgids.len().saturating_mul(64).min(BUFFER));
    let mut page = Page { rows: Vec::new(), is_last: true };
    let mut bytes = 0;
    for &msgid in msgids {
        if page.rows.len() >= bounds.rows || bytes >= bounds.bytes {
            page.is_last = false;
            break;
        }
        let mut row = select.query([message_of(msgid)])?;
        let Some(row) = row.next()? else { continue };
        let (command, body) = read_message(row, 1, &mut bodies)?;
        bytes = bytes.saturating_add(body.len());
        let device_id = DeviceId(row.get(0)?);
        page.rows.push(StoredMessage { msgid, device_id, command, body });
    }
    Ok(page)
}

/// From how much memory bodies are cut. It is not freed while one of them is in use.
const BUFFER: usize = 8 * 1024;
