//! Bodies that come to the webhook: whatever they are, what is promised of reading them holds.
#![no_main]

#[path = "../../tests/it/receipts/promises.rs"]
mod promises;

libfuzzer_sys::fuzz_target!(|body: &[u8]| promises::hold(body));
