//! `memcpy`, `memmove`, `memset`, `memcmp`: the functions that compiled code calls without being asked.
//!
//! In assembly, since Rust loops would be compiled into calls of themselves. Blocks of 64 bytes are unrolled; what
//! remains takes one conditional step for each of 32, 16 and 8 bytes and one word that overlaps what is done already
//! (misaligned access is part of the machine). A copy reads that last word before it stores anything, so copying
//! forward is right for overlapping ranges too, as long as the destination is below the source.

use core::arch::naked_asm;

/// Copies `len` bytes forward; the ranges may overlap if `to` < `from`.
#[unsafe(no_mangle)]
#[unsafe(naked)]
unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, len: usize) -> *mut u8 {
    naked_asm!(
        "mv a3, a0",
        "li a4, 8",
        "bltu a2, a4, 6f",
        "add a5, a1, a2",
        "ld a5, -8(a5)",  // the last word of the source …
        "add a6, a0, a2", // … and the end of the destination
        "li a4, 64",
        "bltu a2, a4, 3f",
        "2:",
        "ld t0, 0(a1)",
        "ld t1, 8(a1)",
        "ld t2, 16(a1)",
        "ld t3, 24(a1)",
        "ld t4, 32(a1)",
        "ld t5, 40(a1)",
        "ld t6, 48(a1)",
        "ld a7, 56(a1)",
        "sd t0, 0(a3)",
        "sd t1, 8(a3)",
        "sd t2, 16(a3)",
        "sd t3, 24(a3)",
        "sd t4, 32(a3)",
        "sd t5, 40(a3)",
        "sd t6, 48(a3)",
        "sd a7, 56(a3)",
        "addi a1, a1, 64",
        "addi a3, a3, 64",
        "addi a2, a2, -64",
        "bgeu a2, a4, 2b",
        "3:",
        "andi t0, a2, 32",
        "beqz t0, 4f",
        "ld t0, 0(a1)",
        "ld t1, 8(a1)",
        "ld t2, 16(a1)",
        "ld t3, 24(a1)",
        "sd t0, 0(a3)",
        "sd t1, 8(a3)",
        "sd t2, 16(a3)",
        "sd t3, 24(a3)",
        "addi a1, a1, 32",
        "addi a3, a3, 32",
        "4:",
        "andi t0, a2, 16",
        "beqz t0, 5f",
        "ld t0, 0(a1)",
        "ld t1, 8(a1)",
        "sd t0, 0(a3)",
        "sd t1, 8(a3)",
        "addi a1, a1, 16",
        "addi a3, a3, 16",
        "5:",
        "andi t0, a2, 8",
        "beqz t0, 5f",
        "ld t0, 0(a1)",
        "sd t0, 0(a3)",
        "5:",
        "sd a5, -8(a6)",
        "ret",
        "6:", // fewer than 8 bytes
        "andi t0, a2, 4",
        "beqz t0, 7f",
        "lwu t0, 0(a1)",
        "sw t0, 0(a3)",
        "addi a1, a1, 4",
        "addi a3, a3, 4",
        "7:",
        "andi t0, a2, 2",
        "beqz t0, 8f",
        "lhu t0, 0(a1)",
        "sh t0, 0(a3)",
        "addi a1, a1, 2",
        "addi a3, a3, 2",
        "8:",
        "andi t0, a2, 1",
        "beqz t0, 9f",
        "lbu t0, 0(a1)",
        "sb t0, 0(a3)",
        "9:",
        "ret",
    )
}

/// Copies `len` bytes between ranges that may overlap in any way.
#[unsafe(no_mangle)]
#[unsafe(naked)]
unsafe extern "C" fn memmove(to: *mut u8, from: *const u8, len: usize) -> *mut u8 {
    naked_asm!(
        "sub a3, a0, a1",
        "bltu a3, a2, 1f", // 0 <= to - from < len: backward
        "tail {memcpy}",
        "1:",
        "add a3, a0, a2", // ends of both
        "add a1, a1, a2",
        "li a4, 8",
        "bltu a2, a4, 5f",
        "sub a5, a1, a2",
        "ld a5, 0(a5)", // the first word of the source
        "li a4, 32",
        "bltu a2, a4, 3f",
        "2:",
        "ld t0, -8(a1)",
        "ld t1, -16(a1)",
        "ld t2, -24(a1)",
        "ld t3, -32(a1)",
        "sd t0, -8(a3)",
        "sd t1, -16(a3)",
        "sd t2, -24(a3)",
        "sd t3, -32(a3)",
        "addi a1, a1, -32",
        "addi a3, a3, -32",
        "addi a2, a2, -32",
        "bgeu a2, a4, 2b",
        "3:",
        "andi t0, a2, 16",
        "beqz t0, 4f",
        "ld t0, -8(a1)",
        "ld t1, -16(a1)",
        "sd t0, -8(a3)",
        "sd t1, -16(a3)",
        "addi a1, a1, -16",
        "addi a3, a3, -16",
        "4:",
        "andi t0, a2, 8",
        "beqz t0, 4f",
        "ld t0, -8(a1)",
        "sd t0, -8(a3)",
        "4:",
        "sd a5, 0(a0)",
        "ret",
        "5:", // fewer than 8 bytes, one at a time
        "beqz a2, 6f",
        "lbu t0, -1(a1)",
        "sb t0, -1(a3)",
        "addi a1, a1, -1",
        "addi a3, a3, -1",
        "addi a2, a2, -1",
        "j 5b",
        "6:",
        "ret",
        memcpy = sym memcpy,
    )
}

/// Sets `len` bytes to the low byte of `value`.
#[unsafe(no_mangle)]
#[unsafe(naked)]
unsafe extern "C" fn memset(to: *mut u8, value: i32, len: usize) -> *mut u8 {
    naked_asm!(
        "beqz a1, 1f", // zero is by far the most frequent
        "andi a1, a1, 255",
        "slli t0, a1, 8",
        "or a1, a1, t0",
        "slli t0, a1, 16",
        "or a1, a1, t0",
        "slli t0, a1, 32",
        "or a1, a1, t0",
        "1:",
        "mv a3, a0",
        "li a4, 8",
        "bltu a2, a4, 6f",
        "add a6, a0, a2",
        "li a4, 64",
        "bltu a2, a4, 3f",
        "2:",
        "sd a1, 0(a3)",
        "sd a1, 8(a3)",
        "sd a1, 16(a3)",
        "sd a1, 24(a3)",
        "sd a1, 32(a3)",
        "sd a1, 40(a3)",
        "sd a1, 48(a3)",
        "sd a1, 56(a3)",
        "addi a3, a3, 64",
        "addi a2, a2, -64",
        "bgeu a2, a4, 2b",
        "3:",
        "andi t0, a2, 32",
        "beqz t0, 4f",
        "sd a1, 0(a3)",
        "sd a1, 8(a3)",
        "sd a1, 16(a3)",
        "sd a1, 24(a3)",
        "addi a3, a3, 32",
        "4:",
        "andi t0, a2, 16",
        "beqz t0, 5f",
        "sd a1, 0(a3)",
        "sd a1, 8(a3)",
        "addi a3, a3, 16",
        "5:",
        "andi t0, a2, 8",
        "beqz t0, 5f",
        "sd a1, 0(a3)",
        "5:",
        "sd a1, -8(a6)",
        "ret",
        "6:", // fewer than 8 bytes
        "andi t0, a2, 4",
        "beqz t0, 7f",
        "sw a1, 0(a3)",
        "addi a3, a3, 4",
        "7:",
        "andi t0, a2, 2",
        "beqz t0, 8f",
        "sh a1, 0(a3)",
        "addi a3, a3, 2",
        "8:",
        "andi t0, a2, 1",
        "beqz t0, 9f",
        "sb a1, 0(a3)",
        "9:",
        "ret",
    )
}

/// Compares `len` bytes as unsigned numbers: negative, zero or positive as the first that differs says.
#[unsafe(no_mangle)]
#[unsafe(naked)]
unsafe extern "C" fn memcmp(left: *const u8, right: *const u8, len: usize) -> i32 {
    naked_asm!(
        "li a4, 8",
        "bltu a2, a4, 3f",
        "add a5, a0, a2", // ends less one word: where the last words start
        "addi a5, a5, -8",
        "add a6, a1, a2",
        "addi a6, a6, -8",
        "1:",
        "ld t0, 0(a0)",
        "ld t1, 0(a1)",
        "bne t0, t1, 2f",
        "addi a0, a0, 8",
        "addi a1, a1, 8",
        "bltu a0, a5, 1b",
        "mv a0, a5", // the last words, which may overlap what is known to be equal
        "mv a1, a6",
        "ld t0, 0(a0)",
        "ld t1, 0(a1)",
        "bne t0, t1, 2f",
        "li a0, 0",
        "ret",
        "2:", // two words that differ: so do two of their bytes
        "lbu t0, 0(a0)",
        "lbu t1, 0(a1)",
        "addi a0, a0, 1",
        "addi a1, a1, 1",
        "beq t0, t1, 2b",
        "sub a0, t0, t1",
        "ret",
        "3:", // fewer than 8 bytes
        "beqz a2, 4f",
        "lbu t0, 0(a0)",
        "lbu t1, 0(a1)",
        "addi a0, a0, 1",
        "addi a1, a1, 1",
        "addi a2, a2, -1",
        "beq t0, t1, 3b",
        "sub a0, t0, t1",
        "ret",
        "4:",
        "li a0, 0",
        "ret",
    )
}

/// Zero if and only if `len` bytes are equal.
#[unsafe(no_mangle)]
#[unsafe(naked)]
unsafe extern "C" fn bcmp(left: *const u8, right: *const u8, len: usize) -> i32 {
    naked_asm!("tail {memcmp}", memcmp = sym memcmp)
}
