//! Who a token belongs to.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::http::header::{CONNECTION, HeaderName};
use kefu_proto::Account;
use serde::{Deserialize, Serialize};

use crate::auth::Auth;
use crate::service::Service;
use crate::tokens::DemoToken;

/// What a client must know about itself to write messages. Ids are strings, since numbers of
/// JavaScript hold only 53 of their bits.
#[derive(Serialize)]
pub(super) struct Who {
    appid: String,
    uid: String,
    kefu_appid: String,
    /// The exclusive upper bound of a body's length.
    frame_limit: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
}

impl Who {
    fn new(service: &Service, account: Account, token: Option<String>) -> Self {
        Self {
            appid: account.appid.to_string(),
            uid: account.uid.to_string(),
            kefu_appid: service.config.kefu_appid().to_string(),
            frame_limit: service.limits.frame.get(),
            token,
        }
    }
}

/// The demo's tokens, as long as they are valid.
pub(super) async fn demo(State(service): State<Arc<Service>>) -> Json<Vec<Who>> {
    let who = |demo: &DemoToken| Who::new(&service, demo.account, Some(demo.token.clone()));
    // The file may have been read again.
    let is_valid = |demo: &&DemoToken| match &service.auth {
        Auth::File(tokens) => tokens.account(demo.token.as_bytes()) == Some(demo.account),
        Auth::Redis(_) => false,
    };
    Json(service.demo.iter().filter(is_valid).map(who).collect())
}

#[derive(Deserialize)]
pub(super) struct Credentials {
    pub(super) token: String,
}

/// The account of a token.
pub(super) async fn whoami(
    State(service): State<Arc<Service>>,
    Query(Credentials { token }): Query<Credentials>,
) -> Result<Json<Who>, Refused> {
    let account = account(&service, &token).await?;
    Ok(Json(Who::new(&service, account, None)))
}

/// The account of a token, as a login finds it.
pub(super) async fn account(service: &Service, token: &str) -> Result<Account, Refused> {
    match service.auth.account(token.as_bytes()).await {
        Ok(Some(account)) => Ok(account),
        Ok(None) => {
            service.metrics.logins_refused.inc();
            Err(refused(StatusCode::UNAUTHORIZED))
        }
        Err(_) => Err(refused(StatusCode::SERVICE_UNAVAILABLE)),
    }
}

/// An answer behind which the connection is closed, so that tokens are not guessed on one.
pub(super) type Refused = (StatusCode, [(HeaderName, &'static str); 1]);

pub(super) const fn refused(status: StatusCode) -> Refused {
    (status, [(CONNECTION, "close")])
}
