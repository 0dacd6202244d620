//! T3 to T5: a full proof out of everybody's partial proofs, with own ones where none is valid.

use std::collections::BTreeMap;

use anyhow::Context as _;
use quintet_plonk::PartialProof as PlonkPartial;
use quintet_protocol::reuse::reuse_rank;
use quintet_types::{BloomHash, Commitment, FullProof, InstanceIndex, JobId, PartialProof, ProverIndex, PublicKeyBytes, Root};

use super::work::{Challenged, Work};

/// A partial of a certified bundle.
#[derive(Clone, Debug)]
pub struct Found {
    /// Who made it.
    pub maker: ProverIndex,
    /// Its key.
    pub key: PublicKeyBytes,
    /// The partial.
    pub partial: PartialProof,
}

/// A part of the full proof to be.
#[derive(Debug)]
struct Part {
    id: Root,
    reused: bool,
    proof: PlonkPartial,
}

/// What an aggregate is made of.
#[derive(Debug)]
pub struct Material {
    /// Partials of certified bundles.
    pub found: Vec<Found>,
    /// Commitments seen in T1, by instance and digest.
    pub commitments: BTreeMap<(InstanceIndex, Root), Commitment>,
    /// Seed of the order in which partials are preferred.
    pub assignment_seed: Root,
    /// Our index.
    pub us: ProverIndex,
}

/// Puts a full proof together. Every partial that goes in was verified here.
///
/// # Errors
/// If a missing partial cannot be made, or the sums do not cancel.
pub fn full_proof(work: &Work, challenged: &Challenged, material: Material) -> anyhow::Result<FullProof> {
    let Material { found, commitments, assignment_seed, us } = material;
    let id = *work.job.id();
    let settled = work.settled(challenged, commitments)?;
    let mut waiting = by_preference(&assignment_seed, found);
    let mut parts: BTreeMap<InstanceIndex, Part> = BTreeMap::new();
    // Each pass verifies the best partial of every instance that has none yet; a pass more is only needed where one does not verify.
    while !waiting.is_empty() {
        let best: Vec<Found> = waiting.values_mut().filter_map(Vec::pop).collect();
        for (found, proof) in verified(work, challenged, &settled, best) {
            let instance = found.partial.instance;
            let part = Part { id: found.partial.id(&id, &found.key), reused: found.maker != us, proof };
            parts.insert(instance, part);
        }
        waiting.retain(|instance, candidates| !parts.contains_key(instance) && !candidates.is_empty());
    }
    let missing: Vec<InstanceIndex> = work.job.plan().instances().filter(|instance| !parts.contains_key(instance)).collect();
    let own = work.prove(challenged, &missing);
    for partial in &own {
        let settled = settled.get(partial.instance.as_usize()).context("D has no such instance")?;
        let proof = work.parse(challenged, settled, work.key(), partial)?;
        parts.insert(partial.instance, Part { id: partial.id(&id, work.key()), reused: false, proof });
    }
    let reused = parts.values().filter(|part| part.reused).count();
    tracing::info!(job = %id, instances = work.job.instances(), reused, made = own.len(), "aggregating");
    assemble(work, challenged, parts, own)
}

fn assemble(
    work: &Work,
    challenged: &Challenged,
    parts: BTreeMap<InstanceIndex, Part>,
    own: Vec<PartialProof>,
) -> anyhow::Result<FullProof> {
    let instances = work.job.instances();
    let bloom_hash = BloomHash::new(instances, parts.values().filter(|part| part.reused).map(|part| &part.id));
    let ids: Vec<Root> = parts.values().map(|part| part.id).collect();
    let proofs = parts.into_values().map(|part| part.proof).collect();
    let aggregation = work.aggregate(challenged, proofs)?;
    let too_long = |what: &str| format!("{what} of {instances} instances do not fit the container");
    Ok(FullProof {
        partials: ids.try_into().ok().with_context(|| too_long("ids"))?,
        own: own.try_into().ok().with_context(|| too_long("own partials"))?,
        aggregation: aggregation.try_into().ok().context("the aggregation proof does not fit the container")?,
        bloom_hash,
    })
}

/// For each instance its partials, the preferred one last.
fn by_preference(seed: &Root, found: Vec<Found>) -> BTreeMap<InstanceIndex, Vec<Found>> {
    let mut sorted: BTreeMap<InstanceIndex, Vec<Found>> = BTreeMap::new();
    for found in found {
        sorted.entry(found.partial.instance).or_default().push(found);
    }
    for (instance, candidates) in &mut sorted {
        candidates.sort_by_cached_key(|found| std::cmp::Reverse(reuse_rank(seed, *instance, found.maker)));
    }
    sorted
}

/// Those that verify, with their proofs.
fn verified(work: &Work, challenged: &Challenged, settled: &[Commitment], found: Vec<Found>) -> Vec<(Found, PlonkPartial)> {
    let job: &JobId = work.job.id();
    let parse = |found: Found| {
        let commitment = settled.get(found.partial.instance.as_usize())?;
        match work.parse(challenged, commitment, &found.key, &found.partial) {
            Ok(proof) => Some((found, proof)),
            Err(error) => {
                tracing::warn!(%job, prover = %found.key, instance = %found.partial.instance, %error, "a partial is malformed");
                None
            }
        }
    };
    let (found, proofs): (Vec<Found>, Vec<PlonkPartial>) = found.into_iter().filter_map(parse).unzip();
    let verdicts = challenged.round.verify_partials(&proofs);
    let pairs = found.into_iter().zip(proofs).zip(verdicts);
    pairs
        .filter_map(|(pair, verdict)| match verdict {
            Ok(()) => Some(pair),
            Err(error) => {
                tracing::warn!(%job, prover = %pair.0.key, instance = %pair.0.partial.instance, %error, "a partial does not verify");
                None
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use quintet_protocol::reuse::preferred;

    #[test]
    fn of_several_partials_of_an_instance_the_preferred_one_is_tried_first() {
        let seed = Root::repeat_byte(4);
        let found = |instance: u32, maker: u64| Found {
            maker: ProverIndex(maker),
            key: PublicKeyBytes::default(),
            partial: PartialProof { instance: InstanceIndex(instance), ..PartialProof::default() },
        };
        let makers = [5, 1, 9, 3];
        let all: Vec<Found> = (0..6).flat_map(|instance| makers.map(|maker| found(instance, maker))).collect();
        for (instance, mut candidates) in by_preference(&seed, all) {
            let first = preferred(&seed, instance, makers.map(ProverIndex));
            assert_eq!(candidates.pop().map(|found| found.maker), first);
            assert_eq!(candidates.len(), makers.len() - 1);
        }
    }
}
