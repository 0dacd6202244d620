//! The generators of one size: ours as plain points, upstream's when a verifier first needs them.

use std::{fmt, sync::OnceLock};

use group::GroupEncoding;
use halo2_proofs::poly::commitment::{MSM, Params as UpstreamParams};

use super::generate;
use crate::suite::{ELEMENT_BYTES, Point};

/// Generators of size `2^k`: in the monomial and in the Lagrange basis, and the two for blinds and values.
pub struct Params {
    pub(super) k: u32,
    pub(super) g: Vec<Point>,
    pub(super) g_lagrange: Vec<Point>,
    pub(super) w: Point,
    pub(super) u: Point,
    pub(super) upstream: OnceLock<UpstreamParams<Point>>,
}

impl fmt::Debug for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Params").field("k", &self.k).finish_non_exhaustive()
    }
}

impl Params {
    /// Makes them: seconds from k = 14 on. [`ParamsCache`](super::ParamsCache) keeps them on disk.
    pub fn new(k: u32) -> Self {
        generate(k, &|_| {})
    }

    /// Log₂ of their number.
    pub fn k(&self) -> u32 {
        self.k
    }

    /// Generators of coefficients.
    pub fn g(&self) -> &[Point] {
        &self.g
    }

    /// Generators of values on the domain.
    pub fn g_lagrange(&self) -> &[Point] {
        &self.g_lagrange
    }

    /// Generator of blinds.
    pub fn w(&self) -> Point {
        self.w
    }

    /// Generator of the value in the inner product argument.
    pub fn u(&self) -> Point {
        self.u
    }

    /// Upstream's parameters. It has no way to make them but from encoded points, which costs a square root each: 0.75 s at k = 16, once.
    pub fn upstream(&self) -> &UpstreamParams<Point> {
        // Nothing in here may wait for other threads: rayon could run work on this one that needs what is being made.
        self.upstream.get_or_init(|| {
            let encoded = self.encode();
            UpstreamParams::read(&mut encoded.as_slice())
                .expect("points that are on the curve have an encoding that is read back")
        })
    }

    /// A multi-scalar multiplication of upstream's verifier.
    pub(crate) fn empty_msm(&self) -> MSM<'_, Point> {
        self.upstream().empty_msm()
    }

    /// Upstream's encoding: k, g, g in the Lagrange basis, w, u.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(4 + ELEMENT_BYTES * (2 * self.g.len() + 2));
        out.extend(self.k.to_le_bytes());
        for points in [&self.g[..], &self.g_lagrange, &[self.w, self.u]] {
            points.iter().for_each(|point| out.extend(point.to_bytes()));
        }
        out
    }
}
