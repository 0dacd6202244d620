//! keccak-f\[1600\] in software, for Linux and host builds (FIPS 202, section 3.2).

const ROUNDS: [u64; 24] = [
    0x0000_0000_0000_0001,
    0x0000_0000_0000_8082,
    0x8000_0000_0000_808a,
    0x8000_0000_8000_8000,
    0x0000_0000_0000_808b,
    0x0000_0000_8000_0001,
    0x8000_0000_8000_8081,
    0x8000_0000_0000_8009,
    0x0000_0000_0000_008a,
    0x0000_0000_0000_0088,
    0x0000_0000_8000_8009,
    0x0000_0000_8000_000a,
    0x0000_0000_8000_808b,
    0x8000_0000_0000_008b,
    0x8000_0000_0000_8089,
    0x8000_0000_0000_8003,
    0x8000_0000_0000_8002,
    0x8000_0000_0000_0080,
    0x0000_0000_0000_800a,
    0x8000_0000_8000_000a,
    0x8000_0000_8000_8081,
    0x8000_0000_0000_8080,
    0x0000_0000_8000_0001,
    0x8000_0000_8000_8008,
];

/// Rotation of lane `x + 5y` in step ρ.
const RHO: [u32; 25] = [0, 1, 62, 28, 27, 36, 44, 6, 55, 20, 3, 10, 43, 25, 39, 41, 45, 15, 21, 8, 18, 2, 61, 56, 14];

/// The permutation, in place; lane (x, y) is word `x + 5y`.
pub(crate) fn keccak_f(a: &mut [u64; 25]) {
    for round in ROUNDS {
        // θ
        let mut c = [0u64; 5];
        for (i, lane) in a.iter().enumerate() {
            c[i % 5] ^= lane;
        }
        for (i, lane) in a.iter_mut().enumerate() {
            *lane ^= c[(i + 4) % 5] ^ c[(i + 1) % 5].rotate_left(1);
        }
        // ρ and π: B[y, 2x + 3y] = rot(A[x, y])
        let mut b = [0u64; 25];
        for (i, lane) in a.iter().enumerate() {
            let (x, y) = (i % 5, i / 5);
            b[y + 5 * ((2 * x + 3 * y) % 5)] = lane.rotate_left(RHO[i]);
        }
        // χ
        for (i, lane) in a.iter_mut().enumerate() {
            let (x, row) = (i % 5, i / 5 * 5);
            *lane = b[i] ^ (!b[row + (x + 1) % 5] & b[row + (x + 2) % 5]);
        }
        // ι
        a[0] ^= round;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permutation_of_zero_is_the_published_one() {
        let mut state = [0; 25];
        keccak_f(&mut state);
        assert_eq!(state[0], 0xf125_8f79_40e1_dde7);
        assert_eq!(state[24], 0xeaf1_ff7b_5cec_a249);
    }
}
