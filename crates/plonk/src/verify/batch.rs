//! Many partial proofs in one multi-scalar multiplication, whatever their verifying keys: all AIRs of a job share generators.
//!
//! Each proof's multi-scalar multiplication is scaled by a weight that follows from a hash of all proofs in the batch, and added up. If one of them is not
//! zero, the sum is zero with probability 1/|F|. Bad proofs are found by halving.

use rayon::prelude::*;

use super::{bisect, opening, strategy::Msm};
use crate::{
    Digest, PartialProof, Rejection, Round,
    hash::{Domain, ProofHash},
    suite::{ELEMENT_BYTES, Hash},
};

/// Memory for the multi-scalar multiplications of one group while its bad proofs are looked for.
const GROUP_BYTES: usize = 256 << 20;
/// Memory for the sums of all groups.
const SUM_BYTES: usize = 1 << 30;
/// Most proofs in a group: small enough that a group with one bad proof is worth re-reading.
const GROUP_PROOFS: usize = 32;

/// Some of the proofs of a batch.
struct Group<'p> {
    /// Weighted sum of the members' multi-scalar multiplications.
    sum: Msm<'p>,
    /// Places of those that are in the sum.
    members: Vec<usize>,
    /// Places of those that were refused before.
    refused: Vec<(usize, Rejection)>,
}

impl Round {
    /// Verifies partial proofs together; the answers are in their order. With no bad proof among them this costs one multi-scalar multiplication of the
    /// size of the table; each bad one adds a few.
    pub fn verify_partials(&self, partials: &[PartialProof]) -> Vec<Result<(), Rejection>> {
        let mut results = vec![Ok(()); partials.len()];
        // The challenge stands for statement and D.
        let start = Hash::new(Domain::Batch).field(self.challenge.alpha).field(self.challenge.beta);
        let seed = partials.iter().fold(start, |hash, partial| hash.word(&partial.partial_id().0)).digest();
        let bytes = ELEMENT_BYTES << self.plan.k;
        let size = (GROUP_BYTES / bytes).clamp(1, GROUP_PROOFS).max(partials.len().div_ceil((SUM_BYTES / bytes).max(1)));
        let groups: Vec<Vec<usize>> = (0..partials.len()).collect::<Vec<_>>().chunks(size).map(<[usize]>::to_vec).collect();

        // First pass: one multi-scalar multiplication per group; proofs that fail earlier are settled here.
        let opened: Vec<Group<'_>> = groups.into_par_iter().map(|places| self.open_group(partials, &seed, places)).collect();
        let (mut sums, mut members) = (Vec::with_capacity(opened.len()), Vec::with_capacity(opened.len()));
        for group in opened {
            group.refused.into_iter().for_each(|(place, why)| results[place] = Err(why));
            sums.push(group.sum);
            members.push(group.members);
        }

        for group in bisect::bad(self.keys.params(), &sums) {
            let places = &members[group];
            let msms: Vec<Msm<'_>> = places
                .par_iter()
                .map(|&place| self.weighted(partials, &seed, place).unwrap_or_else(|_| self.keys.params().empty_msm()))
                .collect();
            for member in bisect::bad_among(self.keys.params(), &msms) {
                let place = places[member];
                results[place] = Err(opening(&partials[place]));
            }
        }
        results
    }

    fn open_group(&self, partials: &[PartialProof], seed: &Digest, places: Vec<usize>) -> Group<'_> {
        let mut group = Group { sum: self.keys.params().empty_msm(), members: Vec::new(), refused: Vec::new() };
        for place in places {
            match self.weighted(partials, seed, place) {
                Ok(msm) => {
                    group.sum.add_msm(&msm);
                    group.members.push(place);
                }
                Err(why) => group.refused.push((place, why)),
            }
        }
        group
    }

    fn weighted(&self, partials: &[PartialProof], seed: &Digest, place: usize) -> Result<Msm<'_>, Rejection> {
        let mut msm = self.open(&partials[place])?;
        msm.scale(Hash::new(Domain::Batch).word(&seed.0).uint(place as u64).element());
        Ok(msm)
    }
}
