//! The push outbox, drained by a sink. This one logs: put your push service here.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use crate::server::Shared;
use crate::store::PushEntry;

/// Hands every entry to the sink, oldest first, and takes it out of the outbox once the sink has it; until the server stops.
pub async fn drain(shared: Arc<Shared>) {
    let sink = async {
        loop {
            match shared.store.pushes(BATCH).await {
                Ok(entries) if entries.is_empty() => shared.store.push_arrived().await,
                Ok(entries) => {
                    entries.iter().for_each(log);
                    let ids = entries.iter().map(|entry| entry.id).collect();
                    // An error means that they come again: a push service is told twice rather than never.
                    if shared.store.pushed(ids).await.is_err() {
                        sleep(PAUSE).await;
                    }
                }
                Err(_) => sleep(PAUSE).await,
            }
        }
    };
    shared.stopping.run_until_cancelled(sink).await;
}

/// The default sink.
fn log(entry: &PushEntry) {
    tracing::info!(to = %entry.to, command = %entry.command, "push");
}

const BATCH: usize = 256;
/// Before a store that failed is asked again.
const PAUSE: Duration = Duration::from_millis(500);
