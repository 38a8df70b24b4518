//! The answer to a SYNC, page by page (S2, S12).

use bytes::BytesMut;
use kefu_proto::{Closed, MsgId, Online, StoredMessage, SyncAnswer, SyncRequest, SyncRow};

use crate::connection::end::End;
use crate::connection::pages::Pages;
use crate::service::Service;
use crate::store::{Page, PageBounds};

/// A sync that is being answered.
pub(super) struct Syncing {
    answer: SyncAnswer,
    pages: Pages,
}

impl Syncing {
    pub(super) async fn begin(
        request: SyncRequest,
        online: &mut Online,
        service: &Service,
        out: &mut BytesMut,
    ) -> Result<Self, End> {
        let kept = if request.wants_kept_key() {
            let kept = service.auth.kept_key(&service.store, request.queue()).await;
            kept.map_err(|_| End::Store)?
        } else {
            MsgId(0)
        };
        let answer = online.begin_sync(request, kept, out).map_err(Closed::from)?;
        Ok(Self { answer, pages: Pages::default() })
    }

    /// Reads the next page of the queue. After the last it finishes the answer: `None`.
    pub(super) async fn continued(
        mut self,
        online: &mut Online,
        service: &Service,
        out: &mut BytesMut,
    ) -> Result<Option<Self>, End> {
        if self.take_page(online, service, out).await? {
            return Ok(Some(self));
        }
        let Self { mut answer, .. } = self;
        if answer.wants_newest() {
            let newest = service.store.newest(answer.queue()).await;
            answer.set_newest(newest.map_err(|_| End::Store)?);
        }
        online.finish_sync(answer, out).map_err(Closed::from)?;
        Ok(None)
    }

    /// Whether there may be another page.
    async fn take_page(
        &mut self,
        online: &mut Online,
        service: &Service,
        out: &mut BytesMut,
    ) -> Result<bool, End> {
        let Some(after) = self.answer.after() else { return Ok(false) };
        let bounds = PageBounds { rows: self.pages.next_limit(), bytes: PAGE_BYTES };
        let page = service.store.page(self.answer.queue(), after, bounds).await;
        let Page { rows, is_last } = page.map_err(|_| End::Store)?;
        self.pages.took(&rows);
        for row in rows {
            self.take_row(row, online, service, out)?;
        }
        Ok(!is_last)
    }

    fn take_row(
        &mut self,
        row: StoredMessage,
        online: &mut Online,
        service: &Service,
        out: &mut BytesMut,
    ) -> Result<(), End> {
        let (msgid, command) = (row.msgid, row.command);
        let taken = online.sync_row(&mut self.answer, row, out).map_err(Closed::from)?;
        if let SyncRow::Unreadable(error) = taken {
            service.note_unreadable(self.answer.queue(), msgid, command, error);
        }
        Ok(())
    }
}

/// The bodies of one page are no longer, but for the last.
const PAGE_BYTES: usize = 64 * 1024;
