//! Arithmetic on limbs at their bounds, where rounding decides, and on many others.

use ff::{Field, PrimeField};
use pasta_curves::{Fp, Fq};

use super::{
    super::tests::Call,
    Avx2, Doubles, available, bounded, enter,
    layout::{BITS, BOUND, Digits, HALF, TOP_BOUND},
};
use crate::{
    LANES, Lanes,
    lanes::{Kernel, PointCell},
    raw::layout::Modulus,
};

type Limbs = [f64; 5];

/// The largest top limb that is not yet carried to.
const TOP: f64 = TOP_BOUND - 1.0;

/// The number with these limbs.
fn number<F: Modulus>(limbs: &Limbs) -> F {
    let unit = F::from(1 << BITS);
    limbs.iter().rev().fold(F::ZERO, |sum, limb| {
        let size = F::from(limb.abs() as u64);
        sum * unit + if *limb < 0.0 { -size } else { size }
    })
}

/// Bits that look random.
struct Bits(u64);

impl Bits {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 ^ (self.0 >> 29)
    }

    fn limb(&mut self, bound: f64) -> f64 {
        let size = (self.next() >> 8) % (bound as u64 + 1);
        if self.next() >> 40 & 1 == 0 { size as f64 } else { -(size as f64) }
    }

    fn limbs(&mut self) -> Limbs {
        std::array::from_fn(|place| self.limb(if place == 4 { TOP } else { BOUND }))
    }
}

/// Numbers whose limbs are as large as they can be, in all combinations of signs, numbers of one limb whose products are half of a limb's unit, which is
/// where rounding has a choice, and numbers next to them.
fn extremes() -> Vec<Limbs> {
    let mut all = Vec::new();
    for signs in 0..32 {
        let sign = |place: usize| if signs >> place & 1 == 0 { 1.0 } else { -1.0 };
        all.push(std::array::from_fn(|place| sign(place) * if place == 4 { TOP } else { BOUND }));
        all.push(std::array::from_fn(|place| sign(place) * if place == 4 { HALF as f64 / 2.0 } else { HALF as f64 }));
    }
    for place in 0..5 {
        for size in [1.0, 2.0, 3.0, HALF as f64 / 2.0, HALF as f64 / 2.0 - 1.0, HALF as f64, HALF as f64 - 1.0, BOUND] {
            if place == 4 && size > TOP {
                continue;
            }
            for sign in [1.0, -1.0] {
                all.push(std::array::from_fn(|at| if at == place { sign * size } else { 0.0 }));
            }
        }
    }
    all.push([0.0; 5]);
    all
}

macro_rules! bounds {
    ($name:ident, $field:ty) => {
        #[test]
        fn $name() {
            type F = $field;
            type L = Avx2<F>;
            if !available() {
                eprintln!("skipped: this machine has no AVX2 and FMA");
                return;
            }
            let lanes = |limbs: &[Limbs; LANES]| {
                let row = |half: usize, limb: usize| std::array::from_fn(|lane| limbs[4 * half + lane][limb]);
                L::from_block(&Doubles([0, 1].map(|half| [0, 1, 2, 3, 4].map(|limb| row(half, limb)))))
            };
            let got = |lanes: L| -> [F; LANES] {
                let block = bounded(lanes).to_block();
                std::array::from_fn(|lane| number(&block.0[lane / 4].map(|row| row[lane % 4])))
            };
            // Lanes have x·2²⁵⁴.
            let inverse = F::TWO_INV.pow_vartime([254]);
            let check = |a: &[Limbs; LANES], b: &[Limbs; LANES]| {
                let (x, y) = (a.each_ref().map(number::<F>), b.each_ref().map(number::<F>));
                let each = |f: &dyn Fn(F, F) -> F| -> [F; LANES] { std::array::from_fn(|lane| f(x[lane], y[lane])) };
                enter(Call(|| {
                    let (a, b) = (lanes(a), lanes(b));
                    assert_eq!(got(a.mul(b)), each(&|x, y| x * y * inverse));
                    assert_eq!(got(a.square()), each(&|x, _| x.square() * inverse));
                    assert_eq!(got(a.add(b)), each(&|x, y| x + y));
                    assert_eq!(got(a.sub(b)), each(&|x, y| x - y));
                    assert_eq!(got(a.neg()), each(&|x, _| -x));
                    assert_eq!(a.to_array(), each(&|x, _| x * inverse));
                    assert_eq!(got(L::from_array(a.to_array())), x);
                    let mut cells = [PointCell::default(); LANES];
                    L::scatter(a, b, &mut cells);
                    assert_eq!(cells.map(|cell| L::from_cell(cell.x)), each(&|x, _| x * inverse));
                    let (again, other) = L::gather(cells.each_ref());
                    assert_eq!((got(again), got(other)), (x, y));
                    let (mut low, mut high) = (a.to_block(), b.to_block());
                    L::join(&mut low, &mut high, &L::scalar(x[0]));
                    assert_eq!(got(L::from_block(&low)), each(&|first, y| first + y * x[0]));
                    assert_eq!(got(L::from_block(&high)), each(&|first, y| first - y * x[0]));
                }));
            };
            let extremes = extremes();
            for a in &extremes {
                for b in extremes.chunks(LANES) {
                    check(&[*a; LANES], &std::array::from_fn(|lane| b[lane % b.len()]));
                }
            }
            let mut bits = Bits(1);
            for _ in 0..100_000 / LANES {
                check(&std::array::from_fn(|_| bits.limbs()), &std::array::from_fn(|_| bits.limbs()));
            }
        }
    };
}

bounds!(limbs_at_their_bounds_over_fp, Fp);
bounds!(limbs_at_their_bounds_over_fq, Fq);

/// What the bounds of products rest on.
#[test]
fn limbs_of_the_moduli_are_small() {
    fn check<F: Modulus>() {
        assert_eq!(number::<F>(&F::DIGITS), F::ZERO);
        assert_eq!(number::<F>(&F::QUARTER) * F::from(4), -F::ONE);
        assert_eq!((F::DIGITS[3], F::DIGITS[4]), (0.0, HALF as f64));
        // A limb and that of p stay within the bound.
        assert!(F::DIGITS[..3].iter().all(|limb| limb.abs() <= 0.74 * HALF as f64));
        // The lowest limb of p, 1 modulo 4, rounds a half away as the columns do.
        assert_eq!(F::DIGITS[0].rem_euclid(4.0), 1.0);
    }
    check::<Fp>();
    check::<Fq>();
    assert!(BOUND * BOUND <= (1u128 << 102) as f64);
}
