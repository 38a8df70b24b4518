//! Which web pages may connect over WebSocket.
//!
//! A browser says in the header `Origin` which page connects, so that a server can refuse pages of
//! others. Clients that are no browsers do not send it.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;

use crate::http::guest::Admitted;

/// The origins of the pages that may connect, in lower case. If there are none, all may.
#[derive(Clone)]
pub(super) struct Origins(Arc<[String]>);

impl Origins {
    pub(super) fn new(origins: Vec<String>) -> Self {
        Self(origins.into())
    }

    /// Whether a request may connect. Scheme and host have no case.
    fn allow(&self, headers: &HeaderMap) -> bool {
        let is_known = |origin: &[u8]| {
            self.0.iter().any(|known| origin.eq_ignore_ascii_case(known.as_bytes()))
        };
        self.0.is_empty()
            || headers.get_all(header::ORIGIN).iter().all(|origin| is_known(origin.as_bytes()))
    }
}

/// Refuses pages of other origins with status 403.
pub(super) async fn check_origin(
    State(origins): State<Origins>,
    Extension(admitted): Extension<Admitted>,
    request: Request,
    next: Next,
) -> Result<Response, StatusCode> {
    if origins.allow(request.headers()) {
        return Ok(next.run(request).await);
    }
    tracing::debug!(peer = %admitted.peer, "refusing a web page whose origin is not in --origin");
    Err(StatusCode::FORBIDDEN)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn a_page_connects_if_its_origin_is_listed_whatever_the_case() {
        let origins =
            Origins::new(vec!["https://example.com".into(), "http://a.example:8080".into()]);
        let sent = |origins: &[&'static str]| {
            let values = origins.iter().map(|&origin| HeaderValue::from_static(origin));
            values.map(|value| (header::ORIGIN, value)).collect::<HeaderMap>()
        };
        for (origin, is_allowed) in [
            (&["https://example.com"][..], true),
            (&["HTTPS://Example.COM"], true),
            (&["http://a.example:8080"], true),
            (&[], true),
            (&["http://example.com"], false),
            (&["https://example.com.evil.example"], false),
            (&["https://evil.example/https://example.com"], false),
            (&["https://example.com:8443"], false),
            (&["null"], false),
            (&[""], false),
            (&["https://example.com", "https://evil.example"], false),
        ] {
            assert_eq!(origins.allow(&sent(origin)), is_allowed, "{origin:?}");
        }
        assert!(Origins::new(Vec::new()).allow(&sent(&["https://evil.example"])));
    }
}
