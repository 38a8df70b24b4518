//! What a client has shown.

use kefu_proto::Dialect;

use crate::dialect::setting::Setting;

/// The dialect in which an account's client on a platform has last written (D1.8).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Shown {
    pub dialect: Dialect,
    /// What was set for its platform then.
    pub under: Setting,
}
