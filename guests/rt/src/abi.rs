//! Numbers and addresses of the machine's interface. The executor has the same table; `docs/guests.md` is the text.

/// First byte of RAM; `.text` starts here.
pub const RAM_START: usize = 0x0001_0000;
/// First byte after RAM; the stack grows downward from here.
pub const RAM_END: usize = 0x1000_0000;
/// First byte of the input region: a little-endian `u64` with the length in bytes.
pub const INPUT_START: usize = 0x2000_0000;
/// First byte of the input itself.
pub const INPUT_BYTES: usize = INPUT_START + 8;

/// Ecall number (register `a7`): stop with the exit code in `a0`.
pub const HALT: u64 = 0;
/// Ecall number: output word number `a0` is `a1`.
pub const COMMIT: u64 = 1;
/// Ecall number: keccak-f\[1600\] in place on the 25 words at `a0`.
pub const KECCAK_F: u64 = 2;
/// Ecall number: log `a1` bytes at `a0`. No effect on the proof.
pub const LOG: u64 = 3;
/// Ecall number: a profile mark with the id in `a0`. No effect on the proof.
pub const PROFILE: u64 = 4;

/// Exit code of a guest that panicked.
pub const EXIT_PANIC: u64 = 0xdead;
/// Exit code of a guest whose allocator ran out of heap.
pub const EXIT_OUT_OF_MEMORY: u64 = 0xdea1;
