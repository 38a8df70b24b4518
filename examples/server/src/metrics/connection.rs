//! An open connection, counted by its state.

use std::sync::Arc;

use crate::metrics::all::Metrics;
use crate::metrics::label::ConnectionState;

/// Counts one connection among those of its state, until it is dropped.
pub struct CountedConnection {
    metrics: Arc<Metrics>,
    state: ConnectionState,
}

impl CountedConnection {
    /// Counts a connection that has just been accepted.
    pub fn new(metrics: Arc<Metrics>) -> Self {
        let state = ConnectionState::Waiting;
        metrics.connections.add(state, 1);
        Self { metrics, state }
    }

    pub fn becomes(&mut self, state: ConnectionState) {
        self.metrics.connections.add(self.state, -1);
        self.metrics.connections.add(state, 1);
        self.state = state;
    }
}

impl Drop for CountedConnection {
    fn drop(&mut self) {
        self.metrics.connections.add(self.state, -1);
    }
}
