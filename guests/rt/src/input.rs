//! The input region as a byte slice.

/// The input: the length word first, then that many bytes, which the machine pads with zeros to whole words.
///
/// The length comes from whoever makes the input, so it is only as trustworthy as the executor: reading past the
/// region is an executor error and unprovable, never undefined for the program.
#[cfg(all(target_arch = "riscv64", not(feature = "linux")))]
#[must_use]
pub fn input() -> &'static [u8] {
    use crate::abi::{INPUT_BYTES, INPUT_START};
    // SAFETY: the machine maps the region before the first instruction, and no program writes to it.
    unsafe {
        let len = *(INPUT_START as *const u64) as usize;
        core::slice::from_raw_parts(INPUT_BYTES as *const u8, len)
    }
}

/// Without the machine there is no input region.
#[cfg(not(all(target_arch = "riscv64", not(feature = "linux"))))]
#[must_use]
pub fn input() -> &'static [u8] {
    &[]
}
