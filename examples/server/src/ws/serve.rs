//! A WebSocket from its handshake to its end.

use std::future::pending;
use std::pin::pin;
use std::sync::Arc;

use axum::extract::ws::WebSocket;
use futures_util::StreamExt;
use tokio::io::{duplex, split};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::connection::{self, CLOSE_GRACE, End, Guest, Liveness};
use crate::service::Service;
use crate::ws::from_client::FromClient;
use crate::ws::packing::Packing;
use crate::ws::to_client::ToClient;

/// Serves a WebSocket connection and returns why it has ended.
pub async fn serve(
    socket: WebSocket,
    packing: Packing,
    guest: Guest,
    service: Arc<Service>,
) -> End {
    let limits = service.limits;
    let (near, far) = duplex(PIPE);
    let (near_reader, near_writer) = split(near);
    let (far_reader, far_writer) = split(far);
    let (sink, stream) = socket.split();
    // A client that does not read its pong is not read from, so that no more are owed to it.
    let (pong_sender, pongs) = mpsc::channel(1);
    let liveness = Liveness::new(guest.accepted);
    let from_client = FromClient {
        packing,
        limit: limits.frame,
        liveness: liveness.clone(),
        pipe: far_writer,
        pongs: pong_sender,
    };
    let greeting = packing.greeting(limits.idle_timeout);
    let to_client = ToClient { packing, greeting, pipe: far_reader, pongs };
    let mut served = pin!(connection::serve(near_reader, near_writer, guest, liveness, service));
    // What came in before the end is still served, and its answers are sent (S7): so the pumps end
    // with the outgoing one.
    let mut pumps = pin!(async move {
        tokio::select! {
            () = async { from_client.run(stream).await; pending().await } => {}
            () = to_client.run(sink) => {}
        }
    });
    tokio::select! {
        end = &mut served => {
            if end.client_reads() {
                let _ = timeout(CLOSE_GRACE, pumps).await;
            }
            end
        }
        () = &mut pumps => served.await,
    }
}

/// The capacity of the pipe, in bytes.
const PIPE: usize = 64 * 1024;
