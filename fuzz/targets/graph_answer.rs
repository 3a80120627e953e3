//! Answers of the Graph API: whatever they are, what is promised of reading them holds.
#![no_main]

libfuzzer_sys::fuzz_target!(|answer: &[u8]| wacast::cloud_api::promises::hold(answer));
