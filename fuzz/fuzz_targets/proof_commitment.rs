//! Decodes a commitment from any bytes: it never panics, and what it accepts has no other encoding.
#![no_main]

use libfuzzer_sys::fuzz_target;
use quintet_plonk::{Encode, Commitment};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(value) = Commitment::decode(bytes) {
        assert!(value.encode() == bytes);
    }
});
