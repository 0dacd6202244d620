//! Eight field elements in five registers.

use std::{arch::x86_64::*, fmt, marker::PhantomData};

use ff::{Field, PrimeField};
use pasta_curves::{Fp, Fq};

use super::{
    Planar,
    layout::{MASK, multiples, negative_inverse, split},
    transpose::{load_elements, store_elements, transpose},
};
use crate::{
    Evals, LANES, Lanes,
    lanes::{Kernel, PointCell, Work, each},
    raw::layout::{self, Modulus, Packed},
};

/// Eight elements: limb `i` of all of them in register `i`. Every limb is below 2⁵², every value below 2²⁵⁵ + 2²¹⁰.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct Ifma<F>(pub(in crate::raw::x86) [__m512i; 5], PhantomData<F>);

impl<F: Modulus> fmt::Debug for Ifma<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ifma")
    }
}

/// An array over the five limbs. Not a closure: what a closure does is not compiled for these instructions unless it happens to be inlined.
macro_rules! limbs {
    ($limb:ident => $value:expr) => {
        [
            {
                let $limb = 0;
                $value
            },
            {
                let $limb = 1;
                $value
            },
            {
                let $limb = 2;
                $value
            },
            {
                let $limb = 3;
                $value
            },
            {
                let $limb = 4;
                $value
            },
        ]
    };
}

#[inline(always)]
fn word(value: u64) -> __m512i {
    // SAFETY: see the module `x86`.
    unsafe { _mm512_set1_epi64(value as i64) }
}

/// `a · b + sum`, lower 52 bits of the product.
#[inline(always)]
fn low(sum: __m512i, a: __m512i, b: __m512i) -> __m512i {
    // SAFETY: see the module `x86`.
    unsafe { _mm512_madd52lo_epu64(sum, a, b) }
}

/// `a · b + sum`, upper 52 bits of the product.
#[inline(always)]
fn high(sum: __m512i, a: __m512i, b: __m512i) -> __m512i {
    // SAFETY: see the module `x86`.
    unsafe { _mm512_madd52hi_epu64(sum, a, b) }
}

#[inline(always)]
fn plus(a: __m512i, b: __m512i) -> __m512i {
    // SAFETY: see the module `x86`.
    unsafe { _mm512_add_epi64(a, b) }
}

#[inline(always)]
fn minus(a: __m512i, b: __m512i) -> __m512i {
    // SAFETY: see the module `x86`.
    unsafe { _mm512_sub_epi64(a, b) }
}

#[inline(always)]
fn and(a: __m512i, b: __m512i) -> __m512i {
    // SAFETY: see the module `x86`.
    unsafe { _mm512_and_si512(a, b) }
}

#[inline(always)]
fn or(a: __m512i, b: __m512i) -> __m512i {
    // SAFETY: see the module `x86`.
    unsafe { _mm512_or_si512(a, b) }
}

#[inline(always)]
fn left<const BITS: u32>(a: __m512i) -> __m512i {
    // SAFETY: see the module `x86`.
    unsafe { _mm512_slli_epi64::<BITS>(a) }
}

#[inline(always)]
fn right<const BITS: u32>(a: __m512i) -> __m512i {
    // SAFETY: see the module `x86`.
    unsafe { _mm512_srli_epi64::<BITS>(a) }
}

/// Makes limbs of 52 bits out of signed ones. The top limb keeps what does not fit.
#[inline(always)]
fn carry(mut t: [__m512i; 5]) -> [__m512i; 5] {
    for place in 0..4 {
        // SAFETY: see the module `x86`.
        let over = unsafe { _mm512_srai_epi64::<52>(t[place]) };
        t[place] = and(t[place], word(MASK));
        t[place + 1] = plus(t[place + 1], over);
    }
    t
}

impl<F: Modulus> Ifma<F> {
    const P1: [u64; 5] = split(F::P, 1);
    const P2: [u64; 5] = split(F::P, 2);
    const P4: [u64; 5] = split(F::P, 4);
    const P16: [u64; 5] = split(F::P, 16);
    const NEGATIVE_INVERSE: u64 = negative_inverse(F::P[0]);
    const MULTIPLES: [[u64; 16]; 3] = [multiples(F::P, 0), multiples(F::P, 1), multiples(F::P, 2)];

    #[inline(always)]
    fn new(limbs: [__m512i; 5]) -> Self {
        Self(limbs, PhantomData)
    }

    /// From limbs that are at most a few bits too long, of a value below 16p + 2²⁵⁰, and below 8p if `WIDE` is not set.
    ///
    /// With q the number of whole 2²⁵⁴, (q − 1)·p is taken off, nothing if q is 0. What is left is below 2·2²⁵⁴ and the carry, and not negative.
    #[inline(always)]
    fn reduce<const WIDE: bool>(t: [__m512i; 5]) -> Self {
        // SAFETY: see the module `x86`.
        unsafe {
            let whole = right::<46>(t[4]);
            let times = _mm512_subs_epu16(whole, word(1));
            Self::new(carry([
                minus(t[0], Self::multiple::<WIDE>(times, 0)),
                minus(t[1], Self::multiple::<WIDE>(times, 1)),
                minus(t[2], Self::multiple::<WIDE>(times, 2)),
                t[3],
                minus(t[4], left::<46>(times)),
            ]))
        }
    }

    /// Limb `limb` of a multiple of p.
    #[inline(always)]
    fn multiple<const WIDE: bool>(times: __m512i, limb: usize) -> __m512i {
        // SAFETY: see the module `x86`. The tables have 16 entries of 8 bytes.
        unsafe {
            let table = Self::MULTIPLES[limb].as_ptr();
            let first = _mm512_loadu_si512(table.cast());
            if WIDE {
                _mm512_permutex2var_epi64(first, times, _mm512_loadu_si512(table.add(8).cast()))
            } else {
                _mm512_permutexvar_epi64(times, first)
            }
        }
    }

    /// The ten columns of the product.
    #[inline(always)]
    fn product(a: &[__m512i; 5], b: &[__m512i; 5]) -> [__m512i; 10] {
        let mut t = [word(0); 10];
        for i in 0..5 {
            for j in 0..5 {
                t[i + j] = low(t[i + j], a[i], b[j]);
                t[i + j + 1] = high(t[i + j + 1], a[i], b[j]);
            }
        }
        t
    }

    /// The ten columns of the square.
    #[inline(always)]
    fn product_self(a: &[__m512i; 5]) -> [__m512i; 10] {
        let mut t = [word(0); 10];
        for i in 0..5 {
            for j in i + 1..5 {
                t[i + j] = low(t[i + j], a[i], a[j]);
                t[i + j + 1] = high(t[i + j + 1], a[i], a[j]);
            }
        }
        for column in &mut t[1..9] {
            *column = plus(*column, *column);
        }
        for i in 0..5 {
            t[2 * i] = low(t[2 * i], a[i], a[i]);
            t[2 * i + 1] = high(t[2 * i + 1], a[i], a[i]);
        }
        t
    }

    /// Montgomery's reduction, limb by limb: the columns' value divided by 2²⁶⁰. Below p if the value is below p·2²⁶⁰, and in any case below the
    /// value divided by 2²⁶⁰, plus p.
    #[inline(always)]
    fn montgomery(mut t: [__m512i; 10]) -> Self {
        let p: [__m512i; 5] = limbs!(limb => word(Self::P1[limb]));
        let inverse = word(Self::NEGATIVE_INVERSE);
        for i in 0..5 {
            let m = low(word(0), t[i], inverse);
            // Limb 3 of p is 0.
            let cleared = low(t[i], m, p[0]);
            t[i + 1] = high(t[i + 1], m, p[0]);
            t[i + 1] = low(t[i + 1], m, p[1]);
            t[i + 2] = high(t[i + 2], m, p[1]);
            t[i + 2] = low(t[i + 2], m, p[2]);
            t[i + 3] = high(t[i + 3], m, p[2]);
            t[i + 4] = low(t[i + 4], m, p[4]);
            t[i + 5] = high(t[i + 5], m, p[4]);
            t[i + 1] = plus(t[i + 1], right::<52>(cleared));
        }
        Self::new(carry([t[5], t[6], t[7], t[8], t[9]]))
    }

    /// Four rows of 64-bit words, as pasta_curves has them, to lanes.
    #[inline(always)]
    fn from_montgomery_256(w: [__m512i; 4]) -> Self {
        let mask = word(MASK);
        // Times 16.
        Self::reduce::<true>([
            and(left::<4>(w[0]), mask),
            and(or(right::<48>(w[0]), left::<16>(w[1])), mask),
            and(or(right::<36>(w[1]), left::<28>(w[2])), mask),
            and(or(right::<24>(w[2]), left::<40>(w[3])), mask),
            right::<12>(w[3]),
        ])
    }

    /// Lanes to four rows of words below p, as pasta_curves has them.
    #[inline(always)]
    fn to_montgomery_256(self) -> [__m512i; 4] {
        let t = self.0;
        // p is 1 modulo 16, so this multiple of p makes the value a multiple of 16. It is below 2p + 15p then, so one subtraction of 16p is enough.
        let m = and(minus(word(0), t[0]), word(15));
        let p: [__m512i; 5] = limbs!(limb => word(Self::P1[limb]));
        let sum = carry([
            low(t[0], m, p[0]),
            low(high(t[1], m, p[0]), m, p[1]),
            low(high(t[2], m, p[1]), m, p[2]),
            t[3],
            plus(t[4], left::<46>(m)),
        ]);
        let sum = subtract_once(sum, &Self::P16);
        [
            or(right::<4>(sum[0]), left::<48>(sum[1])),
            or(right::<16>(sum[1]), left::<36>(sum[2])),
            or(right::<28>(sum[2]), left::<24>(sum[3])),
            or(right::<40>(sum[3]), left::<12>(sum[4])),
        ]
    }

    #[inline(always)]
    fn from_packed(w: [__m512i; 4]) -> Self {
        let mask = word(MASK);
        Self::new([
            and(w[0], mask),
            and(or(right::<52>(w[0]), left::<12>(w[1])), mask),
            and(or(right::<40>(w[1]), left::<24>(w[2])), mask),
            and(or(right::<28>(w[2]), left::<36>(w[3])), mask),
            right::<16>(w[3]),
        ])
    }

    #[inline(always)]
    fn to_packed(self) -> [__m512i; 4] {
        let t = self.0;
        [
            or(t[0], left::<52>(t[1])),
            or(right::<12>(t[1]), left::<40>(t[2])),
            or(right::<24>(t[2]), left::<28>(t[3])),
            or(right::<36>(t[3]), left::<16>(t[4])),
        ]
    }

    /// Adds without reduction, limbs of 52 bits. The caller keeps the value below 2²⁶⁰.
    #[inline(always)]
    fn add_unreduced(self, other: Self) -> Self {
        Self::new(carry(limbs!(limb => plus(self.0[limb], other.0[limb]))))
    }
}

/// Takes `p` off where it can be.
#[inline(always)]
fn subtract_once(t: [__m512i; 5], p: &[u64; 5]) -> [__m512i; 5] {
    let less = carry(limbs!(limb => minus(t[limb], word(p[limb]))));
    // SAFETY: see the module `x86`.
    unsafe {
        let negative = _mm512_movepi64_mask(less[4]);
        limbs!(limb => _mm512_mask_blend_epi64(negative, less[limb], t[limb]))
    }
}

#[inline(always)]
fn load_slice<F: Modulus>(values: &[F]) -> Ifma<F> {
    assert!(values.len() >= LANES, "eight elements");
    // SAFETY: see the module `x86`; eight elements of four words each, by the layout that `Modulus` promises.
    Ifma::from_montgomery_256(unsafe { load_elements(values.as_ptr().cast()) })
}

#[inline(always)]
fn store_slice<F: Modulus>(lanes: Ifma<F>, values: &mut [F]) {
    assert!(values.len() >= LANES, "eight elements");
    // SAFETY: see the module `x86`; eight elements of four words each, and what is written is below the modulus.
    unsafe { store_elements(lanes.to_montgomery_256(), values.as_mut_ptr().cast()) }
}

macro_rules! lanes {
    ($field:ty, $blocks:expr, $evals:expr, $into:expr) => {
        impl Kernel for Ifma<$field> {
            type Element = $field;
            type Cell = Packed;
            type Stored = Planar;
            type Scalar = [u64; 5];

            fn scalar(element: $field) -> [u64; 5] {
                split(Self::to_cell(element), 1)
            }

            #[inline(always)]
            fn broadcast(scalar: &[u64; 5]) -> Self {
                Self::new(limbs!(limb => word(scalar[limb])))
            }

            #[inline(always)]
            fn transpose(vectors: [Self; LANES]) -> [Self; LANES] {
                // SAFETY: see the module `x86`.
                let columns = unsafe { limbs!(limb => transpose(each!(vector => vectors[vector].0[limb]))) };
                each!(vector => Self::new(limbs!(limb => columns[limb][vector])))
            }

            fn enter<W: Work>(work: W) -> W::Output {
                super::enter(work)
            }

            #[inline(always)]
            fn gather(points: [&PointCell<Packed>; LANES]) -> (Self, Self) {
                // SAFETY: see the module `x86`; a point at rest is eight words.
                unsafe {
                    let rows = each!(lane => _mm512_load_si512(std::ptr::from_ref(points[lane]).cast()));
                    let [a, b, c, d, e, f, g, h] = transpose(rows);
                    (Self::from_packed([a, b, c, d]), Self::from_packed([e, f, g, h]))
                }
            }

            #[inline(always)]
            fn scatter(x: Self, y: Self, points: &mut [PointCell<Packed>; LANES]) {
                let ([a, b, c, d], [e, f, g, h]) = (x.to_packed(), y.to_packed());
                // SAFETY: see the module `x86`; a point at rest is eight words.
                unsafe {
                    for (row, point) in transpose([a, b, c, d, e, f, g, h]).into_iter().zip(points) {
                        _mm512_store_si512(std::ptr::from_mut(point).cast(), row);
                    }
                }
            }

            fn to_cell(element: $field) -> Packed {
                // 16·x in pasta_curves' representation is x in ours.
                *layout::limbs(&element.double().double().double().double())
            }

            fn from_cell(cell: Packed) -> $field {
                // The representation is 16 times pasta_curves'.
                layout::element::<$field>(layout::reduced(cell, <$field>::P)) * <$field>::TWO_INV.square().square()
            }

            #[inline(always)]
            fn select(mask: u8, set: Self, clear: Self) -> Self {
                // SAFETY: see the module `x86`.
                Self::new(unsafe { limbs!(limb => _mm512_mask_blend_epi64(mask, clear.0[limb], set.0[limb])) })
            }

            #[inline(always)]
            fn to_array(self) -> [$field; LANES] {
                let mut values = [<$field as Field>::ZERO; LANES];
                store_slice(self, &mut values);
                values
            }

            #[inline(always)]
            fn from_array(values: [$field; LANES]) -> Self {
                load_slice(&values)
            }

            #[inline(always)]
            fn join(low: &mut Planar, high: &mut Planar, twiddle: &Self::Scalar) {
                let (even, odd) = (Self::from_block(low), Self::from_block(high));
                // A product of anything below 2²⁶⁰ and a reduced factor is below 2p.
                let turned = odd.mul(Self::broadcast(twiddle));
                let difference =
                    carry(limbs!(limb => minus(plus(even.0[limb], word(Self::P2[limb])), turned.0[limb])));
                *low = even.add_unreduced(turned).to_block();
                *high = Self::new(difference).to_block();
            }

            fn evals(blocks: Vec<Planar>) -> Evals {
                $evals(blocks)
            }

            fn into_blocks(evals: Evals) -> Vec<Planar> {
                $into(evals)
            }
        }

        impl Lanes for Ifma<$field> {
            type Field = $field;
            type Block = Planar;

            #[inline(always)]
            fn splat(value: $field) -> Self {
                let [a, b, c, d] = *layout::limbs(&value);
                Self::from_montgomery_256([word(a), word(b), word(c), word(d)])
            }

            #[inline(always)]
            fn load(values: &[$field]) -> Self {
                load_slice(values)
            }

            #[inline(always)]
            fn store(self, values: &mut [$field]) {
                store_slice(self, values);
            }

            #[inline(always)]
            fn from_block(block: &Planar) -> Self {
                // SAFETY: see the module `x86`; a block is aligned.
                Self::new(unsafe { limbs!(limb => _mm512_load_si512(block.0[limb].as_ptr().cast())) })
            }

            #[inline(always)]
            fn to_block(self) -> Planar {
                let mut block = Planar::default();
                for (row, limb) in block.0.iter_mut().zip(self.0) {
                    // SAFETY: see the module `x86`; a block is aligned.
                    unsafe { _mm512_store_si512(row.as_mut_ptr().cast(), limb) }
                }
                block
            }

            #[inline(always)]
            fn add(self, other: Self) -> Self {
                Self::reduce::<false>(limbs!(limb => plus(self.0[limb], other.0[limb])))
            }

            #[inline(always)]
            fn sub(self, other: Self) -> Self {
                Self::reduce::<false>(limbs!(limb => minus(plus(self.0[limb], word(Self::P4[limb])), other.0[limb])))
            }

            #[inline(always)]
            fn mul(self, other: Self) -> Self {
                Self::montgomery(Self::product(&self.0, &other.0))
            }

            #[inline(always)]
            fn square(self) -> Self {
                Self::montgomery(Self::product_self(&self.0))
            }

            #[inline(always)]
            fn neg(self) -> Self {
                Self::reduce::<false>(limbs!(limb => minus(word(Self::P4[limb]), self.0[limb])))
            }

            #[inline(always)]
            fn rotate(self, by: usize) -> Self {
                // SAFETY: see the module `x86`.
                unsafe {
                    let lanes = _mm512_setr_epi64(0, 1, 2, 3, 4, 5, 6, 7);
                    let index = plus(lanes, word(by as u64));
                    Self::new(limbs!(limb => _mm512_permutexvar_epi64(index, self.0[limb])))
                }
            }

            #[inline(always)]
            fn blocks(evals: &Evals) -> &[Planar] {
                $blocks(evals)
            }
        }
    };
}

lanes!(Fp, Evals::planar_blocks, Evals::from_planar, Evals::into_planar);
lanes!(Fq, |_| unreachable!("evaluations are over Fp"), |_| unreachable!("evaluations are over Fp"), |_| unreachable!(
    "evaluations are over Fp"
));
