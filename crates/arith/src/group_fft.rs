//! Generators in the Lagrange basis: an inverse Fourier transform whose values are points.
//!
//! Each layer multiplies half of the points with twiddles. The multiplications lie in lanes, and all lanes do the same steps: the halves of a
//! twiddle are made odd and written with digits that are never 0, so that there is nothing to skip, and the multiple of a digit is picked from
//! a table lane by lane.

use ff::{Field, PrimeField};
use group::{Curve, CurveAffine as _, Group};
use pasta_curves::{Eq, EqAffine, Fp, Fq, arithmetic::CurveAffine};
use rayon::prelude::*;

use crate::{
    LANES, Lanes, Path,
    affine::Degenerate,
    block::{Block, Job, Operand},
    collapse::combine,
    glv,
    lanes::{on, work},
    ntt,
};

/// Butterflies that are computed together.
const BATCH: usize = 128 * LANES;
/// Bits of a digit; digits are odd and below `2^BITS` in magnitude.
const BITS: u32 = 4;
/// Digits of half a scalar.
const DIGITS: usize = 33;
/// Odd multiples below `2^BITS`.
const MULTIPLES: usize = 1 << (BITS - 1);

/// Half a scalar as odd digits, lowest first.
#[derive(Clone, Copy)]
struct Recoded {
    digits: [i8; DIGITS],
    /// The digits are of the half plus one, in magnitude.
    even: bool,
    negative: bool,
}

fn recode((magnitude, negative): glv::Half) -> Recoded {
    let even = magnitude & 1 == 0;
    let mut rest = magnitude | 1;
    let mut digits = [0; DIGITS];
    for digit in &mut digits[..DIGITS - 1] {
        // What is left stays odd.
        *digit = (rest & ((2 << BITS) - 1)) as i8 - (1 << BITS);
        rest = (rest >> (BITS + 1) << 1) | 1;
    }
    digits[DIGITS - 1] = rest as i8;
    if negative {
        digits = digits.map(|digit| -digit);
    }
    Recoded { digits, even, negative }
}

/// The generators in the Lagrange basis of the domain: the inverse Fourier transform of a power of two of points. After each of its layers,
/// `layer_done` is told the layer's number, from 1 up.
///
/// # Panics
/// If their number is not a power of two.
pub fn group_ifft(path: Path, points: &[EqAffine], layer_done: &dyn Fn(usize)) -> Vec<EqAffine> {
    assert!(points.len().is_power_of_two(), "a power of two of points");
    let n = points.len();
    let k = n.trailing_zeros();
    let reversed = |place: usize| if k == 0 { 0 } else { place.reverse_bits() >> (usize::BITS - k) };
    let mut points: Vec<EqAffine> = (0..n).map(|place| points[reversed(place)]).collect();
    let (_, root) = ntt::roots(k);
    for layer in 0..k {
        let half = 1usize << layer;
        let step = (layer + 1..k).fold(root, |root, _| root.square());
        let twiddles: Vec<Fp> = std::iter::successors(Some(Fp::ONE), |power| Some(power * step)).take(half).collect();
        let recoded: Vec<[Recoded; 2]> = twiddles.par_iter().map(|twiddle| glv::split(twiddle).map(recode)).collect();
        // Butterfly i of twiddle j, twiddles first: those of twiddle 1 are apart.
        let place = |number: usize| {
            let (twiddle, chunk) = (number / (n / (2 * half)), number % (n / (2 * half)));
            (chunk * 2 * half + twiddle, twiddle)
        };
        let results: Vec<(EqAffine, EqAffine)> = (0..(n / 2).div_ceil(BATCH))
            .into_par_iter()
            .flat_map_iter(|batch| {
                let numbers = batch * BATCH..((batch + 1) * BATCH).min(n / 2);
                let low: Vec<EqAffine> = numbers.clone().map(|number| points[place(number).0]).collect();
                let high: Vec<EqAffine> = numbers.clone().map(|number| points[place(number).0 + half]).collect();
                let digits: Vec<&[Recoded; 2]> = numbers.clone().map(|number| &recoded[place(number).1]).collect();
                let fast = on!(path, Fq, L => butterflies::<L>(&low, &high, &digits, layer == 0));
                fast.unwrap_or_else(|_| {
                    let factors: Vec<Fp> = numbers.map(|number| twiddles[place(number).1]).collect();
                    projective(&low, &high, &factors)
                })
            })
            .collect();
        for (number, (sum, difference)) in results.into_iter().enumerate() {
            let (at, _) = place(number);
            (points[at], points[at + half]) = (sum, difference);
        }
        layer_done(layer as usize + 1);
    }
    let scale = Fp::TWO_INV.pow_vartime([u64::from(k)]);
    let scaled = on!(path, Fq, L => combine::<L>(&points, &[scale]));
    scaled.unwrap_or_else(|_| {
        let scaled: Vec<Eq> = points.par_iter().map(|point| *point * scale).collect();
        normalize(&scaled)
    })
}

fn normalize(points: &[Eq]) -> Vec<EqAffine> {
    let mut affine = vec![EqAffine::identity(); points.len()];
    Eq::batch_normalize(points, &mut affine);
    affine
}

/// Butterflies in projective coordinates, whose formulas know all cases.
fn projective(low: &[EqAffine], high: &[EqAffine], factors: &[Fp]) -> Vec<(EqAffine, EqAffine)> {
    let turned: Vec<Eq> = high.iter().zip(factors).map(|(high, factor)| *high * factor).collect();
    let sums: Vec<Eq> = low.iter().zip(&turned).map(|(low, turned)| *turned + *low).collect();
    let differences: Vec<Eq> = low.iter().zip(&turned).map(|(low, turned)| Eq::identity() + *low - *turned).collect();
    normalize(&sums).into_iter().zip(normalize(&differences)).collect()
}

fn coordinates(points: &[EqAffine]) -> Result<Vec<(Fq, Fq)>, Degenerate> {
    let point = |point: &EqAffine| point.coordinates().into_option().map(|point| (*point.x(), *point.y())).ok_or(Degenerate);
    points.iter().map(point).collect()
}

/// `low ± digits·high`.
fn butterflies<L: Lanes<Field = Fq>>(
    low: &[EqAffine],
    high: &[EqAffine],
    digits: &[&[Recoded; 2]],
    trivial: bool,
) -> Result<Vec<(EqAffine, EqAffine)>, Degenerate> {
    let mut block = Block::<L>::new(low.len());
    let (l, h) = (block.point(), block.point());
    block.fill(l, &coordinates(low)?);
    block.fill(h, &coordinates(high)?);
    let turned = if trivial { h } else { multiply(&mut block, h, digits)? };
    let (sum, difference) = (block.point(), block.point());
    block.round(&[Job::Add(l, turned, sum), Job::Add(l, Operand { negative: true, ..turned }, difference)])?;
    Ok(block.unload(sum).into_iter().zip(block.unload(difference)).collect())
}

/// Each point times its own scalar.
fn multiply<L: Lanes<Field = Fq>>(
    block: &mut Block<L>,
    point: Operand,
    digits: &[&[Recoded; 2]],
) -> Result<Operand, Degenerate> {
    let twice = block.point();
    block.round(&[Job::Double(point, twice)])?;
    let mut multiples = vec![point];
    for multiple in 1..MULTIPLES {
        let next = block.point();
        block.round(&[Job::Add(multiples[multiple - 1], twice, next)])?;
        multiples.push(next);
    }
    let turned: Vec<Operand> = multiples.iter().map(|multiple| Operand { x: block.turn(multiple.x), ..*multiple }).collect();
    let (first, second, both) = (block.point(), block.point(), block.point());
    let mut sum = block.point();
    let mut next = block.point();
    for place in (0..DIGITS).rev() {
        L::enter(Pick::<L>::new(block, &multiples, digits, 0, place, first));
        L::enter(Pick::<L>::new(block, &turned, digits, 1, place, second));
        if place == DIGITS - 1 {
            block.round(&[Job::Add(first, second, sum)])?;
            continue;
        }
        block.round(&[Job::Add(first, second, both), Job::Double(sum, next)])?;
        for _ in 1..BITS {
            (sum, next) = (next, sum);
            block.round(&[Job::Double(sum, next)])?;
        }
        block.round(&[Job::Add(next, both, sum)])?;
    }
    for (half, own) in [multiples[0], turned[0]].into_iter().enumerate() {
        // Digits of a half that is even are of the half plus one: for a negative half, one is added back.
        L::enter(Signed::<L>::new(block, own, digits, half, first));
        block.round(&[Job::Add(sum, first, next)])?;
        L::enter(Choose::<L>::new(block, digits, half, next, sum));
    }
    Ok(sum)
}

/// Calls with the places of a vector; those past the end are the last one again.
#[inline(always)]
fn at<'a>(digits: &[&'a [Recoded; 2]], vector: usize, lane: usize, half: usize) -> &'a Recoded {
    &digits[(vector * LANES + lane).min(digits.len() - 1)][half]
}

work!(
    /// The multiple that each lane's digit names.
    Pick<'a, L: Fq> {
        block: &'a mut Block<L>,
        multiples: &'a [Operand],
        digits: &'a [&'a [Recoded; 2]],
        half: usize,
        place: usize,
        out: Operand,
    } -> () {
        for vector in 0..block.vectors {
            let mut masks = [0u8; MULTIPLES];
            let mut negative = 0u8;
            for lane in 0..LANES {
                let digit = at(digits, vector, lane, half).digits[place];
                masks[usize::from(digit.unsigned_abs()) / 2] |= 1 << lane;
                negative |= u8::from(digit < 0) << lane;
            }
            let (mut x, mut y) = block.load(multiples[0], vector);
            for multiple in 1..MULTIPLES {
                if masks[multiple] != 0 {
                    let (other_x, other_y) = block.load(multiples[multiple], vector);
                    x = L::select(masks[multiple], other_x, x);
                    y = L::select(masks[multiple], other_y, y);
                }
            }
            y = L::select(negative, y.neg(), y);
            block.columns[out.x * block.vectors + vector] = x.to_block();
            block.columns[out.y * block.vectors + vector] = y.to_block();
        }
    }
);

work!(
    /// What an even half has too much, with its sign turned.
    Signed<'a, L: Fq> { block: &'a mut Block<L>, own: Operand, digits: &'a [&'a [Recoded; 2]], half: usize, out: Operand } -> () {
        for vector in 0..block.vectors {
            let mut positive = 0u8;
            for lane in 0..LANES {
                positive |= u8::from(!at(digits, vector, lane, half).negative) << lane;
            }
            let (x, y) = block.load(own, vector);
            block.columns[out.x * block.vectors + vector] = x.to_block();
            block.columns[out.y * block.vectors + vector] = L::select(positive, y.neg(), y).to_block();
        }
    }
);

work!(
    /// The corrected sum for even halves.
    Choose<'a, L: Fq> { block: &'a mut Block<L>, digits: &'a [&'a [Recoded; 2]], half: usize, from: Operand, to: Operand } -> () {
        for vector in 0..block.vectors {
            let mut even = 0u8;
            for lane in 0..LANES {
                even |= u8::from(at(digits, vector, lane, half).even) << lane;
            }
            let ((x1, y1), (x0, y0)) = (block.load(from, vector), block.load(to, vector));
            block.columns[to.x * block.vectors + vector] = L::select(even, x1, x0).to_block();
            block.columns[to.y * block.vectors + vector] = L::select(even, y1, y0).to_block();
        }
    }
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_digits_make_the_half() {
        for magnitude in [0, 1, 2, 3, 15, 16, 17, 1 << 64, (1 << 127) + 12345, (1 << 127) - 1, (1u128 << 127) | 1] {
            for negative in [false, true] {
                let Recoded { digits, even, negative: same } = recode((magnitude, negative));
                assert!(digits.iter().all(|digit| digit % 2 != 0 && digit.unsigned_abs() < 16));
                let value = digits.iter().rev().fold(Fp::ZERO, |sum, digit| {
                    let digit = if *digit < 0 { -Fp::from(digit.unsigned_abs() as u64) } else { Fp::from(*digit as u64) };
                    sum * Fp::from(16) + digit
                });
                let value = if negative { -value } else { value };
                assert_eq!(value, Fp::from_u128(magnitude) + if even { Fp::ONE } else { Fp::ZERO });
                assert_eq!(same, negative);
            }
        }
    }
}
