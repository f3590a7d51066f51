#![no_main]
//! See `switchboard_fuzz::TARGETS`.

libfuzzer_sys::fuzz_target!(|input: &[u8]| switchboard_fuzz::run("broker_packets", input));
