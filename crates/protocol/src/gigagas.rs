//! Blocks that are split into sub-blocks (source, Extension for Multiple Sub-blocks).
//!
//! "The number of sub-blocks is limited by system caps and prover availability. One prover set is assigned per
//! sub-block. The protocol above applies independently per sub-block. A group of PROVERS_PER_AGGPROOF provers is also
//! selected to aggregate sub-blocks into a full block."

use std::collections::BTreeSet;

use quintet_types::{JobId, ProverIndex, Root, Slot, Spec};
use serde::{Deserialize, Serialize};

use crate::registry::CandidateTable;
use crate::selection::{self, Selection, available, draw, num_provers, selection_seed};

/// The sets of a block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockSelection {
    /// One set for each sub-block, in order; all distinct provers.
    pub sub_blocks: Vec<Selection>,
    /// The aggregators; none for a block that is not split. They are busy like selected provers, under the id of the
    /// [`JointJob`](crate::JointJob).
    pub aggregators: Vec<ProverIndex>,
}

/// How many sub-blocks a block of `gas_used` is split into, with `available` provers.
pub fn num_sub_blocks(gas_used: u64, available: u64, spec: &Spec) -> u64 {
    let wanted = gas_used.div_ceil(spec.sub_block_gas.max(1));
    let most = spec.max_sub_blocks.min(available / (2 * spec.min_provers.max(1)));
    wanted.min(most).max(1)
}

/// How many provers each of `sub_blocks` gets; 0 if fewer than `MIN_PROVERS`.
///
/// `min(PROVERS_PER_PROOF, available / (2·sub_blocks))`, and as for an undivided block at most one for each
/// `GAS_PER_PROVER` of the sub-block's part of the gas.
pub fn provers_per_sub_block(gas_used: u64, available: u64, sub_blocks: u64, spec: &Spec) -> u64 {
    let sub_blocks = sub_blocks.max(1);
    num_provers(gas_used.div_ceil(sub_blocks), available / sub_blocks, spec)
}

/// Draws all sets of a block: sub-block by sub-block, then the aggregators, then reserves, each from those that are
/// left. `None` if fewer than `MIN_PROVERS` could be drawn for each.
pub fn select_block(
    slot: Slot,
    randao_mix: &Root,
    gas_used: u64,
    candidates: &CandidateTable,
    unavailable: &BTreeSet<ProverIndex>,
    spec: &Spec,
) -> Option<BlockSelection> {
    // Computed once: what the first sets take must not shrink the later ones.
    let free = available(candidates, unavailable);
    let sub_blocks = num_sub_blocks(gas_used, free, spec);
    let n = provers_per_sub_block(gas_used, free, sub_blocks, spec);
    if n == 0 {
        return None;
    }
    let mut taken = unavailable.clone();
    let mut sets = Vec::new();
    for sub_block in 0..sub_blocks as u16 {
        let seed = selection_seed(randao_mix, slot, sub_block, 0);
        let provers = draw(&seed, n, candidates, &taken, spec);
        taken.extend(&provers);
        sets.push(Selection { seed, provers, reserves: Vec::new() });
    }
    let mut aggregators = Vec::new();
    if sub_blocks > 1 {
        let seed = selection_seed(randao_mix, slot, JobId::AGGREGATION, 0);
        aggregators = draw(&seed, spec.provers_per_aggproof, candidates, &taken, spec);
        taken.extend(&aggregators);
    }
    for set in &mut sets {
        set.reserves = selection::draw_reserves(&set.seed, candidates, &taken, spec);
    }
    Some(BlockSelection { sub_blocks: sets, aggregators })
}
