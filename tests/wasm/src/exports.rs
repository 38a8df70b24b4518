//! What the WebAssembly module offers: one buffer, which the caller fills with cases and reads the
//! transcript from.

#![allow(unsafe_code, reason = "an exported name is unsafe by decree; no function here is")]

use std::sync::{Mutex, MutexGuard, PoisonError};

static BUFFER: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// Makes room for so many bytes of cases and returns its address.
#[unsafe(no_mangle)]
extern "C" fn reserve(length: usize) -> *mut u8 {
    let mut buffer = buffer();
    *buffer = vec![0; length];
    buffer.as_mut_ptr()
}

/// Replaces the cases by their transcript and returns its address. What is not UTF-8 has no
/// transcript.
#[unsafe(no_mangle)]
extern "C" fn replay() -> *const u8 {
    let mut buffer = buffer();
    *buffer = str::from_utf8(&buffer).map(crate::transcript).unwrap_or_default().into_bytes();
    buffer.as_ptr()
}

/// How many bytes the transcript has.
#[unsafe(no_mangle)]
extern "C" fn length() -> usize {
    buffer().len()
}

fn buffer() -> MutexGuard<'static, Vec<u8>> {
    BUFFER.lock().unwrap_or_else(PoisonError::into_inner)
}
