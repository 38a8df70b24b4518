//! The recorded cases replayed by the code of the `conformance` example, and all that was seen on the way as text: the
//! same text from a WebAssembly module and from a native program.
//!
//! Only the harness has the standard library; `kefu-proto` is built without it. The module imports nothing.

#[path = "../../../examples/conformance/case.rs"]
mod case;
#[path = "../../../examples/conformance/difference.rs"]
mod difference;
#[cfg(target_family = "wasm")]
mod exports;
#[path = "../../../examples/conformance/handler.rs"]
mod handler;
#[path = "../../../examples/conformance/reading.rs"]
mod reading;
mod transcript;
#[path = "../../../examples/conformance/wire.rs"]
mod wire;

pub use transcript::transcript;
