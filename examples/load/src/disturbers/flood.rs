//! An account that sends as much as the server takes.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use kefu_proto::{Account, Body, CustomerMessage, Flags, Seq, StoreId, UnixTime, Version};
use tokio::time::sleep;

use crate::connection::{Connection, ConnectionError};
use crate::content::MAX_SIZE;
use crate::plan::Role;
use crate::run::Run;
use crate::service::{Caller, FLOODING};

const BUFFER: usize = 4 * 1024;
/// Messages in flight.
const WINDOW: u32 = 1_000;
/// Before it comes back, if the server closes it.
const PAUSE: Duration = Duration::from_millis(100);

pub(super) async fn flood_for_ever(run: Arc<Run>, number: u32) {
    let (account, seller) = run.plan.flooder(number);
    let version = Version(1);
    let caller =
        Caller { account, version, device: FLOODING, buffer: BUFFER, receive_buffer: None };
    let server = run.plan.server_of(Role::Customer, 1 + number);
    loop {
        if let Ok(mut connection) = caller.log_in(&run.service, server).await {
            let Err(_) = flood(&mut connection, &message(account, seller), &run).await;
        }
        sleep(PAUSE).await;
    }
}

/// Ends when the server closes the connection.
async fn flood(
    connection: &mut Connection,
    message: &Body,
    run: &Run,
) -> Result<Infallible, ConnectionError> {
    let mut in_flight = 0;
    let mut seq = 0_i32;
    loop {
        seq = seq.checked_add(1).unwrap_or(1);
        connection.queue(Seq(seq), Flags::TEXT, message.clone())?;
        // One at a time: all that may be in flight are 32 MB.
        connection.flush().await?;
        in_flight += 1;
        in_flight -= take_acks(connection, run)?;
        while in_flight == WINDOW {
            connection.exchange().await?;
            in_flight -= take_acks(connection, run)?;
        }
    }
}

/// How many messages have got their ACK.
fn take_acks(connection: &mut Connection, run: &Run) -> Result<u32, ConnectionError> {
    let mut acked = 0;
    while let Some(message) = connection.take()? {
        acked += u32::from(matches!(message.body, Body::Ack(_)));
    }
    run.trouble.count(|trouble| trouble.flood.acked += u64::from(acked));
    Ok(acked)
}

/// As long as it can be, and without a uuid: each is a message of its own.
fn message(from: Account, to: Account) -> Body {
    Body::Customer(CustomerMessage {
        customer_appid: from.appid,
        customer_id: from.uid,
        store_id: StoreId(1),
        seller_id: to.uid,
        timestamp: UnixTime::from(0),
        content: Bytes::from(vec![b'x'; usize::from(MAX_SIZE)]),
    })
}
