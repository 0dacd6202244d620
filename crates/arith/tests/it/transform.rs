//! Transforms, cosets, and columns computed on them.

use ff::{Field, WithSmallOrderMulGroup};
use group::Curve;
use halo2_proofs::{arithmetic::best_fft, poly::EvaluationDomain};
use pasta_curves::{Eq, EqAffine, Fp};
use quintet_arith::{Cosets, Domain, Evals, LANES, Lanes, Path, RowTask, group_ifft};

use crate::{Stream, few};

#[test]
fn transforms_are_upstreams() {
    let mut stream = Stream(1);
    for &path in Path::available() {
        for k in few(0..=13, 6) {
            let domain = Domain::new(path, k);
            let values = stream.scalars(1 << k);
            let mut expected = values.clone();
            best_fft(&mut expected, domain.omega(), k);
            let mut got = [values.clone(), values.clone()];
            domain.fft_many(&mut got);
            assert!(got[0] == expected && got[1] == expected, "{path:?}, k = {k}");
            domain.ifft_many(&mut got);
            assert!(got[0] == values && got[1] == values, "{path:?}, k = {k}, back");
        }
    }
}

#[test]
fn transforms_of_edge_values() {
    for &path in Path::available() {
        let domain = Domain::new(path, 6);
        for edge in [Fp::ZERO, Fp::ONE, -Fp::ONE] {
            let mut expected = vec![edge; 64];
            let mut got = expected.clone();
            best_fft(&mut expected, domain.omega(), 6);
            domain.fft(&mut got);
            assert_eq!(got, expected);
        }
    }
}

#[test]
fn cosets_are_upstreams_extended_domain() {
    let mut stream = Stream(2);
    for &path in Path::available() {
        for (k, degree, log) in few([(3, 5, 2), (5, 3, 1), (6, 2, 0), (9, 5, 2), (11, 5, 2)], 2) {
            let upstream = EvaluationDomain::<Fp>::new(degree, k);
            let domain = Domain::new(path, k);
            let cosets = Cosets::new(&domain, log);
            let coefficients = stream.scalars(1 << k);
            let extended = upstream.coeff_to_extended(upstream.coeff_from_vec(coefficients.clone()));
            let parts: Vec<Evals> = (0..cosets.count()).map(|coset| cosets.evaluate(coset, &coefficients)).collect();
            for (coset, part) in parts.iter().enumerate() {
                let rows = part.to_rows();
                assert!((0..1 << k).all(|row| rows[row] == extended[(row << log) + coset]), "{path:?}, k = {k}, coset {coset}");
                assert_eq!(part.row(5), rows[5]);
                let vanishing = cosets.shift(coset).pow_vartime([1 << k]) - Fp::ONE;
                assert_eq!(vanishing * cosets.vanishing_inv(coset), Fp::ONE);
                // In memory that holds other values, or none.
                let spare = if coset % 2 == 0 { parts.clone() } else { vec![part.clone()] };
                let again = cosets.evaluate_many(coset, &[&coefficients[..3], &coefficients], spare);
                assert_eq!(again[1].to_rows(), rows);
                let x = cosets.shift(coset) * domain.omega();
                assert_eq!(again[0].row(1), coefficients[0] + coefficients[1] * x + coefficients[2] * x.square());
            }
            assert_eq!(cosets.shift(0), Fp::ZETA);
            let back = cosets.interpolate(&parts);
            assert!(
                back[..1 << k] == coefficients && back[1 << k..].iter().all(|&value| value == Fp::ZERO),
                "{path:?}, k = {k}"
            );
        }
    }
}

#[test]
fn interpolation_of_high_degree() {
    let mut stream = Stream(3);
    for &path in Path::available() {
        let k = 5;
        let cosets = Cosets::new(&Domain::new(path, k), 2);
        for count in 1..=4 {
            let all = stream.scalars(count << k);
            let values = |coset| {
                let mut rows = vec![Fp::ZERO; 1 << k];
                for (t, piece) in all.chunks(1 << k).enumerate() {
                    let high = cosets.shift(coset).pow_vartime([(t << k) as u64]);
                    let values = cosets.evaluate(coset, piece).to_rows();
                    rows.iter_mut().zip(values).for_each(|(row, value)| *row += value * high);
                }
                Evals::from_rows(path, &rows)
            };
            let parts: Vec<Evals> = (0..count).map(values).collect();
            assert!(cosets.interpolate(&parts) == all, "{path:?}, {count} cosets");
        }
    }
}

struct Formula<'a> {
    a: &'a Evals,
    b: &'a Evals,
    c: Fp,
}

impl RowTask for Formula<'_> {
    #[inline(always)]
    fn run<L: Lanes<Field = Fp>>(&self, first: usize, out: &mut [L::Block]) {
        let c = L::splat(self.c);
        for (offset, block) in out.iter_mut().enumerate() {
            let j = first + offset;
            let next: L = self.a.lanes(j, 1);
            let previous: L = self.b.lanes(j, -1);
            let far: L = self.b.lanes(j, 23);
            let here: L = self.a.lanes(j, 0);
            *block = next.mul(previous).sub(far.square().double()).add(here.neg().mul(c)).to_block();
        }
    }
}

#[test]
fn columns_are_computed_row_by_row() {
    let mut stream = Stream(4);
    for &path in Path::available() {
        for n in few([8usize, 16, 64, 2048], 2) {
            let (mut a, b, c) = (stream.scalars(n), stream.scalars(n), stream.scalar());
            a[n / 2] = -Fp::ONE;
            a[n / 2 - 1] = Fp::ZERO;
            let task = Formula { a: &Evals::from_rows(path, &a), b: &Evals::from_rows(path, &b), c };
            let got = Evals::compute(path, n, &task);
            assert_eq!((got.len(), got.vectors()), (n, n / LANES));
            let expected: Vec<Fp> = (0..n)
                .map(|row| a[(row + 1) % n] * b[(row + n - 1) % n] - b[(row + 23) % n].square().double() - a[row] * c)
                .collect();
            assert!(got.to_rows() == expected, "{path:?}, {n} rows");
        }
    }
}

#[test]
fn generators_in_the_lagrange_basis() {
    let mut stream = Stream(5);
    for k in few([0, 1, 2, 4, 8], 3) {
        let points = stream.points(1 << k);
        let mut expected: Vec<Eq> = points.iter().map(|point| Eq::from(*point)).collect();
        best_fft(&mut expected, Domain::new(Path::Portable, k).omega_inv(), k);
        let size_inv = Fp::from(1 << k).invert().unwrap();
        expected.iter_mut().for_each(|point| *point *= size_inv);
        let mut affine = vec![EqAffine::default(); 1 << k];
        Eq::batch_normalize(&expected, &mut affine);
        for &path in Path::available() {
            let layers = std::cell::RefCell::new(Vec::new());
            assert!(group_ifft(path, &points, &|layer| layers.borrow_mut().push(layer)) == affine, "{path:?}, k = {k}");
            assert_eq!(layers.into_inner(), (1..=k as usize).collect::<Vec<_>>());
        }
    }
}

#[test]
fn the_lagrange_basis_of_degenerate_points() {
    let mut stream = Stream(6);
    let p = stream.points(1)[0];
    for points in few([[vec![p; 8], vec![-p; 8]].concat(), vec![p; 16], vec![EqAffine::default(); 16]], 1) {
        let mut expected: Vec<Eq> = points.iter().map(|point| Eq::from(*point)).collect();
        best_fft(&mut expected, Domain::new(Path::Portable, 4).omega_inv(), 4);
        let size_inv = Fp::from(16).invert().unwrap();
        for &path in Path::available() {
            let got = group_ifft(path, &points, &|_| {});
            assert!(got.iter().zip(&expected).all(|(got, expected)| *got == (*expected * size_inv).to_affine()), "{path:?}");
        }
    }
}
