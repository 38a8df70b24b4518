//! Reading files again while the server runs.

use std::sync::{Arc, Mutex, PoisonError};

use crate::auth::Auth;
use crate::service::Service;
use crate::tls::Tls;

/// Reads the tokens file, the certificate and its key again.
#[derive(Clone)]
pub struct Reload(Arc<Files>);

struct Files {
    service: Arc<Service>,
    tls: Option<Arc<Tls>>,
    /// One at a time, so that the last one counts.
    running: Mutex<()>,
}

impl Reload {
    pub(super) fn new(service: Arc<Service>, tls: Option<Arc<Tls>>) -> Self {
        Self(Arc::new(Files { service, tls, running: Mutex::default() }))
    }

    /// Reads all of them. What cannot be used stays as it was, and the log says why. Connections
    /// whose token is gone, or of another account now, are closed. Blocks while it reads.
    pub fn run(&self) {
        let Files { service, tls, running } = &*self.0;
        let _running = running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Auth::File(tokens) = &service.auth {
            match tokens.reload() {
                Ok(withdrawn) => {
                    service.withdraw(&withdrawn);
                    tracing::info!(withdrawn = withdrawn.len(), "read the tokens again");
                }
                Err(error) => tracing::error!("the tokens stay as they were: {error}"),
            }
        }
        if let Some(tls) = tls {
            match tls.reload() {
                Ok(()) => tracing::info!("read the certificate again"),
                Err(error) => tracing::error!("the certificate stays as it was: {error}"),
            }
        }
    }
}
