//! A visitor logs in to somebody's account from a device of its own, syncs, and leaves.

use std::sync::Arc;

use kefu_proto::MsgId;
use tokio::time::sleep;

use crate::connection::{Connection, ConnectionError};
use crate::leaving::leave;
use crate::run::Run;
use crate::service::{Caller, VISITING};

const BUFFER: usize = 4 * 1024;

pub(super) async fn visit_for_ever(run: Arc<Run>, turn: u32) {
    let (role, uid) = run.plan.by_turns(turn);
    let (account, version) = (run.plan.account(role, uid), run.plan.version(role, uid));
    let caller =
        Caller { account, version, device: VISITING, buffer: BUFFER, receive_buffer: None };
    let server = run.plan.server_of(role, uid);
    let mut key = MsgId(0);
    for visit in u64::from(turn).. {
        sleep(run.plan.stay(visit)).await;
        // While a server restarts, nobody visits it.
        let Ok(mut connection) = caller.log_in(&run.service, server).await else { continue };
        if let Ok(end) = sync(&mut connection, key, &run).await {
            key = end;
            run.trouble.count(|trouble| trouble.churn.visits += 1);
            leave(connection, &run, drop).await;
        }
    }
}

/// One part of an answer: a queue may grow faster than a visitor reads it.
async fn sync(
    connection: &mut Connection,
    key: MsgId,
    run: &Run,
) -> Result<MsgId, ConnectionError> {
    let (end, _) = connection.sync_once(key, run.service.timeout(), &mut |_| ()).await?;
    Ok(end)
}
