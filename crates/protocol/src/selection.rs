//! Which provers work on a block, and how many (source, Prover Selection and Assignment).
//!
//! Drawn as Ethereum draws proposers (phase0 and Electra, `compute_proposer_index`): candidates in swap-or-not
//! order, each accepted with a probability proportional to its weight. Only as much of the permutation is computed
//! as is looked at.

use std::collections::BTreeSet;

use quintet_types::domain::DOMAIN_SELECTION;
use quintet_types::{JobId, ProverIndex, Root, Slot, Spec};
use serde::{Deserialize, Serialize};

use crate::hash::{sha256, tagged};
use crate::registry::CandidateTable;
use crate::shuffle::Shuffle;

/// Passes over all candidates after which weights are ignored. Each pass accepts at least half of those left in
/// expectation, so this is never reached; it makes the end of the loop certain rather than almost certain.
const WEIGHTED_PASSES: u64 = 64;

/// `selection_seed` of a job: the RANDAO mix after the block, and which job it is.
///
/// There is no block root in it, because the proposer could try many roots; of the mix it can withhold one bit by
/// not proposing.
pub fn selection_seed(randao_mix: &Root, slot: Slot, sub_block: u16, attempt: u8) -> Root {
    tagged(DOMAIN_SELECTION, randao_mix, &[slot.0, sub_block.into(), attempt.into()])
}

/// How many provers a block of `gas_used` gets out of `available`; 0 if fewer than `MIN_PROVERS` could be drawn.
///
/// `num_provers_selected = Min(PROVERS_PER_PROOF, availableProvers / 2)`, and, because "the number depends on the
/// block's gas usage", one prover for each `GAS_PER_PROVER`, at least `MIN_PROVERS` also for an empty block.
pub fn num_provers(gas_used: u64, available: u64, spec: &Spec) -> u64 {
    let by_gas = match spec.gas_per_prover {
        0 => u64::MAX,
        gas => gas_used.div_ceil(gas).max(spec.min_provers),
    };
    let drawn = spec.provers_per_proof.min(available / 2).min(by_gas);
    if drawn < spec.min_provers { 0 } else { drawn }
}

/// The provers of one job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection {
    /// The seed, of which the assignment's is derived.
    pub seed: Root,
    /// Selected provers in the order of the draw. A prover's position is its seat.
    pub provers: Vec<ProverIndex>,
    /// Provers drawn after them: not selected, not busy, unpaid; they fill holes in D.
    pub reserves: Vec<ProverIndex>,
}

impl Selection {
    /// The seat of `prover`, if it is selected.
    pub fn seat(&self, prover: ProverIndex) -> Option<usize> {
        self.provers.iter().position(|&p| p == prover)
    }
}

/// Draws the provers of one undivided block: the number by [`num_provers`], `busy` and `barred` left out.
///
/// `None` if fewer than `MIN_PROVERS` could be drawn.
pub fn select(
    job: &JobId,
    randao_mix: &Root,
    gas_used: u64,
    candidates: &CandidateTable,
    unavailable: &BTreeSet<ProverIndex>,
    spec: &Spec,
) -> Option<Selection> {
    let n = num_provers(gas_used, available(candidates, unavailable), spec);
    if n == 0 {
        return None;
    }
    let seed = selection_seed(randao_mix, job.slot, job.sub_block, job.attempt);
    // One walk for both: reserves are those drawn next.
    let mut provers = draw(&seed, n.saturating_add(spec.hole_fillers), candidates, unavailable, spec);
    let reserves = provers.split_off(n as usize);
    Some(Selection { seed, provers, reserves })
}

/// The set of a retry with the same provers: those of the attempt `before`, in their order, without the ones `left_out`; reserves are drawn anew,
/// from those who are neither `busy` nor were in the set.
///
/// `None` if fewer than `MIN_PROVERS` stay.
pub fn select_again(
    job: &JobId,
    randao_mix: &Root,
    before: &[ProverIndex],
    left_out: &BTreeSet<ProverIndex>,
    candidates: &CandidateTable,
    busy: &BTreeSet<ProverIndex>,
    spec: &Spec,
) -> Option<Selection> {
    let provers: Vec<_> = before.iter().copied().filter(|prover| !left_out.contains(prover)).collect();
    if (provers.len() as u64) < spec.min_provers {
        return None;
    }
    let seed = selection_seed(randao_mix, job.slot, job.sub_block, job.attempt);
    let taken = busy.iter().chain(before).copied().collect();
    let reserves = draw_reserves(&seed, candidates, &taken, spec);
    Some(Selection { seed, provers, reserves })
}

/// `HOLE_FILLERS` provers out of those not `taken`, in the same weighted order as the selected ones.
pub(crate) fn draw_reserves(
    seed: &Root,
    candidates: &CandidateTable,
    taken: &BTreeSet<ProverIndex>,
    spec: &Spec,
) -> Vec<ProverIndex> {
    draw(seed, spec.hole_fillers, candidates, taken, spec)
}

/// How many candidates are not `unavailable`.
pub fn available(candidates: &CandidateTable, unavailable: &BTreeSet<ProverIndex>) -> u64 {
    let taken = unavailable.iter().filter(|&&prover| candidates.contains(prover)).count();
    (candidates.len() - taken) as u64
}

/// The first `count` distinct provers in weighted order, without the `unavailable`; fewer if there are fewer.
pub(crate) fn draw(
    seed: &Root,
    count: u64,
    candidates: &CandidateTable,
    unavailable: &BTreeSet<ProverIndex>,
    spec: &Spec,
) -> Vec<ProverIndex> {
    let total = candidates.len() as u64;
    let count = count.min(available(candidates, unavailable)) as usize;
    let rounds = spec.shuffle_round_count.min(255) as u8;
    let shuffle = Shuffle::new(*seed, total, rounds);
    let mut random = Random16::new(*seed);
    let mut drawn = Vec::with_capacity(count);
    let mut seen = BTreeSet::new();
    let mut step = 0;
    while drawn.len() < count {
        let ignore_weights = step / total >= WEIGHTED_PASSES;
        let luck = u32::from(random.at(step)) * 2;
        // Where not even the heaviest would be accepted, the place in the permutation need not be known.
        if luck < candidates.heaviest() || ignore_weights {
            let (prover, weight) = candidates.get(shuffle.at(step % total));
            if (luck < weight || ignore_weights) && !unavailable.contains(&prover) && seen.insert(prover) {
                drawn.push(prover);
            }
        }
        step += 1;
    }
    drawn
}

/// The stream of 16-bit random values of Electra's `compute_proposer_index`: value i is the little-endian word
/// i mod 16 of H(seed ‖ i div 16).
struct Random16 {
    seed: Root,
    block: u64,
    words: [u8; 32],
}

impl Random16 {
    fn new(seed: Root) -> Self {
        Self { seed, block: u64::MAX, words: [0; 32] }
    }

    fn at(&mut self, step: u64) -> u16 {
        if self.block != step / 16 {
            self.block = step / 16;
            let mut bytes = [0u8; 40];
            bytes[..32].copy_from_slice(self.seed.as_slice());
            bytes[32..].copy_from_slice(&self.block.to_le_bytes());
            self.words = sha256(&bytes);
        }
        let offset = (step % 16) as usize * 2;
        u16::from_le_bytes([self.words[offset], self.words[offset + 1]])
    }
}
