//! Why a script has failed.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use thiserror::Error;

use super::host::HostError;
use crate::checker::Violation;

/// Where a script has failed, and why. Displayed, it names the step, the rule, and what each client
/// has been doing.
#[derive(Debug, Error)]
#[error("step {step}, {doing}: {cause}{}", Listed(clients))]
pub struct Failure {
    step: usize,
    doing: String,
    cause: Cause,
    clients: Vec<String>,
}

impl Failure {
    pub(super) const fn new(
        step: usize,
        doing: String,
        cause: Cause,
        clients: Vec<String>,
    ) -> Self {
        Self { step, doing, cause, clients }
    }

    /// The number of the step, from 1. What happens after the last step, when all clients catch up,
    /// has the number behind it.
    #[must_use]
    pub const fn step(&self) -> usize {
        self.step
    }

    /// The rule that the host has broken, such as `H7.4`; `None` where it has failed by itself.
    #[must_use]
    pub const fn rule(&self) -> Option<&'static str> {
        match &self.cause {
            Cause::Violation(violation) => Some(violation.rule()),
            Cause::Unanswered { rule, .. } => Some(rule),
            Cause::Host(_) => None,
        }
    }

    /// What the checker has found; `None` where the host has failed by itself, or has left a client
    /// without an answer for good.
    #[must_use]
    pub const fn violation(&self) -> Option<&Violation> {
        match &self.cause {
            Cause::Violation(violation) => Some(violation),
            Cause::Unanswered { .. } | Cause::Host(_) => None,
        }
    }
}

/// What has gone wrong.
#[derive(Debug, Error)]
pub(super) enum Cause {
    /// The checker has said so.
    #[error(transparent)]
    Violation(#[from] Violation),
    /// A client waits for what does not come.
    #[error("{rule}: {client} waits for {what}, and it does not come")]
    Unanswered { rule: &'static str, client: String, what: &'static str },
    #[error("the host: {0}")]
    Host(HostError),
}

impl From<HostError> for Cause {
    fn from(error: HostError) -> Self {
        error.downcast().map_or_else(Self::Host, |violation| Self::Violation(*violation))
    }
}

/// One a line.
struct Listed<'c>(&'c [String]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|client| write!(f, "\n    {client}"))
    }
}
