#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| kefu_corpus::dialects(input));
