//! The form of parameters on disk: k, then x and y of every point, so that reading needs no square roots.

use std::sync::OnceLock;

use ff::PrimeField;
use halo2_proofs::{arithmetic::CurveAffine, pasta::Fq};
use rayon::prelude::*;

use super::Params;
use crate::suite::{ELEMENT_BYTES, Point};

const POINT_BYTES: usize = 2 * ELEMENT_BYTES;

/// Length of the encoding.
pub(super) const fn length(k: u32) -> usize {
    4 + POINT_BYTES * ((2 << k) + 2)
}

/// k (4 bytes), g, g in the Lagrange basis, w, u; coordinates little-endian.
pub(super) fn encode(params: &Params) -> Vec<u8> {
    let mut out = Vec::with_capacity(length(params.k));
    out.extend(params.k.to_le_bytes());
    for points in [&params.g[..], &params.g_lagrange, &[params.w, params.u]] {
        let bytes: Vec<[u8; POINT_BYTES]> = points.par_iter().map(encode_point).collect();
        out.extend(bytes.as_flattened());
    }
    out
}

/// Nothing if the length is wrong or a pair of coordinates is no point.
pub(super) fn decode(bytes: &[u8]) -> Option<Params> {
    let (k, rest) = bytes.split_first_chunk::<4>()?;
    let k = u32::from_le_bytes(*k);
    if k > 31 || bytes.len() != length(k) {
        return None;
    }
    let mut points: Vec<Point> = rest.par_chunks_exact(POINT_BYTES).map(decode_point).collect::<Option<_>>()?;
    let (u, w) = (points.pop()?, points.pop()?);
    let g_lagrange = points.split_off(1 << k);
    Some(Params { k, g: points, g_lagrange, w, u, upstream: OnceLock::new() })
}

/// Zeros for the identity, which is no generator.
fn encode_point(point: &Point) -> [u8; POINT_BYTES] {
    let mut bytes = [0; POINT_BYTES];
    if let Some(coordinates) = point.coordinates().into_option() {
        bytes[..ELEMENT_BYTES].copy_from_slice(&coordinates.x().to_repr());
        bytes[ELEMENT_BYTES..].copy_from_slice(&coordinates.y().to_repr());
    }
    bytes
}

fn decode_point(bytes: &[u8]) -> Option<Point> {
    let (x, y) = bytes.split_at_checked(ELEMENT_BYTES)?;
    let coordinate = |bytes: &[u8]| Fq::from_repr(bytes.try_into().ok()?).into_option();
    Point::from_xy(coordinate(x)?, coordinate(y)?).into_option()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_read_as_they_were_written_and_points_off_the_curve_are_not() {
        let params = Params::new(3);
        let mut bytes = encode(&params);
        assert_eq!(bytes.len(), length(3));
        assert_eq!(decode(&bytes).unwrap().encode(), params.encode());
        assert!(decode(&bytes[1..]).is_none());
        bytes[4] ^= 1;
        assert!(decode(&bytes).is_none());
    }
}
