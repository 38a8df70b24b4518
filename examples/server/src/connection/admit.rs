//! Admission: a task for each connection, up to a limit.

use std::sync::Arc;

use crate::connection::end::End;
use crate::service::Service;

/// Starts the task of a connection, unless there are too many.
pub fn admit<F>(service: &Arc<Service>, serve: impl FnOnce(Arc<Service>) -> F)
where
    F: Future<Output = End> + Send + 'static,
{
    let Ok(permit) = Arc::clone(&service.capacity).try_acquire_owned() else {
        tracing::warn!("closing a connection: there are too many");
        service.metrics.close("too_many");
        return;
    };
    let served = serve(Arc::clone(service));
    let metrics = Arc::clone(&service.metrics);
    service.connections.spawn(async move {
        metrics.connections.inc();
        let end = served.await;
        metrics.connections.dec();
        metrics.close(end.reason());
        drop(permit);
    });
}
