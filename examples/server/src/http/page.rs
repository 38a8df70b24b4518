//! The files of the page, embedded in the binary.

use std::sync::Arc;

use axum::Router;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::service::Service;

/// The routes of the page.
pub(super) fn page() -> Router<Arc<Service>> {
    const HTML: &str = "text/html; charset=utf-8";
    const CSS: &str = "text/css; charset=utf-8";
    const SCRIPT: &str = "text/javascript; charset=utf-8";
    let files = [
        ("/", HTML, include_str!("../../page/index.html")),
        ("/icon.svg", "image/svg+xml", include_str!("../../page/icon.svg")),
        ("/style.css", CSS, include_str!("../../page/style.css")),
        ("/chat.css", CSS, include_str!("../../page/chat.css")),
        ("/trace.css", CSS, include_str!("../../page/trace.css")),
        ("/app.js", SCRIPT, include_str!("../../page/app.js")),
        ("/bubble.js", SCRIPT, include_str!("../../page/bubble.js")),
        ("/card.js", SCRIPT, include_str!("../../page/card.js")),
        ("/chat.js", SCRIPT, include_str!("../../page/chat.js")),
        ("/dom.js", SCRIPT, include_str!("../../page/dom.js")),
        ("/form.js", SCRIPT, include_str!("../../page/form.js")),
        ("/link.js", SCRIPT, include_str!("../../page/link.js")),
        ("/list.js", SCRIPT, include_str!("../../page/list.js")),
        ("/pairs.js", SCRIPT, include_str!("../../page/pairs.js")),
        ("/session.js", SCRIPT, include_str!("../../page/session.js")),
        ("/signals.js", SCRIPT, include_str!("../../page/signals.js")),
        ("/sync.js", SCRIPT, include_str!("../../page/sync.js")),
        ("/trace.js", SCRIPT, include_str!("../../page/trace.js")),
        ("/view.js", SCRIPT, include_str!("../../page/view.js")),
        ("/wire.js", SCRIPT, include_str!("../../page/wire.js")),
    ];
    files.into_iter().fold(Router::new(), |router, (path, kind, text)| {
        router.route(path, get(async move || file(kind, text)))
    })
}

/// A file of the page. The policy forbids foreign resources, foreign scripts, and turning text into
/// HTML.
fn file(kind: &'static str, text: &'static str) -> Response {
    const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
        connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; \
        frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, text).into_response()
}
