//! Making parameters, in steps that can be watched. The result is byte for byte what upstream's `Params::new` writes.

use ff::{Field, PrimeField};
use group::{Curve, CurveAffine as _, GroupEncoding};
use halo2_proofs::{arithmetic::CurveExt, pasta::Eq};
use quintet_air::F;
use rayon::prelude::*;

use super::{OnProgress, ParamsProgress, ParamsStage};
use crate::suite::{ELEMENT_BYTES, Point};

/// Upstream's domain of generators.
const DOMAIN: &str = "Halo2-Parameters";
/// Points per unit of parallel work.
const CHUNK: usize = 256;

/// The parameters of size `2^k` in upstream's encoding: k, g, g in the Lagrange basis, w, u.
pub fn generate(k: u32, progress: OnProgress<'_>) -> Vec<u8> {
    let n = 1usize << k;
    let report = |stage, done: usize, total: usize| progress(ParamsProgress { stage, done: done as u64, total: total as u64 });
    report(ParamsStage::Hashing, 0, n);
    let mut points: Vec<Eq> = (0..n as u32)
        .into_par_iter()
        .map_init(
            || Eq::hash_to_curve(DOMAIN),
            |hash, number| {
                let mut message = [0; 5];
                message[1..].copy_from_slice(&number.to_le_bytes());
                hash(&message)
            },
        )
        .collect();
    report(ParamsStage::Hashing, n, n);

    let mut out = Vec::with_capacity(4 + ELEMENT_BYTES * (2 * n + 2));
    out.extend(k.to_le_bytes());
    write(&points, &mut out);

    to_lagrange(&mut points, k, &|layer| report(ParamsStage::Transforming, layer, k as usize));
    write(&points, &mut out);
    let hash = Eq::hash_to_curve(DOMAIN);
    write(&[hash(&[1]), hash(&[2])], &mut out);
    out
}

/// Inverse Fourier transform: radix 2, decimation in time, layer by layer; ends with the division by n.
fn to_lagrange(points: &mut [Eq], k: u32, layer_done: &dyn Fn(usize)) {
    let n = points.len();
    for place in 0..n {
        let other = place.reverse_bits() >> (usize::BITS - k);
        if place < other {
            points.swap(place, other);
        }
    }
    let root = (k..F::S).fold(F::ROOT_OF_UNITY_INV, |root, _| root.square());
    let twiddles: Vec<F> = std::iter::successors(Some(F::ONE), |power| Some(power * root)).take(n / 2).collect();
    for layer in 0..k {
        let half = 1usize << layer;
        let stride = n / (2 * half);
        let butterfly = |(low, high): (&mut Eq, &mut Eq), place: usize| {
            // The first twiddle is 1.
            let turned = if place == 0 { *high } else { *high * twiddles[place * stride] };
            *high = *low - turned;
            *low += turned;
        };
        points.par_chunks_mut(2 * half).for_each(|chunk| {
            let (low, high) = chunk.split_at_mut(half);
            let pairs = low.par_iter_mut().zip(high.par_iter_mut()).enumerate().with_min_len(64);
            pairs.for_each(|(place, pair)| butterfly(pair, place));
        });
        layer_done(layer as usize + 1);
    }
    let scale = F::TWO_INV.pow_vartime([u64::from(k)]);
    points.par_iter_mut().for_each(|point| *point *= scale);
}

fn write(points: &[Eq], out: &mut Vec<u8>) {
    let bytes: Vec<Vec<u8>> = points
        .par_chunks(CHUNK)
        .map(|chunk| {
            let mut affine = vec![Point::identity(); chunk.len()];
            Eq::batch_normalize(chunk, &mut affine);
            affine.iter().flat_map(|point| point.to_bytes()).collect()
        })
        .collect();
    bytes.into_iter().for_each(|bytes| out.extend(bytes));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::Params;

    #[test]
    fn generated_parameters_are_upstreams() {
        for k in [1, 5] {
            let mut expected = Vec::new();
            Params::new(k).write(&mut expected).unwrap();
            assert!(generate(k, &|_| {}) == expected, "k = {k}");
        }
    }
}
