//! A connection that has a place, and its task.

use std::net::SocketAddr;
use std::sync::Arc;

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
    let served = serve(Arc::clone(service));
    let metrics = Arc::clone(&service.metrics);
    service.connections.spawn(async move {
        let end = served.await;
        metrics.close(end.reason());
    });
}
