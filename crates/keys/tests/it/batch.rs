//! Batches of random composition, and what they cost.

use std::time::Instant;

use proptest::prelude::*;
use quintet_keys::{PublicKey, SecretKey, Signature, SignatureSet, verify_batch};

struct Claim {
    key: PublicKey,
    root: [u8; 32],
    signature: Signature,
}

fn claims(n: usize) -> Vec<Claim> {
    let claim = |i: usize| {
        let mut secret = [1; 32];
        secret[24..].copy_from_slice(&(i as u64).to_be_bytes());
        let secret = SecretKey::from_bytes(&secret).unwrap();
        let root = [i as u8 ^ 0x5a; 32];
        Claim { key: secret.public_key(), root, signature: secret.sign(&root) }
    };
    (0..n).map(claim).collect()
}

fn sets(claims: &[Claim]) -> Vec<SignatureSet<'_>> {
    claims.iter().map(|Claim { key, root, signature }| SignatureSet { key, signing_root: root, signature }).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn verdict_equals_checking_one_by_one(bad in prop::collection::vec(0u8..8, 1..40)) {
        let mut all = claims(bad.len());
        for (claim, kind) in all.iter_mut().zip(&bad) {
            match kind {
                0 => claim.root[0] ^= 1,
                1 => claim.key = SecretKey::from_bytes(&[9; 32]).unwrap().public_key(),
                2 => claim.signature = SecretKey::from_bytes(&[9; 32]).unwrap().sign(&claim.root),
                _ => {}
            }
        }
        let verdict = verify_batch(&sets(&all));
        for (i, claim) in all.iter().enumerate() {
            prop_assert_eq!(verdict.is_valid(i), claim.signature.verify(&claim.root, &claim.key));
        }
    }
}

/// Prints times; the bound is wide, it only catches a bisection that grew quadratic.
#[test]
fn failing_batch_costs_a_small_multiple_of_checking_one_by_one() {
    let mut all = claims(64);
    let started = Instant::now();
    assert!(all.iter().all(|claim| claim.signature.verify(&claim.root, &claim.key)));
    let single = started.elapsed();
    let started = Instant::now();
    assert!(verify_batch(&sets(&all)).all_valid());
    let good = started.elapsed();
    all[17].root[0] ^= 1;
    let started = Instant::now();
    assert_eq!(verify_batch(&sets(&all)).bad(), [17]);
    let one_bad = started.elapsed();
    all.iter_mut().for_each(|claim| claim.root[1] ^= 1);
    let started = Instant::now();
    assert_eq!(verify_batch(&sets(&all)).bad().len(), 64);
    let all_bad = started.elapsed();
    let encoded: Vec<_> = all.iter().map(|claim| claim.signature.to_bytes()).collect();
    let started = Instant::now();
    assert!(encoded.iter().all(|bytes| Signature::from_bytes(bytes).is_ok()));
    let decode = started.elapsed();
    println!(
        "64 signatures: one by one {single:?}, batch {good:?}, one bad {one_bad:?}, all bad {all_bad:?}, decode {decode:?}"
    );
    assert!(all_bad < single * 8);
}
