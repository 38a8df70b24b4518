//! TLS on both ports: `--tls-cert` and `--tls-key`.

mod conversations;
mod farewell;
pub mod pki;
mod reload;
mod start;
mod strangers;
