//! Reads a beacon block from any bytes, JSON or SSZ of any fork: it never panics, and the block hash of what it accepts can be recomputed or is
//! refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use quintet_beacon::decode_block_file;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(block) = decode_block_file(bytes) {
        let _ = block.verify_execution();
    }
});
