//! Generators in the Lagrange basis.

use ff::{Field, PrimeField};
use group::Curve;
use pasta_curves::{Eq, EqAffine, Fp};

use crate::Path;

/// The generators in the Lagrange basis of the domain: the inverse Fourier transform of a power of two of points. After each of its layers,
/// `layer_done` is told the layer's number, from 1 up.
///
/// # Panics
/// If their number is not a power of two.
pub fn group_ifft(path: Path, points: &[EqAffine], layer_done: &dyn Fn(usize)) -> Vec<EqAffine> {
    let _ = path;
    assert!(points.len().is_power_of_two(), "a power of two of points");
    let n = points.len();
    let k = n.trailing_zeros();
    let mut points: Vec<Eq> = points.iter().map(|point| Eq::from(*point)).collect();
    for place in 0..n {
        let other = if k == 0 { 0 } else { place.reverse_bits() >> (usize::BITS - k) };
        if place < other {
            points.swap(place, other);
        }
    }
    let root = (k..Fp::S).fold(Fp::ROOT_OF_UNITY_INV, |root, _| root.square());
    for layer in 0..k {
        let half = 1usize << layer;
        let step = (layer + 1..k).fold(root, |root, _| root.square());
        for chunk in points.chunks_mut(2 * half) {
            let (low, high) = chunk.split_at_mut(half);
            let mut twiddle = Fp::ONE;
            for (low, high) in low.iter_mut().zip(high) {
                let turned = *high * twiddle;
                *high = *low - turned;
                *low += turned;
                twiddle *= step;
            }
        }
        layer_done(layer as usize + 1);
    }
    let scale = Fp::TWO_INV.pow_vartime([u64::from(k)]);
    points.iter_mut().for_each(|point| *point *= scale);
    let mut affine = vec![EqAffine::default(); n];
    Eq::batch_normalize(&points, &mut affine);
    affine
}
