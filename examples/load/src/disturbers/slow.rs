//! A reader that stops reading, for a while or for good, while it asks for its queue.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use kefu_proto::{Body, MsgId};
use tokio::time::{sleep, timeout};

use crate::connection::{Connection, ConnectionError};
use crate::run::Run;
use crate::service::{Caller, SLOW};

const BUFFER: usize = 4 * 1024;
/// The least that systems take, so that the server's own buffers fill up soon.
const RECEIVE_BUFFER: u32 = 4 * 1024;
/// Between two SYNCs of one who does not read the answers.
const ASK_EVERY: Duration = Duration::from_millis(100);
const QUIET: Duration = Duration::from_millis(100);
/// How long one reads between two stops, at most.
const READ_FOR: Duration = Duration::from_millis(500);
/// From the first message on; 0 would mean the key that the server keeps (S2.1).
const BEGINNING: MsgId = MsgId(-1);

pub(super) async fn read_slowly_for_ever(run: Arc<Run>, turn: u32) {
    let (role, uid) = run.plan.by_turns(turn);
    let (account, version) = (run.plan.account(role, uid), run.plan.version(role, uid));
    let receive_buffer = Some(RECEIVE_BUFFER);
    let caller = Caller { account, version, device: SLOW, buffer: BUFFER, receive_buffer };
    loop {
        sleep(ASK_EVERY).await;
        let login = caller.log_in(&run.service, run.plan.server_of(role, uid)).await;
        let Ok(mut connection) = login else { continue };
        connection.stop_judging();
        let end = if turn.is_multiple_of(2) {
            stop_for_good(&mut connection, &run).await
        } else {
            stop_again_and_again(&mut connection, &run, turn).await
        };
        let Err(_) = end;
        run.trouble.count(|trouble| trouble.slow.closed_by_server += 1);
    }
}

/// Ends when the server closes the connection.
async fn stop_for_good(
    connection: &mut Connection,
    run: &Run,
) -> Result<Infallible, ConnectionError> {
    run.trouble.count(|trouble| trouble.slow.stopped_for_good += 1);
    loop {
        connection.send(Body::Sync(BEGINNING))?;
        // Once the server reads no more, this waits.
        connection.push().await?;
        sleep(ASK_EVERY).await;
    }
}

async fn stop_again_and_again(
    connection: &mut Connection,
    run: &Run,
    turn: u32,
) -> Result<Infallible, ConnectionError> {
    let stop = Duration::from_millis(1_000 + u64::from(turn % 8) * 125);
    loop {
        connection.send(Body::Sync(BEGINNING))?;
        connection.push().await?;
        run.trouble.count(|trouble| trouble.slow.stopped += 1);
        sleep(stop).await;
        let reading = timeout(READ_FOR, read_all(connection)).await;
        reading.unwrap_or(Ok(()))?;
    }
}

/// Reads until nothing comes for a while.
async fn read_all(connection: &mut Connection) -> Result<(), ConnectionError> {
    while let Ok(exchanged) = timeout(QUIET, connection.exchange()).await {
        exchanged?;
        while connection.take()?.is_some() {}
    }
    Ok(())
}
