//! Multi-scalar multiplication.

use ff::Field;
use group::{CurveAffine, Group};
use halo2_proofs::arithmetic::best_multiexp;
use pasta_curves::{Eq, EqAffine, Fp};
use quintet_arith::{Bases, Path, Scalars};

use crate::{Stream, TABLES, few, size};

/// Points without and with tables and sums of subsets.
fn prepared(path: Path, points: &[EqAffine]) -> [Bases; 3] {
    let plain = Bases::new(path, points);
    [plain.clone(), plain.clone().with_subsets(), plain.with_tables(TABLES).with_subsets()]
}

fn check(points: &[EqAffine], scalars: &[Fp]) {
    let expected = best_multiexp(scalars, &points[..scalars.len()]);
    for &path in Path::available() {
        for (kind, bases) in prepared(path, points).iter().enumerate() {
            assert_eq!(bases.msm(Scalars::Field(scalars)), expected, "{path:?}, {} points, kind {kind}", points.len());
        }
    }
}

/// [`check`] of integers, for points from a place on.
fn check_range(points: &[EqAffine], first: usize, values: &[u64]) {
    let field: Vec<Fp> = values.iter().map(|&value| Fp::from(value)).collect();
    let expected = best_multiexp(&field, &points[first..first + values.len()]);
    for &path in Path::available() {
        for (kind, bases) in prepared(path, points).iter().enumerate() {
            assert_eq!(
                bases.msm_range(first, Scalars::Uint(values)),
                expected,
                "{path:?}, {} from {first}, kind {kind}",
                values.len()
            );
        }
    }
}

#[test]
fn large_scalars() {
    let mut stream = Stream(1);
    for n in few([1, 2, 3, 7, 8, 9, 31, 100, 257, 1024], 4) {
        let points = stream.points(n);
        let scalars = stream.scalars(n);
        check(&points, &scalars);
        check(&points, &scalars[..n.div_ceil(2)]);
    }
}

#[test]
fn edge_scalars() {
    let mut stream = Stream(2);
    let edges =
        [Fp::ZERO, Fp::ONE, -Fp::ONE, Fp::from(2).invert().unwrap(), -Fp::from(2), Fp::from(u64::MAX), Fp::from(1 << 63)];
    let scalars: Vec<Fp> = edges.iter().copied().cycle().take(size(200, 7)).collect();
    check(&stream.points(scalars.len()), &scalars);
    for edge in few(edges, 1) {
        check(&stream.points(size(70, 2)), &[edge; size(70, 2)]);
    }
}

#[test]
fn identities_equal_and_opposite_points() {
    let mut stream = Stream(3);
    let (p, q) = (stream.points(1)[0], stream.points(1)[0]);
    let o = EqAffine::identity();
    for pattern in [vec![p], vec![o], vec![p, -p], vec![p, p, q], vec![o, p], vec![p, p, -p, -p, q, o, o, -q, q]] {
        for n in few([1, 2, 5, 64, 300], 2) {
            let points: Vec<EqAffine> = pattern.iter().copied().cycle().take(n).collect();
            check(&points, &stream.scalars(n));
            check(&points, &vec![Fp::ONE; n]);
            check(&points, &vec![-Fp::from(3); n]);
            check_range(&points, 0, &vec![1; n]);
        }
    }
}

#[test]
fn small_scalars_of_every_width() {
    let mut stream = Stream(4);
    let n = size(600, 3);
    let points = stream.points(n);
    for bits in few([0u32, 1, 64, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 47, 63], 3) {
        let values: Vec<u64> = (0..n).map(|_| stream.word().checked_shr(64 - bits).unwrap_or(0)).collect();
        let field: Vec<Fp> = values.iter().map(|&value| Fp::from(value)).collect();
        let expected = best_multiexp(&field, &points);
        let negative: Vec<Fp> = field.iter().map(|value| -value).collect();
        for &path in Path::available() {
            for bases in prepared(path, &points) {
                let sums = bases.msm_many(&[
                    Scalars::Uint(&values),
                    Scalars::Field(&field),
                    Scalars::Field(&negative),
                    Scalars::Uint(&[]),
                ]);
                assert_eq!(sums, [expected, expected, -expected, Eq::identity()], "{path:?}, {bits} bits");
            }
        }
    }
}

#[test]
fn ranges() {
    let mut stream = Stream(5);
    let points = stream.points(size(300, 6));
    let scalars = stream.scalars(size(100, 2));
    for &path in Path::available() {
        for bases in prepared(path, &points) {
            for first in [0, 1, size(200, 4)] {
                let expected = best_multiexp(&scalars, &points[first..first + scalars.len()]);
                assert_eq!(bases.msm_range(first, Scalars::Field(&scalars)), expected);
            }
        }
    }
}

#[test]
fn bits_from_any_place_on() {
    let mut stream = Stream(6);
    // Three are left over.
    let points = stream.points(size(67, 11));
    for bits in few([1u32, 2, 3], 1) {
        for first in few([0, 1, 2, 3, 4, 5, 64, 66], 3) {
            for len in few([0, 1, 2, 3, 5, 8, 62, 67], 4).filter(|len| first + len <= points.len()) {
                let values: Vec<u64> = (0..len).map(|_| stream.word() >> (64 - bits)).collect();
                check_range(&points, first, &values);
                check_range(&points, first, &vec![1; len]);
            }
        }
    }
}
