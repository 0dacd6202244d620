//! Copying, XORing and clearing a few words without loop overhead: straight-line code that is entered in the middle.
//!
//! Each function takes the ends of its ranges and a number of words; step k works on the k-th word from the end, and
//! the code is entered at the step that the number of words says. All three are the inner work of the sponge.

/// Most words that one call takes: the rate of Keccak-256.
pub(crate) const MAX_WORDS: usize = 17;

#[cfg(target_arch = "riscv64")]
mod straight_line {
    use core::arch::naked_asm;

    /// The last `words` words before `to_end` become those before `from_end`, which may be misaligned.
    ///
    /// # Safety
    /// `words` is at most 17, that many words are readable and writable, the ranges do not overlap.
    #[unsafe(naked)]
    pub(crate) unsafe extern "C" fn copy_words(to_end: *mut u64, from_end: *const u8, words: usize) {
        naked_asm!(
            "slli a2, a2, 3", // 8 bytes of code a step
            "lla t0, 2f",
            "sub t0, t0, a2",
            "jr t0",
            ".set copy_word, 17",
            ".rept 17",
            "ld t1, -8*copy_word(a1)",
            "sd t1, -8*copy_word(a0)",
            ".set copy_word, copy_word-1",
            ".endr",
            "2: ret",
        )
    }

    /// The last `words` words before `to_end` are XORed with those before `from_end`, which may be misaligned.
    ///
    /// # Safety
    /// `words` is at most 17, that many words are readable and writable, the ranges do not overlap.
    #[unsafe(naked)]
    pub(crate) unsafe extern "C" fn xor_words(to_end: *mut u64, from_end: *const u8, words: usize) {
        naked_asm!(
            "slli a2, a2, 4", // 16 bytes of code a step
            "lla t0, 2f",
            "sub t0, t0, a2",
            "jr t0",
            ".set xor_word, 17",
            ".rept 17",
            "ld t1, -8*xor_word(a1)",
            "ld t2, -8*xor_word(a0)",
            "xor t1, t1, t2",
            "sd t1, -8*xor_word(a0)",
            ".set xor_word, xor_word-1",
            ".endr",
            "2: ret",
        )
    }

    /// The last `words` words before `to_end` become zero.
    ///
    /// # Safety
    /// `words` is at most 25, and that many words are writable.
    #[unsafe(naked)]
    pub(crate) unsafe extern "C" fn clear_words(to_end: *mut u64, words: usize) {
        naked_asm!(
            "slli a1, a1, 2", // 4 bytes of code a step
            "lla t0, 2f",
            "sub t0, t0, a1",
            "jr t0",
            ".set clear_word, 25",
            ".rept 25",
            "sd zero, -8*clear_word(a0)",
            ".set clear_word, clear_word-1",
            ".endr",
            "2: ret",
        )
    }
}

#[cfg(not(target_arch = "riscv64"))]
mod portable {
    /// See the RISC-V version.
    ///
    /// # Safety
    /// As there.
    pub(crate) unsafe fn copy_words(to_end: *mut u64, from_end: *const u8, words: usize) {
        // SAFETY: the caller's promise.
        unsafe { core::ptr::copy_nonoverlapping(from_end.sub(8 * words), to_end.sub(words).cast(), 8 * words) }
    }

    /// See the RISC-V version.
    ///
    /// # Safety
    /// As there.
    pub(crate) unsafe fn xor_words(to_end: *mut u64, from_end: *const u8, words: usize) {
        for k in 1..=words {
            // SAFETY: the caller's promise.
            unsafe { *to_end.sub(k) ^= from_end.sub(8 * k).cast::<u64>().read_unaligned() }
        }
    }

    /// See the RISC-V version.
    ///
    /// # Safety
    /// As there.
    pub(crate) unsafe fn clear_words(to_end: *mut u64, words: usize) {
        // SAFETY: the caller's promise.
        unsafe { core::ptr::write_bytes(to_end.sub(words), 0, words) }
    }
}

#[cfg(not(target_arch = "riscv64"))]
pub(crate) use portable::{clear_words, copy_words, xor_words};
#[cfg(target_arch = "riscv64")]
pub(crate) use straight_line::{clear_words, copy_words, xor_words};
