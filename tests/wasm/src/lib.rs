//! The recorded cases, replayed by `kefu-conformance`, and all that was seen on the way as text: a
//! WebAssembly module and a native program must write the same.
//!
//! Only the harness has the standard library; `kefu-proto` is built without it. The module imports
//! nothing.

#[cfg(target_family = "wasm")]
mod exports;
mod transcript;

pub use transcript::transcript;
