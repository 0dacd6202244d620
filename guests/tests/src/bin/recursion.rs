//! Deep calls: Ackermann, Fibonacci, and the towers of Hanoi; the stack and indirect calls.
#![no_std]
#![no_main]

use core::hint::black_box;
use quintet_guest_rt::ecall::commit;

quintet_guest_rt::entry!(main);

fn ackermann(m: u64, n: u64) -> u64 {
    match (m, n) {
        (0, n) => n + 1,
        (m, 0) => ackermann(m - 1, 1),
        (m, n) => ackermann(m - 1, ackermann(m, n - 1)),
    }
}

fn fibonacci(n: u64) -> u64 {
    if n < 2 { n } else { fibonacci(n - 1).wrapping_add(fibonacci(n - 2)) }
}

/// Moves a tower and gives the state of the pegs, each a bit mask of its discs.
fn hanoi(discs: u32, from: usize, to: usize, pegs: &mut [u64; 3]) {
    if discs == 0 {
        return;
    }
    hanoi(discs - 1, from, 3 - from - to, pegs);
    pegs[from] ^= 1 << discs;
    pegs[to] ^= 1 << discs;
    hanoi(discs - 1, 3 - from - to, to, pegs);
}

fn main() -> u64 {
    let functions: [fn(u64) -> u64; 3] = [|n| ackermann(2, n), fibonacci, |n| n.wrapping_mul(n)];
    let mut sum = 0u64;
    for n in 0..12 {
        // Not known when compiling: a call through a register.
        let function = functions[black_box(n as usize) % 3];
        sum = sum.rotate_left(9) ^ function(black_box(n));
    }
    let mut pegs = [0x7fe, 0, 0];
    hanoi(black_box(10), 0, 2, &mut pegs);
    commit(0, ackermann(black_box(2), black_box(9)));
    commit(1, fibonacci(black_box(15)));
    commit(2, pegs[2]);
    commit(3, sum);
    0
}
