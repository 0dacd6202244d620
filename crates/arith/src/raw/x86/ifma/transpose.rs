//! From elements that lie one after the other to rows of limbs, and back.

use std::arch::x86_64::*;

/// Words `place`, `place + 4` … of eight elements of four words each.
///
/// # Safety
/// `words` must point to 32 readable words, and the machine must have AVX-512.
#[inline(always)]
pub(super) unsafe fn load_elements(words: *const u64) -> [__m512i; 4] {
    // SAFETY: the caller's promise.
    unsafe {
        let z = [
            _mm512_loadu_si512(words.cast()),
            _mm512_loadu_si512(words.add(8).cast()),
            _mm512_loadu_si512(words.add(16).cast()),
            _mm512_loadu_si512(words.add(24).cast()),
        ];
        let low = _mm512_setr_epi64(0, 4, 8, 12, 1, 5, 9, 13);
        let high = _mm512_setr_epi64(2, 6, 10, 14, 3, 7, 11, 15);
        let (a, b) = (_mm512_permutex2var_epi64(z[0], low, z[1]), _mm512_permutex2var_epi64(z[2], low, z[3]));
        let (c, d) = (_mm512_permutex2var_epi64(z[0], high, z[1]), _mm512_permutex2var_epi64(z[2], high, z[3]));
        [
            _mm512_shuffle_i64x2::<0b01_00_01_00>(a, b),
            _mm512_shuffle_i64x2::<0b11_10_11_10>(a, b),
            _mm512_shuffle_i64x2::<0b01_00_01_00>(c, d),
            _mm512_shuffle_i64x2::<0b11_10_11_10>(c, d),
        ]
    }
}

/// The inverse of [`load_elements`].
///
/// # Safety
/// `words` must point to 32 writable words, and the machine must have AVX-512.
#[inline(always)]
pub(super) unsafe fn store_elements(rows: [__m512i; 4], words: *mut u64) {
    // SAFETY: the caller's promise.
    unsafe {
        let low = _mm512_setr_epi64(0, 8, 2, 10, 4, 12, 6, 14);
        let high = _mm512_setr_epi64(1, 9, 3, 11, 5, 13, 7, 15);
        // Pairs of words of one element: (0, 1) and (2, 3) of the even, then of the odd elements.
        let even01 = _mm512_permutex2var_epi64(rows[0], low, rows[1]);
        let odd01 = _mm512_permutex2var_epi64(rows[0], high, rows[1]);
        let even23 = _mm512_permutex2var_epi64(rows[2], low, rows[3]);
        let odd23 = _mm512_permutex2var_epi64(rows[2], high, rows[3]);
        // 128-bit pieces: even01 holds elements 0, 2, 4, 6.
        let first = _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11);
        let second = _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15);
        let (e02, e46) = (_mm512_permutex2var_epi64(even01, first, even23), _mm512_permutex2var_epi64(even01, second, even23));
        let (o13, o57) = (_mm512_permutex2var_epi64(odd01, first, odd23), _mm512_permutex2var_epi64(odd01, second, odd23));
        let out = [
            _mm512_shuffle_i64x2::<0b01_00_01_00>(e02, o13),
            _mm512_shuffle_i64x2::<0b11_10_11_10>(e02, o13),
            _mm512_shuffle_i64x2::<0b01_00_01_00>(e46, o57),
            _mm512_shuffle_i64x2::<0b11_10_11_10>(e46, o57),
        ];
        for (place, row) in out.into_iter().enumerate() {
            _mm512_storeu_si512(words.add(8 * place).cast(), row);
        }
    }
}

/// Transposes an 8 × 8 matrix of words.
///
/// # Safety
/// The machine must have AVX-512.
#[inline(always)]
pub(super) unsafe fn transpose(z: [__m512i; 8]) -> [__m512i; 8] {
    // SAFETY: the caller's promise.
    unsafe {
        // Words (0, 0', 2, 2', 4, 4', 6, 6') of neighbours, then (1, 1', …).
        let [r0, r2, r4, r6] = quads(
            _mm512_unpacklo_epi64(z[0], z[1]),
            _mm512_unpacklo_epi64(z[2], z[3]),
            _mm512_unpacklo_epi64(z[4], z[5]),
            _mm512_unpacklo_epi64(z[6], z[7]),
        );
        let [r1, r3, r5, r7] = quads(
            _mm512_unpackhi_epi64(z[0], z[1]),
            _mm512_unpackhi_epi64(z[2], z[3]),
            _mm512_unpackhi_epi64(z[4], z[5]),
            _mm512_unpackhi_epi64(z[6], z[7]),
        );
        [r0, r1, r2, r3, r4, r5, r6, r7]
    }
}

/// Transposes a 4 × 4 matrix of pairs of words.
///
/// # Safety
/// The machine must have AVX-512.
#[inline(always)]
unsafe fn quads(a: __m512i, b: __m512i, c: __m512i, d: __m512i) -> [__m512i; 4] {
    // SAFETY: the caller's promise.
    unsafe {
        let (low, high) = (_mm512_shuffle_i64x2::<0b10_00_10_00>(a, b), _mm512_shuffle_i64x2::<0b11_01_11_01>(a, b));
        let (low2, high2) = (_mm512_shuffle_i64x2::<0b10_00_10_00>(c, d), _mm512_shuffle_i64x2::<0b11_01_11_01>(c, d));
        [
            _mm512_shuffle_i64x2::<0b10_00_10_00>(low, low2),
            _mm512_shuffle_i64x2::<0b10_00_10_00>(high, high2),
            _mm512_shuffle_i64x2::<0b11_01_11_01>(low, low2),
            _mm512_shuffle_i64x2::<0b11_01_11_01>(high, high2),
        ]
    }
}
