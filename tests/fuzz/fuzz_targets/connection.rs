#![no_main]

#[allow(dead_code, unused_imports, reason = "this is one target of several")]
#[path = "../../corpus/targets/mod.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|input: &[u8]| targets::connection(input));
