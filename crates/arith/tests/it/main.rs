//! Every operation on every path of this machine, against `halo2_proofs`.

mod fold;
mod msm;
mod transform;
mod vectors;

use ff::FromUniformBytes;
use pasta_curves::{Eq, EqAffine, Fp};

/// A size, or a small one under Miri, which is a thousand times slower.
const fn size(usual: usize, miri: usize) -> usize {
    if cfg!(miri) { miri } else { usual }
}

/// All of these, or the first few under Miri.
fn few<T>(all: impl IntoIterator<Item = T>, miri: usize) -> impl Iterator<Item = T> {
    all.into_iter().take(size(usize::MAX, miri))
}

/// Bytes of tables of multiples.
const TABLES: usize = size(1 << 20, 1 << 11);

/// A stream of reproducible scalars.
struct Stream(u64);

impl Stream {
    fn word(&mut self) -> u64 {
        // SplitMix64
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn scalar(&mut self) -> Fp {
        let mut bytes = [0; 64];
        bytes.chunks_exact_mut(8).for_each(|chunk| chunk.copy_from_slice(&self.word().to_le_bytes()));
        Fp::from_uniform_bytes(&bytes)
    }

    fn scalars(&mut self, n: usize) -> Vec<Fp> {
        (0..n).map(|_| self.scalar()).collect()
    }

    fn points(&mut self, n: usize) -> Vec<EqAffine> {
        use group::{Curve, Group};
        let points: Vec<Eq> = (0..n).map(|_| Eq::generator() * self.scalar()).collect();
        let mut affine = vec![EqAffine::default(); n];
        Eq::batch_normalize(&points, &mut affine);
        affine
    }
}
