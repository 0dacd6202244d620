//! Making parameters, in steps that can be watched. They are those of upstream's `Params::new`.

use std::sync::OnceLock;

use group::{Curve, CurveAffine as _};
use halo2_proofs::{arithmetic::CurveExt, pasta::Eq};
use quintet_arith::{Path, group_ifft};
use rayon::prelude::*;

use super::{OnProgress, Params, ParamsProgress, ParamsStage};
use crate::suite::Point;

/// Upstream's domain of generators.
const DOMAIN: &str = "Halo2-Parameters";
/// Points per unit of parallel work.
const CHUNK: usize = 256;

/// The parameters of size `2^k`.
pub fn generate(k: u32, progress: OnProgress<'_>) -> Params {
    let n = 1usize << k;
    let report = |stage, done: usize, total: usize| progress(ParamsProgress { stage, done: done as u64, total: total as u64 });
    report(ParamsStage::Hashing, 0, n);
    let numbers: Vec<u32> = (0..n as u32).collect();
    let g: Vec<Point> = numbers
        .par_chunks(CHUNK)
        .flat_map_iter(|numbers| {
            let hash = Eq::hash_to_curve(DOMAIN);
            let message = |number: &u32| {
                let mut message = [0; 5];
                message[1..].copy_from_slice(&number.to_le_bytes());
                message
            };
            let points: Vec<Eq> = numbers.iter().map(|number| hash(&message(number))).collect();
            let mut affine = vec![Point::identity(); points.len()];
            Eq::batch_normalize(&points, &mut affine);
            affine
        })
        .collect();
    report(ParamsStage::Hashing, n, n);
    let g_lagrange = group_ifft(Path::best(), &g, &|layer| report(ParamsStage::Transforming, layer, k as usize));
    let hash = Eq::hash_to_curve(DOMAIN);
    let (w, u) = (hash(&[1]).to_affine(), hash(&[2]).to_affine());
    Params { k, g, g_lagrange, w, u, upstream: OnceLock::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_parameters_are_upstreams() {
        for k in [1, 5] {
            let mut expected = Vec::new();
            halo2_proofs::poly::commitment::Params::<Point>::new(k).write(&mut expected).unwrap();
            let made = generate(k, &|_| {});
            assert!(made.encode() == expected, "k = {k}");
            let mut read = Vec::new();
            made.upstream().write(&mut read).unwrap();
            assert!(read == expected, "k = {k}");
        }
    }
}
