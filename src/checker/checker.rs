//! The judge.

use super::event::Event;
use super::terms::Terms;
use super::violation::Violation;
use crate::id::Account;

/// Watches a host and says which rule it breaks.
#[derive(Debug)]
pub struct Checker {
    terms: Terms,
}

impl Checker {
    /// A checker that has seen nothing.
    #[must_use]
    pub fn new(terms: Terms) -> Self {
        Self { terms }
    }

    /// Tells whom a token names (S1.4). A token that is not told names nobody (S1.5).
    pub fn add_token(&mut self, token: &[u8], account: Account) {
        let _ = (token, account, &self.terms);
    }

    /// Checks what has happened.
    ///
    /// # Errors
    ///
    /// The rule that it breaks. What comes after a violation may be judged wrongly, so stop there.
    pub fn observe(&mut self, event: Event<'_>) -> Result<(), Violation> {
        let _ = event;
        Ok(())
    }

    /// Checks that nothing is still owed: call it when all is quiet, that is, when the host has
    /// answered all that was sent and all that it has written has been received.
    ///
    /// # Errors
    ///
    /// The rule that is broken.
    pub fn finish(&mut self) -> Result<(), Violation> {
        Ok(())
    }
}
