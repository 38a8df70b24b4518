//! A change of a text.

/// Replaces a text that stands in the source once.
pub(crate) struct Change {
    pub(crate) find: &'static str,
    pub(crate) replace: &'static str,
}
