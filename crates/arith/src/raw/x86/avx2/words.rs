//! The instructions, under short names.

use std::arch::x86_64::*;

#[inline(always)]
pub(super) fn double(value: f64) -> __m256d {
    // SAFETY: see the module `x86`.
    unsafe { _mm256_set1_pd(value) }
}

#[inline(always)]
pub(super) fn word(value: u64) -> __m256i {
    // SAFETY: see the module `x86`.
    unsafe { _mm256_set1_epi64x(value as i64) }
}

#[inline(always)]
pub(super) fn bits(value: __m256d) -> __m256i {
    // SAFETY: see the module `x86`.
    unsafe { _mm256_castpd_si256(value) }
}

#[inline(always)]
pub(super) fn plus(a: __m256i, b: __m256i) -> __m256i {
    // SAFETY: see the module `x86`.
    unsafe { _mm256_add_epi64(a, b) }
}

#[inline(always)]
pub(super) fn minus(a: __m256i, b: __m256i) -> __m256i {
    // SAFETY: see the module `x86`.
    unsafe { _mm256_sub_epi64(a, b) }
}

#[inline(always)]
pub(super) fn from_bits(value: __m256i) -> __m256d {
    // SAFETY: see the module `x86`.
    unsafe { _mm256_castsi256_pd(value) }
}

/// The product of the lower 32 bits.
#[inline(always)]
pub(super) fn times32(a: __m256i, b: __m256i) -> __m256i {
    // SAFETY: see the module `x86`.
    unsafe { _mm256_mul_epu32(a, b) }
}

#[inline(always)]
pub(super) fn fused(a: __m256d, b: __m256d, sum: __m256d) -> __m256d {
    // SAFETY: see the module `x86`.
    unsafe { _mm256_fmadd_pd(a, b, sum) }
}

/// `sum − a·b`
#[inline(always)]
pub(super) fn less(a: __m256d, b: __m256d, sum: __m256d) -> __m256d {
    // SAFETY: see the module `x86`.
    unsafe { _mm256_fnmadd_pd(a, b, sum) }
}

#[inline(always)]
pub(super) fn add(a: __m256d, b: __m256d) -> __m256d {
    // SAFETY: see the module `x86`.
    unsafe { _mm256_add_pd(a, b) }
}

#[inline(always)]
pub(super) fn sub(a: __m256d, b: __m256d) -> __m256d {
    // SAFETY: see the module `x86`.
    unsafe { _mm256_sub_pd(a, b) }
}

#[inline(always)]
pub(super) fn and(a: __m256i, b: __m256i) -> __m256i {
    // SAFETY: see the module `x86`.
    unsafe { _mm256_and_si256(a, b) }
}

#[inline(always)]
pub(super) fn or(a: __m256i, b: __m256i) -> __m256i {
    // SAFETY: see the module `x86`.
    unsafe { _mm256_or_si256(a, b) }
}

#[inline(always)]
pub(super) fn left<const BY: i32>(a: __m256i) -> __m256i {
    // SAFETY: see the module `x86`.
    unsafe { _mm256_slli_epi64::<BY>(a) }
}

#[inline(always)]
pub(super) fn right<const BY: i32>(a: __m256i) -> __m256i {
    // SAFETY: see the module `x86`.
    unsafe { _mm256_srli_epi64::<BY>(a) }
}

/// Lanes of `set` where the sign bits of the mask are set, of `clear` elsewhere.
#[inline(always)]
pub(super) fn blend(mask: __m256d, set: __m256d, clear: __m256d) -> __m256d {
    // SAFETY: see the module `x86`.
    unsafe { _mm256_blendv_pd(clear, set, mask) }
}

/// All bits where the words are equal.
#[inline(always)]
pub(super) fn equal(a: __m256i, b: __m256i) -> __m256i {
    // SAFETY: see the module `x86`.
    unsafe { _mm256_cmpeq_epi64(a, b) }
}

/// Words from memory.
#[inline(always)]
pub(super) fn load_words(words: &[u64; 4]) -> __m256i {
    // SAFETY: see the module `x86`; four words.
    unsafe { _mm256_loadu_si256(words.as_ptr().cast()) }
}

/// Words to memory.
#[inline(always)]
pub(super) fn store_words(value: __m256i, words: &mut [u64; 4]) {
    // SAFETY: see the module `x86`; four words.
    unsafe { _mm256_storeu_si256(words.as_mut_ptr().cast(), value) }
}

/// Doubles from memory.
#[inline(always)]
pub(super) fn load(doubles: &[f64; 4]) -> __m256d {
    // SAFETY: see the module `x86`; four doubles.
    unsafe { _mm256_loadu_pd(doubles.as_ptr()) }
}

/// Doubles to memory.
#[inline(always)]
pub(super) fn store(value: __m256d, doubles: &mut [f64; 4]) {
    // SAFETY: see the module `x86`; four doubles.
    unsafe { _mm256_storeu_pd(doubles.as_mut_ptr(), value) }
}

/// Transposes a 4 × 4 matrix of words.
#[inline(always)]
pub(super) fn transpose(rows: [__m256i; 4]) -> [__m256i; 4] {
    let [a, b, c, d] = rows;
    // SAFETY: see the module `x86`.
    unsafe {
        let (even, odd) = (_mm256_unpacklo_epi64(a, b), _mm256_unpackhi_epi64(a, b));
        let (even2, odd2) = (_mm256_unpacklo_epi64(c, d), _mm256_unpackhi_epi64(c, d));
        [
            _mm256_permute2x128_si256::<0x20>(even, even2),
            _mm256_permute2x128_si256::<0x20>(odd, odd2),
            _mm256_permute2x128_si256::<0x31>(even, even2),
            _mm256_permute2x128_si256::<0x31>(odd, odd2),
        ]
    }
}
