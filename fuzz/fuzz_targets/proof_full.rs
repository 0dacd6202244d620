//! Decodes a proof file from any bytes: it never panics, and what it accepts has no other encoding.
#![no_main]

use libfuzzer_sys::fuzz_target;
use quintet_plonk::{Encode, ProofFile};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(value) = ProofFile::decode(bytes) {
        assert!(value.encode() == bytes);
    }
});
