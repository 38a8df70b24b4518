//! A connection that has a place, and its task.

use std::net::SocketAddr;
use std::sync::Arc;

use futures_util::FutureExt;
use tokio::time::Instant;

use crate::connection::end::End;
use crate::connection::log::EndLog;
use crate::places::Place;
use crate::service::Service;

/// A connection that has a place.
pub struct Guest {
    /// Whose it is: of a client, not of a proxy before it.
    pub peer: SocketAddr,
    /// When it was accepted. The login timeout runs from here.
    pub accepted: Instant,
    pub place: Place,
    /// Where its end is noted.
    pub log: EndLog,
}

/// Starts the task of a connection.
pub fn start<F>(service: &Arc<Service>, serve: impl FnOnce(Arc<Service>) -> F)
where
    F: Future<Output = End> + Send + 'static,
{
    let metrics = Arc::clone(&service.metrics);
    // Not in a block that awaits it, which would have room for it twice.
    let served = serve(Arc::clone(service)).map(move |end| metrics.close(end.reason()));
    service.connections.spawn(served);
}
