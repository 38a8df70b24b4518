//! TLS on both ports: `--tls-cert` and `--tls-key`.

mod conversations;
mod farewell;
pub mod pki;
mod start;
mod strangers;
