//! The page, WebSocket clients, and what an operator looks at.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;

use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::serve::ListenerExt;
use axum::{Json, Router};
use futures_util::{Stream, StreamExt, stream};
use kefu_proto::Account;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::sync::broadcast::error::RecvError;

use crate::server::Shared;
use crate::store::Store;
use crate::tls::TlsListener;
use crate::ws;

/// Serves HTTP until the server stops.
pub async fn serve(listener: TcpListener, shared: Arc<Shared>) -> io::Result<()> {
    let stopped = shared.stopping.clone().cancelled_owned();
    let tls = shared.tls.clone().map(|tls| (tls, Arc::clone(&shared)));
    let app = page()
        .route("/demo", get(demo))
        .route("/whoami", get(whoami))
        .route("/trace", get(trace))
        .route("/ws", get(upgrade))
        .route("/metrics", get(metrics))
        .route("/healthz", get(health))
        .with_state(shared);
    match tls {
        None => {
            // S8: frames go out as they are written. One whose connection is gone has nobody to wait for it.
            let listener = listener.tap_io(|socket| _ = socket.set_nodelay(true));
            axum::serve(listener, app).with_graceful_shutdown(stopped).await
        }
        Some((tls, shared)) => {
            let listener = TlsListener::new(listener, tls, shared);
            axum::serve(listener, app).with_graceful_shutdown(stopped).await
        }
    }
}

/// The files of the page, carried in the binary.
fn page() -> Router<Arc<Shared>> {
    const HTML: &str = "text/html; charset=utf-8";
    const CSS: &str = "text/css; charset=utf-8";
    const SCRIPT: &str = "text/javascript; charset=utf-8";
    let files = [
        ("/", HTML, include_str!("../page/index.html")),
        ("/icon.svg", "image/svg+xml", include_str!("../page/icon.svg")),
        ("/style.css", CSS, include_str!("../page/style.css")),
        ("/chat.css", CSS, include_str!("../page/chat.css")),
        ("/trace.css", CSS, include_str!("../page/trace.css")),
        ("/app.js", SCRIPT, include_str!("../page/app.js")),
        ("/bubble.js", SCRIPT, include_str!("../page/bubble.js")),
        ("/card.js", SCRIPT, include_str!("../page/card.js")),
        ("/chat.js", SCRIPT, include_str!("../page/chat.js")),
        ("/dom.js", SCRIPT, include_str!("../page/dom.js")),
        ("/link.js", SCRIPT, include_str!("../page/link.js")),
        ("/list.js", SCRIPT, include_str!("../page/list.js")),
        ("/pairs.js", SCRIPT, include_str!("../page/pairs.js")),
        ("/signals.js", SCRIPT, include_str!("../page/signals.js")),
        ("/trace.js", SCRIPT, include_str!("../page/trace.js")),
        ("/view.js", SCRIPT, include_str!("../page/view.js")),
        ("/wire.js", SCRIPT, include_str!("../page/wire.js")),
    ];
    files.into_iter().fold(Router::new(), |router, (path, kind, text)| {
        router.route(path, get(async move || file(kind, text)))
    })
}

/// A file of the page. It may load nothing from elsewhere, run nothing that is not its own, and make no HTML of a text.
fn file(kind: &'static str, text: &'static str) -> Response {
    const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
        img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
        require-trusted-types-for 'script'; trusted-types 'none'";
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, text).into_response()
}

/// Who a token is: what a client must know about itself to write messages. Ids are strings: a number in JavaScript holds only
/// 53 of their bits.
#[derive(Serialize)]
struct Who {
    appid: String,
    uid: String,
    kefu_appid: String,
    /// The body of a frame must be shorter.
    frame_limit: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
}

impl Who {
    fn new(shared: &Shared, account: Account, token: Option<String>) -> Self {
        Self {
            appid: account.appid.to_string(),
            uid: account.uid.to_string(),
            kefu_appid: shared.config.kefu_appid().to_string(),
            frame_limit: shared.limits.frame.get(),
            token,
        }
    }
}

/// The demo's tokens, as long as they are good for a login.
async fn demo(State(shared): State<Arc<Shared>>) -> Json<Vec<Who>> {
    let who =
        |demo: &crate::tokens::DemoToken| Who::new(&shared, demo.account, Some(demo.token.clone()));
    Json(shared.demo.iter().map(who).collect())
}

#[derive(Deserialize)]
struct Credentials {
    token: String,
}

async fn whoami(
    State(shared): State<Arc<Shared>>,
    Query(Credentials { token }): Query<Credentials>,
) -> Result<Json<Who>, StatusCode> {
    let account = account(&shared, &token).await?;
    Ok(Json(Who::new(&shared, account, None)))
}

/// Whose token it is, as a login finds it.
async fn account(shared: &Shared, token: &str) -> Result<Account, StatusCode> {
    match shared.auth.account(token.as_bytes()).await {
        Ok(account) => account.ok_or(StatusCode::UNAUTHORIZED),
        Err(_) => Err(StatusCode::SERVICE_UNAVAILABLE),
    }
}

/// What happens to the messages in which the token's account has a part, live.
async fn trace(
    State(shared): State<Arc<Shared>>,
    Query(Credentials { token }): Query<Credentials>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, StatusCode> {
    let account = account(&shared, &token).await?;
    let events = stream::unfold(shared.trace.subscribe(), move |mut events| async move {
        let event = loop {
            match events.recv().await {
                Ok(traced) if traced.parties.contains(&account) => {
                    break Event::default().json_data(&*traced).ok()?;
                }
                Ok(_) => {}
                Err(RecvError::Lagged(missed)) => {
                    break Event::default().event("missed").data(missed.to_string());
                }
                Err(RecvError::Closed) => return None,
            }
        };
        Some((Ok(event), events))
    });
    let stopping = shared.stopping.clone();
    let events = events.take_until(stopping.cancelled_owned());
    Ok(Sse::new(events).keep_alive(KeepAlive::default()))
}

async fn upgrade(State(shared): State<Arc<Shared>>, upgrade: WebSocketUpgrade) -> Response {
    // A frame is a message: what is longer than the limit need not be read to be refused.
    let most = usize::try_from(shared.limits.frame.get()).unwrap_or(usize::MAX).saturating_add(64);
    upgrade.max_message_size(most).on_upgrade(async move |socket| {
        shared.admit(|shared| ws::serve(socket, shared));
    })
}

async fn metrics(State(shared): State<Arc<Shared>>) -> Response {
    const KIND: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, KIND)], shared.metrics.text()).into_response()
}

async fn health(State(shared): State<Arc<Shared>>) -> (StatusCode, &'static str) {
    // What NATS did not store in time tells nothing about it once it is there again; a disk is tried by saves alone.
    let writes = matches!(shared.store, Store::JetStream(_)) || shared.metrics.store_is_healthy();
    if !shared.store.is_there() {
        (StatusCode::SERVICE_UNAVAILABLE, "the store cannot be reached\n")
    } else if !writes {
        (StatusCode::SERVICE_UNAVAILABLE, "the store does not write\n")
    } else if !shared.auth.is_reachable() {
        (StatusCode::SERVICE_UNAVAILABLE, "the auth Redis cannot be reached\n")
    } else {
        (StatusCode::OK, "ok\n")
    }
}
