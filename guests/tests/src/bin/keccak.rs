//! Keccak: the ecall on the machine, software under Linux; the sponge for all lengths around the block size.
#![no_std]
#![no_main]

use quintet_guest_rt::ecall::{commit, keccak_f};
use quintet_guest_rt::keccak::{keccak256, keccak256_framed};
use quintet_guest_tests::{Checksum, Random};

quintet_guest_rt::entry!(main);

fn digest(sum: &mut Checksum, bytes: &[u8]) {
    bytes.chunks_exact(8).for_each(|part| sum.add(part.iter().fold(0, |word, byte| word << 8 | u64::from(*byte))));
}

fn main() -> u64 {
    // The permutation of zero, of all ones, and of what comes out, ten times.
    let mut state = [0; 25];
    keccak_f(&mut state);
    commit(0, state[0]);
    state = [u64::MAX; 25];
    for _ in 0..10 {
        keccak_f(&mut state);
    }
    let mut sum = Checksum::default();
    state.into_iter().for_each(|word| sum.add(word));
    commit(1, sum.value());

    let mut random = Random::new(1600);
    let message: [u8; 300] = core::array::from_fn(|_| random.next() as u8);
    let mut sum = Checksum::default();
    for len in (0..12).chain(126..146).chain(266..280) {
        digest(&mut sum, &keccak256(&message[len % 8..][..len]));
    }
    commit(2, sum.value());

    let mut sum = Checksum::default();
    let word = |bytes: &[u8]| bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
    for cut in 0..16 {
        let (low, high) = message[..cut].split_at(usize::min(cut, 8));
        for len in [5, 120, 121, 135, 136, 270] {
            digest(&mut sum, &keccak256_framed([word(low), word(high)], cut, &message[cut..][..len]));
        }
    }
    commit(3, sum.value());
    0
}
