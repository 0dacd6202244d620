//! Payload integrity as a guest program: the check of `quintet-payload` over the machine's keccak-f.
//!
//! Commits the words of `quintet_payload::output` and halts with 0, or commits nothing and halts with the exit code
//! of the error.
#![no_std]
#![no_main]

use quintet_guest_rt::ecall::commit;
use quintet_guest_rt::input::input;
use quintet_guest_rt::keccak::keccak256_framed;
use quintet_payload::{Frame, Keccak, check_bytes};

// Its feature `native-keccak`, switched on here, turns alloy's hashes into ecalls too.
use alloy_primitives as _;

quintet_guest_rt::entry!(main);

/// The sponge over the ecall.
struct MachineKeccak;

impl Keccak for MachineKeccak {
    #[inline]
    fn hash(frame: &Frame, data: &[u8]) -> [u8; 32] {
        keccak256_framed(frame.words(), frame.len(), data)
    }
}

fn main() -> u64 {
    match check_bytes::<MachineKeccak>(input()) {
        Ok(output) => {
            for (i, word) in output.to_words().into_iter().enumerate() {
                commit(i as u64, word);
            }
            0
        }
        Err(error) => error.exit_code(),
    }
}
