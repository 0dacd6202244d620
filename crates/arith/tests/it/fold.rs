//! The rounds of the inner product argument.

use ff::Field;
use group::{Curve, CurveAffine, Group};
use halo2_proofs::arithmetic::{best_multiexp, compute_inner_product};
use pasta_curves::{Eq, EqAffine, Fp};
use quintet_arith::{Bases, Folding, Path, fold_bases};

use crate::{Stream, TABLES, few, size};

fn collapse(g: &[EqAffine], u: Fp) -> Vec<EqAffine> {
    let (low, high) = g.split_at(g.len() / 2);
    low.iter().zip(high).map(|(low, high)| (low.to_curve() + *high * u).to_affine()).collect()
}

#[test]
fn generators_collapse() {
    let mut stream = Stream(1);
    let edges = [Fp::ZERO, Fp::ONE, -Fp::ONE, Fp::from(2)];
    for n in few([2, 4, 8, 64, 256], 2) {
        let g = stream.points(n);
        for challenges in [
            stream.scalars(1),
            stream.scalars(2),
            stream.scalars(3),
            edges[..1].to_vec(),
            edges[1..3].to_vec(),
            edges[3..].to_vec(),
        ] {
            if n >> challenges.len() == 0 {
                continue;
            }
            let expected = challenges.iter().fold(g.clone(), |g, u| collapse(&g, *u));
            for &path in Path::available() {
                assert!(fold_bases(path, &g, &challenges) == expected, "{path:?}, {n} points, {} challenges", challenges.len());
            }
        }
    }
}

#[test]
fn degenerate_generators_collapse() {
    let mut stream = Stream(2);
    let (p, o) = (stream.points(1)[0], EqAffine::identity());
    let half = size(16, 2);
    let halves = |low, high| [vec![low; half], vec![high; half]].concat();
    for g in [halves(p, p), halves(o, o), halves(p, -p), halves(o, p)] {
        for u in [stream.scalar(), Fp::ONE, -Fp::ONE] {
            let expected = collapse(&g, u);
            for &path in Path::available() {
                assert!(fold_bases(path, &g, &[u]) == expected, "{path:?}");
            }
        }
    }
}

#[test]
fn rounds_are_upstreams() {
    let mut stream = Stream(3);
    for k in few([0, 1, 2, 3, 5, 8, 10], 3) {
        let n = 1usize << k;
        let (points, coefficients, x) = (stream.points(n), stream.scalars(n), stream.scalar());
        let challenges = stream.scalars(k);
        for &path in Path::available() {
            let bases = Bases::new(path, &points).with_tables(TABLES);
            let mut folding = Folding::new(&bases, coefficients.clone(), x);
            let (mut p, mut g) = (coefficients.clone(), points.clone());
            let mut b: Vec<Fp> = (0..n).map(|power| x.pow_vartime([power as u64])).collect();
            for u in &challenges {
                let half = p.len() / 2;
                let u_inv = u.invert().unwrap();
                let round = folding.round();
                assert_eq!(round.left, best_multiexp(&p[half..], &g[..half]), "{path:?}, n = {n}, half = {half}");
                assert_eq!(round.right, best_multiexp(&p[..half], &g[half..]));
                assert_eq!(round.value_left, compute_inner_product(&p[half..], &b[..half]));
                assert_eq!(round.value_right, compute_inner_product(&p[..half], &b[half..]));
                folding.fold(*u, u_inv);
                p = (0..half).map(|i| p[i] + p[i + half] * u_inv).collect();
                b = (0..half).map(|i| b[i] + b[i + half] * u).collect();
                g = collapse(&g, *u);
            }
            assert_eq!(folding.finish(), p[0]);
        }
    }
    assert!(bool::from(Eq::identity().is_identity()));
}
