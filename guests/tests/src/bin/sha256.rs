//! SHA-256 in plain Rust (FIPS 180-4): 32-bit rotations, additions, and a digest that anyone can check.
#![no_std]
#![no_main]

use quintet_guest_rt::ecall::commit;

quintet_guest_rt::entry!(main);

/// The first 32 bits of the fractional part of the `root`-th root of a prime.
fn fraction(prime: u64, root: u32) -> u32 {
    // The largest r with r^root <= prime · 2^(32·root), bit by bit; for the cube root r³ needs 128 bits and some care.
    let mut result = 0u128;
    for bit in (0..38).rev() {
        let candidate = result | 1 << bit;
        let fits = match root {
            2 => candidate * candidate <= u128::from(prime) << 64,
            _ => (candidate * candidate).checked_mul(candidate).is_some_and(|cube| cube <= u128::from(prime) << 96),
        };
        if fits {
            result = candidate;
        }
    }
    result as u32
}

fn primes<const N: usize>() -> [u64; N] {
    let mut candidate = 1;
    core::array::from_fn(|_| {
        loop {
            candidate += 1;
            if (2..candidate).all(|divisor| candidate % divisor != 0) {
                return candidate;
            }
        }
    })
}

fn compress(state: &mut [u32; 8], block: &[u8; 64], constants: &[u32; 64]) {
    let mut w = [0u32; 64];
    for (word, bytes) in w.iter_mut().zip(block.chunks_exact(4)) {
        *word = bytes.iter().fold(0, |word, byte| word << 8 | u32::from(*byte));
    }
    for t in 16..64 {
        let (a, b) = (w[t - 15], w[t - 2]);
        let s0 = a.rotate_right(7) ^ a.rotate_right(18) ^ (a >> 3);
        let s1 = b.rotate_right(17) ^ b.rotate_right(19) ^ (b >> 10);
        w[t] = w[t - 16].wrapping_add(s0).wrapping_add(w[t - 7]).wrapping_add(s1);
    }
    let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = *state;
    for t in 0..64 {
        let s1 = e.rotate_right(6) ^ e.rotate_right(11) ^ e.rotate_right(25);
        let choice = (e & f) ^ (!e & g);
        let t1 = h.wrapping_add(s1).wrapping_add(choice).wrapping_add(constants[t]).wrapping_add(w[t]);
        let s0 = a.rotate_right(2) ^ a.rotate_right(13) ^ a.rotate_right(22);
        let majority = (a & b) ^ (a & c) ^ (b & c);
        (h, g, f, e, d, c, b, a) = (g, f, e, d.wrapping_add(t1), c, b, a, t1.wrapping_add(s0.wrapping_add(majority)));
    }
    for (word, new) in state.iter_mut().zip([a, b, c, d, e, f, g, h]) {
        *word = word.wrapping_add(new);
    }
}

fn main() -> u64 {
    let primes = primes::<64>();
    let constants = primes.map(|prime| fraction(prime, 3));
    let mut state: [u32; 8] = core::array::from_fn(|i| fraction(primes[i], 2));
    // 4,096 bytes 0, 1, …, 255, 0, …, then the padding block.
    for block in 0..64 {
        let bytes = core::array::from_fn(|i| (block * 64 + i) as u8);
        compress(&mut state, &bytes, &constants);
    }
    let mut padding = [0; 64];
    padding[0] = 0x80;
    padding[56..].copy_from_slice(&(8 * 4096u64).to_be_bytes());
    compress(&mut state, &padding, &constants);
    for (i, pair) in state.chunks_exact(2).enumerate() {
        commit(i as u64, u64::from(pair[0]) << 32 | u64::from(pair[1]));
    }
    0
}
