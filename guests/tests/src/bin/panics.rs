//! A program that fails: one word is committed, then an index is out of bounds. It must halt with the panic code.
#![no_std]
#![no_main]

use core::hint::black_box;
use quintet_guest_rt::ecall::commit;

quintet_guest_rt::entry!(main);

fn main() -> u64 {
    commit(0, 1);
    let words = [1u64, 2, 3];
    words[black_box(3)]
}
