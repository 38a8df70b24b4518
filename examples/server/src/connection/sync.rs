//! The answer to a SYNC, page by page (S2, S12).

use kefu_proto::{Closed, MsgId, StoredMessage, SyncAnswer, SyncRequest, SyncRow};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::connection::end::End;
use crate::connection::online::OnlineConnection;
use crate::connection::pages::Pages;

/// A sync that is being answered.
pub(super) struct Syncing {
    answer: SyncAnswer,
    pages: Pages,
}

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> OnlineConnection<'_, R, W> {
    pub(super) async fn begin_sync(&mut self, request: SyncRequest) -> Result<(), End> {
        if self.socket.output.is_lost() {
            return Ok(());
        }
        let kept = if request.wants_kept_key() {
            let (auth, store) = (&self.service.auth, &self.service.store);
            auth.kept_key(store, request.queue()).await.map_err(|_| End::Store)?
        } else {
            MsgId(0)
        };
        let out = &mut self.socket.output.buffer;
        let answer = self.online.begin_sync(request, kept, out).map_err(Closed::from)?;
        self.syncing = Some(Syncing { answer, pages: Pages::default() });
        Ok(())
    }

    /// Reads the next page of the queue, and finishes the answer after the last.
    pub(super) async fn sync_page(&mut self) -> Result<(), End> {
        let Some(mut syncing) = self.syncing.take() else { return Ok(()) };
        if self.socket.output.is_lost() {
            return Ok(());
        }
        let is_last = self.take_page(&mut syncing).await?;
        if is_last {
            return self.finish_sync(syncing.answer).await;
        }
        self.syncing = Some(syncing);
        Ok(())
    }

    /// Returns whether the queue ends here, or the answer is full.
    async fn take_page(&mut self, Syncing { answer, pages }: &mut Syncing) -> Result<bool, End> {
        let Some(after) = answer.after() else { return Ok(true) };
        let limit = pages.next_limit();
        let page = self.service.store.page(answer.queue(), after, limit).await;
        let page = page.map_err(|_| End::Store)?;
        pages.took(&page);
        let is_last = page.len() < limit;
        for row in page {
            self.take_row(answer, row)?;
        }
        Ok(is_last || answer.after().is_none())
    }

    fn take_row(&mut self, answer: &mut SyncAnswer, row: StoredMessage) -> Result<(), End> {
        let (msgid, command) = (row.msgid, row.command);
        let out = &mut self.socket.output.buffer;
        let taken = self.online.sync_row(answer, row, out).map_err(Closed::from)?;
        if let SyncRow::Unreadable(error) = taken {
            self.service.note_unreadable(answer.queue(), msgid, command, error);
        }
        Ok(())
    }

    async fn finish_sync(&mut self, mut answer: SyncAnswer) -> Result<(), End> {
        if answer.wants_newest() {
            let newest = self.service.store.newest(answer.queue()).await;
            answer.set_newest(newest.map_err(|_| End::Store)?);
        }
        let out = &mut self.socket.output.buffer;
        self.online.finish_sync(answer, out).map_err(Closed::from)?;
        Ok(())
    }
}
