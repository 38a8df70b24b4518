//! HTTP over one connection, within its limits.

use std::pin::pin;
use std::time::Duration;

use axum::Router;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::connection::{End, Guest};
use crate::http::guest::Admitted;
use crate::tls::Stream;

/// Serves the requests of a connection and returns why it has ended. After an upgrade that is at
/// once, since the connection goes on elsewhere.
pub async fn serve(
    stream: Stream,
    guest: Guest,
    routes: &Router,
    stopping: &CancellationToken,
) -> End {
    let (peer, evicted) = (guest.peer, guest.place.evicted());
    let admitted = Admitted::new(guest);
    let routes = TowerToHyperService::new(routes.clone());
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(admitted.clone());
        routes.call(request)
    });
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(REQUEST_TIMEOUT)
            .max_buf_size(BUFFER)
            .max_headers(MOST_HEADERS)
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades()
    );
    tokio::select! {
        served = &mut connection => match served {
            Ok(()) => End::Left,
            Err(error) => {
                tracing::debug!(%peer, %error, "an HTTP connection has ended");
                if error.is_timeout() { End::Idle } else { End::Io }
            }
        },
        () = evicted => End::Evicted,
        () = stopping.cancelled() => {
            connection.as_mut().graceful_shutdown();
            // An unfinished request may take forever.
            let _ = timeout(FINAL_ANSWERS, connection).await;
            End::Stopping
        }
    }
}

/// How long a client may take for the head of a request, from the end of the one before. So it is
/// the bound of idle connections, too.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// The most bytes of a request's head, and of answers that wait to be sent. It is the least that
/// hyper allows.
const BUFFER: usize = 8 * 1024;
/// The most headers of a request.
const MOST_HEADERS: usize = 64;
/// How long a stopping server still answers requests.
const FINAL_ANSWERS: Duration = Duration::from_secs(1);
