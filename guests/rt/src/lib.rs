//! Runtime of the guest programs: everything between the machine's interface and a program's `main`.
//!
//! | module | what it gives |
//! | --- | --- |
//! | [`abi`] | numbers and addresses of the machine's interface |
//! | [`ecall`] | halt, commit, keccak-f, log, profile (or their Linux stand-ins, feature `linux`) |
//! | [`input`] | the bytes of the input region |
//! | [`keccak`] | the Keccak-256 sponge over the keccak-f ecall, and alloy's `native_keccak256` |
//! | [`free_list`] | a heap allocator that frees |
//! | `start`, `mem`, `panic` | start code, unrolled `memcpy` and friends, the panic handler (RISC-V only) |
//!
//! The crate also compiles for the host, with keccak-f in software, so that its logic has unit tests there.
#![cfg_attr(not(test), no_std)]

pub mod abi;
mod absorb;
pub mod ecall;
pub mod free_list;
pub mod input;
pub mod keccak;
#[cfg(any(test, feature = "linux", not(target_arch = "riscv64")))]
mod keccak_soft;

#[cfg(all(target_arch = "riscv64", feature = "alloc"))]
mod global_alloc;
#[cfg(target_arch = "riscv64")]
mod mem;
#[cfg(all(target_arch = "riscv64", not(test)))]
mod panic;
#[cfg(target_arch = "riscv64")]
mod start;

/// Names the function that the start code calls: `fn() -> u64`, whose result is the exit code.
#[macro_export]
macro_rules! entry {
    ($main:path) => {
        #[unsafe(no_mangle)]
        extern "C" fn quintet_guest_main() -> u64 {
            let main: fn() -> u64 = $main;
            main()
        }
    };
}
