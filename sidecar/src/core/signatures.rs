//! Signatures of submissions, several in one equation, with the keys of known provers kept ready.

use std::collections::HashMap;

use quintet_keys::{PublicKey, Signature, SignatureSet, verify_batch};
use quintet_types::PublicKeyBytes;

use super::Intake;

/// Keys kept ready at most: 300 bytes each, so 20 MB. Beyond, the cache begins anew.
const MAX_KEYS: usize = 1 << 16;

/// Public keys as points. Decompressing a key and checking its subgroup costs a fifth of a signature's verification, and the same provers come again and again.
///
/// Only registered provers' keys should come in here: [`super::Core::check`] sees to that.
#[derive(Debug, Default)]
pub struct KeyCache(HashMap<PublicKeyBytes, PublicKey>);

impl KeyCache {
    fn point(&mut self, key: &PublicKeyBytes) -> Option<PublicKey> {
        if let Some(point) = self.0.get(key) {
            return Some(*point);
        }
        let point = PublicKey::from_bytes(&key.0).ok()?;
        if self.0.len() >= MAX_KEYS {
            self.0.clear();
        }
        self.0.insert(*key, point);
        Some(point)
    }

    /// Verifies the signatures of several submissions in one equation; the answers are in their order.
    pub fn verify(&mut self, intakes: &[Intake]) -> Vec<bool> {
        let parsed: Vec<Option<(PublicKey, Signature)>> = intakes
            .iter()
            .map(|intake| {
                let key = self.point(intake.submission.prover())?;
                let signature = Signature::from_bytes(&intake.submission.signature().0).ok()?;
                Some((key, signature))
            })
            .collect();
        let claims = || intakes.iter().zip(&parsed).enumerate().filter_map(|(place, (i, p))| Some((place, i, p.as_ref()?)));
        let sets: Vec<SignatureSet<'_>> = claims()
            .map(|(_, intake, (key, signature))| SignatureSet { key, signing_root: &intake.signing_root.0, signature })
            .collect();
        let verdict = verify_batch(&sets);
        let mut valid = vec![false; intakes.len()];
        for (position, (place, ..)) in claims().enumerate() {
            valid[place] = verdict.is_valid(position);
        }
        valid
    }
}

/// Verifies the signatures of several submissions in one equation, with no keys at hand.
pub fn verify_signatures(intakes: &[Intake]) -> Vec<bool> {
    KeyCache::default().verify(intakes)
}
