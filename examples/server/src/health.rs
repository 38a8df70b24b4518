//! Whether the server can do its work: what `/healthz` says.

use std::fmt;

use thiserror::Error;

use crate::auth::Auth;
use crate::store::{self, Store};

/// What keeps the server from doing its work.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Health(Vec<Problem>);

/// A problem, in one line for an operator.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum Problem {
    #[error(transparent)]
    Store(store::Problem),
    #[error("the auth Redis cannot be reached")]
    Auth,
}

impl Health {
    /// What the server knows of itself right now. Asks nobody.
    pub fn new(store: &Store, auth: &Auth) -> Self {
        let auth = (!auth.is_reachable()).then_some(Problem::Auth);
        Self(store.problems().into_iter().map(Problem::Store).chain(auth).collect())
    }

    pub fn is_good(&self) -> bool {
        self.0.is_empty()
    }
}

/// One line for each problem, or `ok`.
impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_good() {
            return f.write_str("ok\n");
        }
        self.0.iter().try_for_each(|problem| writeln!(f, "{problem}"))
    }
}
