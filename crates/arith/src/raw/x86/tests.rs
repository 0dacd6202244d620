//! Vector arithmetic against pasta_curves, on edge values.

use ff::Field;
use pasta_curves::{Fp, Fq};

use super::{avx2, ifma, *};
use crate::{
    LANES, Lanes,
    lanes::{Kernel, PointCell, Work},
    raw::edges::values,
};

/// Not inlined, and so slow, but the same arithmetic.
pub(super) struct Call<F>(pub(super) F);

impl<F: FnOnce()> Work for Call<F> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        (self.0)();
    }
}

macro_rules! arithmetic {
    ($name:ident, $path:ident, $lanes:ident, $field:ty) => {
        #[test]
        fn $name() {
            if !$path::available() {
                eprintln!("skipped: this machine has no {}", stringify!($path));
                return;
            }
            let bounded = $path::bounded::<$field>;
            let values = values::<$field>();
            let n = values.len();
            for shift in 0..n {
                for start in (0..n).step_by(LANES) {
                    let a: [$field; LANES] = std::array::from_fn(|lane| values[(start + lane) % n]);
                    let b: [$field; LANES] = std::array::from_fn(|lane| values[(start + lane + shift) % n]);
                    let each = |f: fn(&$field, &$field) -> $field| -> [$field; LANES] {
                        std::array::from_fn(|lane| f(&a[lane], &b[lane]))
                    };
                    $path::enter(Call(|| {
                        type L = $lanes<$field>;
                        let (x, y) = (bounded(L::load(&a)), bounded(L::load(&b)));
                        assert_eq!(x.to_array(), a);
                        let got = |lanes: L| bounded(lanes).to_array();
                        assert_eq!(got(x.add(y)), each(|a, b| a + b));
                        assert_eq!(got(x.sub(y)), each(|a, b| a - b));
                        assert_eq!(got(x.mul(y)), each(|a, b| a * b));
                        assert_eq!(got(x.square()), each(|a, _| Field::square(a)));
                        assert_eq!(got(x.double()), each(|a, _| a.double()));
                        assert_eq!(got(x.neg()), each(|a, _| -a));
                        assert_eq!(L::splat(b[0]).to_array(), [b[0]; LANES]);
                        assert_eq!(L::from_block(&x.to_block()).to_array(), a);
                        assert_eq!(x.rotate(3).to_array(), std::array::from_fn(|lane| a[(lane + 3) % LANES]));
                        assert_eq!(
                            L::select(0b1010_0110, x, y).to_array(),
                            std::array::from_fn(|lane| if 0b1010_0110 >> lane & 1 == 1 { a[lane] } else { b[lane] })
                        );
                        // Long sums and differences of unreduced results.
                        let (mut low, mut expected) = (x.to_block(), a);
                        for round in 0..28 {
                            let (mut high, operand) = if round % 2 == 0 { (low, expected) } else { (y.to_block(), b) };
                            let twiddle = a[round % LANES];
                            L::join(&mut low, &mut high, &L::scalar(twiddle));
                            low = if round % 3 == 0 { low } else { high };
                            expected = std::array::from_fn(|lane| {
                                let turned = operand[lane] * twiddle;
                                if round % 3 == 0 { expected[lane] + turned } else { expected[lane] - turned }
                            });
                        }
                        let low = L::from_block(&low);
                        assert_eq!(low.mul(L::splat(<$field>::ONE)).to_array(), expected);
                        // Sums of the largest values that arithmetic gives.
                        let extreme = x.add(x).sub(y).add(x).sub(y.neg()).add(y);
                        assert_eq!(got(extreme), each(|a, b| a.double() + a + b));
                        let columns = L::transpose(std::array::from_fn(|row| x.rotate(row)));
                        for (row, column) in columns.into_iter().enumerate() {
                            assert_eq!(column.to_array(), std::array::from_fn(|lane| a[(row + lane) % LANES]));
                        }
                        let cells: [_; LANES] =
                            std::array::from_fn(|lane| PointCell { x: L::to_cell(a[lane]), y: L::to_cell(b[lane]) });
                        assert!(
                            (0..LANES)
                                .all(|lane| L::from_cell(cells[lane].x) == a[lane] && L::from_cell(cells[lane].y) == b[lane])
                        );
                        let (p, q) = L::gather(cells.each_ref());
                        assert_eq!((got(p), got(q)), (a, b));
                        let mut out = [PointCell::default(); LANES];
                        L::scatter(p.mul(q), p.sub(q), &mut out);
                        assert_eq!(out.map(|point| L::from_cell(point.x)), each(|a, b| a * b));
                        assert_eq!(out.map(|point| L::from_cell(point.y)), each(|a, b| a - b));
                    }));
                }
            }
        }
    };
}

arithmetic!(arithmetic_over_fp_with_ifma, ifma, Ifma, Fp);
arithmetic!(arithmetic_over_fq_with_ifma, ifma, Ifma, Fq);
arithmetic!(arithmetic_over_fp_with_avx2, avx2, Avx2, Fp);
arithmetic!(arithmetic_over_fq_with_avx2, avx2, Avx2, Fq);
