//! Start code: the first instructions of every guest.
//!
//! All registers are zero, RAM holds the ELF's image and zeros. The global pointer and the stack pointer are set, the
//! program's main is called, and what it returns is the exit code.

use core::arch::global_asm;

#[cfg(not(feature = "linux"))]
global_asm!(
    ".section .text.start, \"ax\", @progbits",
    ".globl _start",
    ".type _start, @function",
    "_start:",
    ".option push",
    ".option norelax",
    "la gp, __global_pointer$",
    "la sp, __stack_top",
    ".option pop",
    "call quintet_guest_main",
    "li a7, 0", // halt, with main's result in a0
    "ecall",
    "unimp",
);

// Linux has set the stack pointer, and the heap is part of .bss.
#[cfg(feature = "linux")]
global_asm!(
    ".section .text.start, \"ax\", @progbits",
    ".globl _start",
    ".type _start, @function",
    "_start:",
    ".option push",
    ".option norelax",
    "la gp, __global_pointer$",
    ".option pop",
    "call quintet_guest_main",
    "li a7, 93", // exit, with main's result in a0
    "ecall",
    "unimp",
);
