//! Who may say what to whom. One module per version of the protocol: none knows another, nor what
//! becomes of a message that it lets go on.

mod refusal;
pub(crate) mod v1;
pub(crate) mod v2;

pub use refusal::Refusal;
