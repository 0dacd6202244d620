//! Reads and checks a guest input from any bytes: it never panics, and what it accepts has no other encoding.
#![no_main]

use libfuzzer_sys::fuzz_target;
use quintet_payload::{PayloadView, SoftKeccak, check_bytes};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(view) = PayloadView::parse(bytes) {
        assert_eq!(view.to_input().encode().expect("what was read can be written"), bytes);
    }
    let _ = check_bytes::<SoftKeccak>(bytes);
});
