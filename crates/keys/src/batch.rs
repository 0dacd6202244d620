//! Many signatures checked by one equation, and the bad ones found when it fails.
//!
//! # Model
//! For random 64-bit `rᵢ ≠ 0` the equation `Π e(rᵢ·keyᵢ, H(rootᵢ)) = e(g₁, Σ rᵢ·sigᵢ)` holds for a batch with a false
//! signature with probability 2⁻⁶⁴ at most, whoever chose the inputs, as long as the `rᵢ` are drawn after them.
//!
//! # Cost of a failure
//! When it fails, each signature's term (hash, scaling, Miller loop) is computed once, the terms are merged up a binary
//! tree, and the tree is walked from the top: a check of a subtree is one Miller loop and one final exponentiation
//! whatever its size, and a bad parent with a good left child needs no check of the right one. Measured on one core of
//! a 2-core cloud machine (`cargo nextest run -p quintet-keys -E 'test(costs)' --no-capture`, 64 signatures): one by one
//! 102 ms, a good batch 41 ms, one bad 95 ms, all bad 177 ms.

use blst::{BLST_ERROR, MultiPoint as _, Pairing, blst_fp12, blst_p2_affine, p2_affines};
use rand::CryptoRng;

use crate::{PublicKey, SIGNATURE_DST, Signature};

/// Most signatures that share one equation; longer inputs are cut into pieces of this.
pub const MAX_BATCH: usize = 64;

/// Width of the random coefficients.
const COEFFICIENT_BITS: usize = 64;

/// A claim to be checked: `key` signed `signing_root` with `signature`.
#[derive(Debug, Clone, Copy)]
pub struct SignatureSet<'a> {
    /// Who is said to have signed.
    pub key: &'a PublicKey,
    /// What is said to have been signed.
    pub signing_root: &'a [u8; 32],
    /// The proof.
    pub signature: &'a Signature,
}

/// What a batch came to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct BatchVerdict {
    bad: Vec<usize>,
}

impl BatchVerdict {
    /// Whether every claim holds. True for no claims.
    #[must_use]
    pub fn all_valid(&self) -> bool {
        self.bad.is_empty()
    }

    /// Positions of the false claims, ascending.
    #[must_use]
    pub fn bad(&self) -> &[usize] {
        &self.bad
    }

    /// Whether the claim at `position` holds.
    #[must_use]
    pub fn is_valid(&self, position: usize) -> bool {
        self.bad.binary_search(&position).is_err()
    }
}

/// Checks all claims, with coefficients from this thread's generator.
pub fn verify_batch(sets: &[SignatureSet<'_>]) -> BatchVerdict {
    verify_batch_with(sets, &mut rand::rng())
}

/// [`verify_batch`] with the caller's generator, which must be unpredictable to whoever made the claims.
pub fn verify_batch_with(sets: &[SignatureSet<'_>], rng: &mut impl CryptoRng) -> BatchVerdict {
    let mut bad = Vec::new();
    for (piece, sets) in sets.chunks(MAX_BATCH).enumerate() {
        let coefficients: Vec<[u8; 8]> = sets.iter().map(|_| nonzero(rng)).collect();
        let terms = || sets.iter().zip(&coefficients);
        if holds(sets, &coefficients) {
            continue;
        }
        let leaves = terms().map(|term| combine([term].into_iter())).collect();
        Node::over(leaves, piece * MAX_BATCH).collect_bad(&mut bad);
    }
    BatchVerdict { bad }
}

/// A coefficient other than zero, little-endian.
fn nonzero(rng: &mut impl CryptoRng) -> [u8; 8] {
    loop {
        let mut bytes = [0; 8];
        rng.fill_bytes(&mut bytes);
        if bytes != [0; 8] {
            return bytes;
        }
    }
}

/// Whether the equation over these claims holds: one Miller loop a key, and one multi-scalar multiplication for all signatures.
fn holds(sets: &[SignatureSet<'_>], coefficients: &[[u8; 8]]) -> bool {
    let mut pairing = Pairing::new(true, SIGNATURE_DST);
    for (set, coefficient) in sets.iter().zip(coefficients) {
        // No point, no signature: those come in below.
        let added =
            pairing.mul_n_aggregate(set.key.point(), false, &(), false, coefficient, COEFFICIENT_BITS, set.signing_root, &[]);
        if added != BLST_ERROR::BLST_SUCCESS {
            return false;
        }
    }
    pairing.commit();
    let signatures: Vec<blst_p2_affine> = sets.iter().map(|set| *set.signature.point()).collect();
    let sum = signatures.mult(coefficients.as_flattened(), COEFFICIENT_BITS);
    let mut other_side = blst_fp12::default();
    Pairing::aggregated(&mut other_side, &p2_affines::from(&[sum]).as_slice()[0]);
    pairing.finalverify(Some(&other_side))
}

/// The two sides of the equation over these claims, up to the final exponentiation; `None` if blst refuses a point.
fn combine<'a>(terms: impl Iterator<Item = (&'a SignatureSet<'a>, &'a [u8; 8])>) -> Option<Pairing<'static>> {
    let mut pairing = Pairing::new(true, SIGNATURE_DST);
    for (set, coefficient) in terms {
        let (key, signature) = (set.key.point(), set.signature.point());
        // Both points are validated values, so neither is checked again.
        let added = pairing.mul_n_aggregate(key, false, signature, false, coefficient, COEFFICIENT_BITS, set.signing_root, &[]);
        if added != BLST_ERROR::BLST_SUCCESS {
            return None;
        }
    }
    pairing.commit();
    Some(pairing)
}

/// A subtree of claims with the merged sides of its equation.
struct Node {
    pairing: Option<Pairing<'static>>,
    first: usize,
    children: Option<Box<(Node, Node)>>,
}

impl Node {
    /// The tree over `leaves`, which stand from position `first` on. `leaves` is not empty.
    fn over(mut leaves: Vec<Option<Pairing<'static>>>, first: usize) -> Self {
        if leaves.len() == 1 {
            return Self { pairing: leaves.pop().flatten(), first, children: None };
        }
        let right = leaves.split_off(leaves.len() / 2);
        let middle = first + leaves.len();
        let (left, right) = (Self::over(leaves, first), Self::over(right, middle));
        let pairing = merged(&left.pairing, &right.pairing);
        Self { pairing, first, children: Some(Box::new((left, right))) }
    }

    fn holds(&self) -> bool {
        self.pairing.as_ref().is_some_and(|pairing| pairing.finalverify(None))
    }

    /// Appends the positions of the false claims of a subtree that is known not to hold.
    fn collect_bad(&self, bad: &mut Vec<usize>) {
        let Some(children) = &self.children else {
            bad.push(self.first);
            return;
        };
        let (left, right) = &**children;
        let left_holds = left.holds();
        if !left_holds {
            left.collect_bad(bad);
        }
        // The parent is the product of its children: with the left one good the right one must be bad.
        if left_holds || !right.holds() {
            right.collect_bad(bad);
        }
    }
}

/// The product of both sides; `None` (holds never) if either is missing.
fn merged(left: &Option<Pairing<'static>>, right: &Option<Pairing<'static>>) -> Option<Pairing<'static>> {
    let mut sum = Pairing::new(true, SIGNATURE_DST);
    for side in [left, right] {
        if sum.merge(side.as_ref()?) != BLST_ERROR::BLST_SUCCESS {
            return None;
        }
    }
    Some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SecretKey;

    struct Claims(Vec<(PublicKey, [u8; 32], Signature)>);

    impl Claims {
        fn honest(n: usize) -> Self {
            let claim = |i: usize| {
                let secret = SecretKey::from_bytes(&[(i % 100) as u8 + 1; 32]).unwrap();
                let root = [i as u8; 32];
                (secret.public_key(), root, secret.sign(&root))
            };
            Self((0..n).map(claim).collect())
        }

        fn with_bad(n: usize, bad: &[usize]) -> Self {
            let mut claims = Self::honest(n);
            for &i in bad {
                claims.0[i].1[31] ^= 0x80;
            }
            claims
        }

        fn verdict(&self) -> BatchVerdict {
            let sets: Vec<_> =
                self.0.iter().map(|(key, signing_root, signature)| SignatureSet { key, signing_root, signature }).collect();
            verify_batch(&sets)
        }
    }

    #[test]
    fn honest_batches_of_every_size_hold() {
        for n in [0, 1, 2, 7, 8, 9, 63, 64, 65] {
            assert!(Claims::honest(n).verdict().all_valid(), "{n}");
        }
    }

    #[test]
    fn exactly_the_bad_ones_are_found() {
        for bad in [&[0][..], &[63], &[64], &[3, 4, 5], &[0, 31, 32, 63, 64, 69]] {
            let verdict = Claims::with_bad(70, bad).verdict();
            assert_eq!(verdict.bad(), bad);
            assert!(!verdict.is_valid(bad[0]) && verdict.is_valid(1));
        }
        let all: Vec<_> = (0..9).collect();
        assert_eq!(Claims::with_bad(9, &all).verdict().bad(), all);
    }

    #[test]
    fn errors_that_cancel_in_a_plain_sum_are_found() {
        // Two signatures whose deviations are opposite: the plain aggregate is right, each alone is wrong.
        let mut claims = Claims::honest(4);
        (claims.0[1].2, claims.0[2].2) = (claims.0[2].2, claims.0[1].2);
        let aggregate = Signature::aggregate(claims.0.iter().map(|claim| &claim.2)).unwrap();
        assert!(aggregate.aggregate_verify(claims.0.iter().map(|claim| (&claim.1, &claim.0))));
        assert_eq!(claims.verdict().bad(), [1, 2]);
    }
}
