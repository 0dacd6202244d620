//! Vectors of scalars.

use ff::Field;
use halo2_proofs::arithmetic::{compute_inner_product, eval_polynomial, kate_division};
use pasta_curves::Fp;
use quintet_arith::{Path, vector};

use crate::{Stream, few, size};

const SIZES: [usize; 9] = [1, 2, 7, 8, 9, 63, 64, 1000, 5000];

#[test]
fn operations_are_upstreams() {
    let mut stream = Stream(1);
    for &path in Path::available() {
        for n in few(SIZES, 5) {
            let (a, b, s) = (stream.scalars(n), stream.scalars(n), stream.scalar());
            assert_eq!(vector::inner_product(path, &a, &b), compute_inner_product(&a, &b), "{path:?}, {n}");
            assert_eq!(
                vector::evaluate_many(path, &[&a, &b, &[]], s),
                [eval_polynomial(&a, s), eval_polynomial(&b, s), Fp::ZERO]
            );

            let mut sum = a.clone();
            vector::axpy(path, &mut sum, s, &b);
            assert!(sum.iter().zip(&a).zip(&b).all(|((sum, a), b)| *sum == a + s * b), "{path:?}, {n}");
            let mut sum = a.clone();
            vector::axpy(path, &mut sum, s, &b[..n / 2]);
            assert!(sum[..n / 2].iter().zip(&a).zip(&b).all(|((sum, a), b)| *sum == a + s * b) && sum[n / 2..] == a[n / 2..]);

            let mut sum = a.clone();
            vector::scale_add(path, &mut sum, s, &b[..n.div_ceil(2)]);
            for place in 0..n {
                let b = if place < n.div_ceil(2) { b[place] } else { Fp::ZERO };
                assert_eq!(sum[place], a[place] * s + b);
            }

            let sum = vector::linear_combination(path, n + 1, &[s, -Fp::ONE], &[&a, &b[..n / 2]]);
            for place in 0..=n {
                let a = if place < n { a[place] } else { Fp::ZERO };
                let b = if place < n / 2 { b[place] } else { Fp::ZERO };
                assert_eq!(sum[place], s * a - b);
            }

            let mut divisible = a.clone();
            divisible[0] -= eval_polynomial(&a, s);
            assert!(vector::divide(path, &a, s) == kate_division(&divisible, s), "{path:?}, {n}");

            let powers = vector::powers(path, s, n);
            assert!(powers.iter().enumerate().all(|(place, power)| *power == s.pow_vartime([place as u64])), "{path:?}, {n}");

            let mut inverses = a.clone();
            inverses[n / 2] = Fp::ZERO;
            vector::invert(path, &mut inverses);
            for (place, inverse) in inverses.iter().enumerate() {
                let expected = if place == n / 2 { Fp::ZERO } else { a[place].invert().unwrap() };
                assert_eq!(*inverse, expected, "{path:?}, {n}");
            }
        }
    }
}

#[test]
fn points_zero_and_one() {
    let mut stream = Stream(2);
    let a = stream.scalars(size(100, 10));
    for &path in Path::available() {
        for point in [Fp::ZERO, Fp::ONE, -Fp::ONE] {
            assert_eq!(vector::evaluate_many(path, &[&a], point), [eval_polynomial(&a, point)]);
            let mut divisible = a.clone();
            divisible[0] -= eval_polynomial(&a, point);
            assert_eq!(vector::divide(path, &a, point), kate_division(&divisible, point));
        }
        assert_eq!(vector::divide(path, &a[..1], Fp::ONE), []);
        assert_eq!(vector::powers(path, Fp::ONE, 0), []);
        let mut zeros = vec![Fp::ZERO; 20];
        vector::invert(path, &mut zeros);
        assert_eq!(zeros, [Fp::ZERO; 20]);
    }
}
