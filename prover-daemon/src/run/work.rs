//! The computations of a job, each of them for threads that may take long: commit, prove, aggregate.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{Context as _, ensure};
use quintet_plonk::{InstanceId, PartialProof as PlonkPartial, Prover, Round};
use quintet_proving::{CommittedInstance, ProvingJob, commitment_from_wire, element_bytes, partial_from_wire, partial_to_wire};
use quintet_types::{Commitment, InstanceIndex, PartialProof, PublicKeyBytes, Root};
use rayon::prelude::*;

/// One job's plan and keys, and what was computed for it so far.
#[derive(Debug)]
pub(crate) struct Work {
    /// Execution and plan.
    pub(crate) job: ProvingJob,
    prover: Prover,
    key: PublicKeyBytes,
    /// Instances that are to be proven, with their traces.
    committed: Mutex<BTreeMap<InstanceIndex, Arc<CommittedInstance>>>,
}

/// D and the challenge, checked.
#[derive(Clone, Debug)]
pub(crate) struct Challenged {
    /// The round.
    pub(crate) round: Arc<Round>,
    /// D.
    pub(crate) digests: Vec<Root>,
}

impl Work {
    /// Nothing computed yet.
    pub(crate) fn new(job: ProvingJob, key: PublicKeyBytes) -> Self {
        let prover = job.prover(&key);
        Self { job, prover, key, committed: Mutex::default() }
    }

    /// Commits to an instance, or finds the commitment made before. Commitments follow from the plan alone, so that a restart changes nothing.
    fn committed(&self, instance: InstanceIndex) -> anyhow::Result<Arc<CommittedInstance>> {
        let map = || self.committed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = map().get(&instance) {
            return Ok(Arc::clone(found));
        }
        let made = Arc::new(self.job.commit(&self.prover, instance)?);
        map().insert(instance, Arc::clone(&made));
        Ok(made)
    }

    /// T1: commitments to `instances`, in their order. Traces are kept of those that are `to_prove`. What fails is logged and left out.
    pub(crate) fn commit(&self, instances: &[InstanceIndex], to_prove: &[InstanceIndex]) -> Vec<Commitment> {
        let commit = |instance: &InstanceIndex| {
            let made = if to_prove.contains(instance) {
                self.committed(*instance).and_then(|committed| Ok(committed.to_wire()?))
            } else {
                self.commitment(*instance)
            };
            made.inspect_err(|error| tracing::error!(job = %self.job.id(), %instance, %error, "not committed")).ok()
        };
        instances.par_iter().map(commit).flatten_iter().collect()
    }

    fn commitment(&self, instance: InstanceIndex) -> anyhow::Result<Commitment> {
        Ok(self.job.commit(&self.prover, instance)?.to_wire()?)
    }

    /// The round that D opens, if the gateway's challenge is the one that follows from it.
    ///
    /// # Errors
    /// If it is not.
    pub(crate) fn challenge(&self, theirs: &quintet_api::Challenge) -> anyhow::Result<Challenged> {
        let round = self.job.round(&theirs.digests)?;
        let ours = round.challenge();
        let (alpha, beta) = (Root::from(element_bytes(&ours.alpha)), Root::from(element_bytes(&ours.beta)));
        ensure!(
            alpha == theirs.alpha && beta == theirs.beta,
            "the gateway's challenge is not the one that follows from the statement and its D"
        );
        Ok(Challenged { round: Arc::new(round), digests: theirs.digests.clone() })
    }

    /// T2: proves `instances`, in their order. What cannot be proven is logged and left out.
    pub(crate) fn prove(&self, challenged: &Challenged, instances: &[InstanceIndex]) -> Vec<PartialProof> {
        let prove = |instance: &InstanceIndex| {
            let made = self.prove_one(challenged, *instance);
            made.inspect_err(|error| tracing::error!(job = %self.job.id(), %instance, %error, "not proven")).ok()
        };
        instances.par_iter().map(prove).flatten_iter().collect()
    }

    /// One partial proof.
    ///
    /// # Errors
    /// If D has another digest for the instance than we find, or it cannot be proven.
    pub(crate) fn prove_one(&self, challenged: &Challenged, instance: InstanceIndex) -> anyhow::Result<PartialProof> {
        let committed = self.committed(instance)?;
        let digest = committed.digest();
        let settled = challenged.digests.get(instance.as_usize()).context("D has no such instance")?;
        ensure!(digest == *settled, "D has digest {settled}, ours is {digest}: someone else's commitment was settled");
        let partial = committed.prove(&self.prover, &challenged.round)?;
        // The trace is not needed any more; should it be after all, it is made again.
        self.committed.lock().unwrap_or_else(PoisonError::into_inner).remove(&instance);
        Ok(partial_to_wire(instance, digest, partial)?)
    }

    /// A partial off the wire, with the boundary values of the commitment that D has.
    ///
    /// # Errors
    /// If its digest is not D's, or it is malformed.
    pub(crate) fn parse(
        &self,
        challenged: &Challenged,
        settled: &Commitment,
        maker: &PublicKeyBytes,
        partial: &PartialProof,
    ) -> anyhow::Result<PlonkPartial> {
        let digest = challenged.digests.get(partial.instance.as_usize()).context("D has no such instance")?;
        ensure!(partial.digest == *digest && settled.digest == *digest, "the digest is not D's");
        let id = self.job.instance(partial.instance)?;
        let k = self.job.shape().k;
        let boundary = commitment_from_wire(id, k, settled)?.boundary;
        Ok(partial_from_wire(id, k, maker, &boundary, partial)?)
    }

    /// The commitments that D is made of: those found elsewhere, the rest made here.
    ///
    /// # Errors
    /// If D has a digest that nobody's commitment has, ours included.
    pub(crate) fn settled(
        &self,
        challenged: &Challenged,
        mut found: BTreeMap<(InstanceIndex, Root), Commitment>,
    ) -> anyhow::Result<Vec<Commitment>> {
        let places: Vec<_> =
            challenged.digests.iter().zip(0..).map(|(digest, place)| (InstanceIndex(place), *digest)).collect();
        let there: Vec<_> = places.into_iter().map(|place| (place, found.remove(&place))).collect();
        let complete = |((instance, digest), commitment): ((InstanceIndex, Root), Option<Commitment>)| {
            let made = commitment.map_or_else(|| self.commitment(instance), Ok)?;
            ensure!(made.digest == digest, "D has digest {digest} for instance {instance}, which nobody's commitment has");
            Ok(made)
        };
        there.into_par_iter().map(complete).collect()
    }

    /// T3: the aggregation proof over partials, one for each entry of the plan, in its order.
    ///
    /// # Errors
    /// If their sums do not cancel.
    pub(crate) fn aggregate(&self, challenged: &Challenged, partials: Vec<PlonkPartial>) -> anyhow::Result<Vec<u8>> {
        // One that is missing would be made from here; none is.
        let source = |id: InstanceId| {
            let place = self.job.shape().place(id).unwrap_or(usize::MAX);
            self.job.trace(InstanceIndex(place as u32)).map_err(Into::into)
        };
        Ok(self.prover.aggregate(&challenged.round, partials, &source)?.aggregation)
    }

    /// Our key.
    pub(crate) const fn key(&self) -> &PublicKeyBytes {
        &self.key
    }
}
