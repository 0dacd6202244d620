//! The computations of a job, each of them for threads that may take long: commit, prove, aggregate.

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use quintet_plonk::{Digest, Encode as _, InstanceId, PartialProof as PlonkPartial, Prover, Round};
use quintet_proving::{CommittedInstance, ProvingJob, commitment_from_wire, element_bytes, partial_from_wire, partial_to_wire};
use quintet_types::{Commitment, InstanceIndex, PartialProof, PublicKeyBytes, Root};
use rayon::prelude::*;

use super::speed::Speed;

/// What happened to one instance, as it happens: for bars, measurements and metrics.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// It was committed to.
    Committed(Duration),
    /// It was proven.
    Proven(Duration),
    /// It could not be.
    Failed,
}

/// Takes [`Step`]s, with the number of the AIR, from many threads.
pub type OnStep = Box<dyn Fn(u16, Step) + Send + Sync>;

/// One job's plan and keys, and what was computed for it so far.
pub struct Work {
    /// Execution and plan.
    pub job: ProvingJob,
    prover: Prover,
    key: PublicKeyBytes,
    speed: Arc<Speed>,
    on_step: OnStep,
    /// Instances that are to be proven, with their traces.
    committed: Mutex<BTreeMap<InstanceIndex, Arc<CommittedInstance>>>,
}

impl std::fmt::Debug for Work {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Work").field("job", self.job.id()).field("key", &self.key).finish_non_exhaustive()
    }
}

/// D and the challenge, checked.
#[derive(Clone, Debug)]
pub struct Challenged {
    /// The round.
    pub round: Arc<Round>,
    /// D.
    pub digests: Vec<Root>,
}

impl Work {
    /// Nothing computed yet. How long things take goes to `speed`, and each step to `on_step`.
    pub fn new(job: ProvingJob, key: PublicKeyBytes, speed: Arc<Speed>, on_step: OnStep) -> Self {
        let prover = job.prover(&key);
        Self { job, prover, key, speed, on_step, committed: Mutex::default() }
    }

    /// Number of an instance's AIR.
    fn air(&self, instance: InstanceIndex) -> u16 {
        self.job.shape().instances.get(instance.as_usize()).map_or(u16::MAX, |id| id.air)
    }

    /// Does something for one instance. What goes wrong there, a panic included, is an error of that instance alone.
    fn guarded<T>(&self, instance: InstanceIndex, work: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
        // Maps behind locks are only inserted into and removed from whole, so that a panic leaves nothing half done.
        let outcome = catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
            Err(anyhow::anyhow!("panicked: {}", text.unwrap_or("no message")))
        });
        if outcome.is_err() {
            (self.on_step)(self.air(instance), Step::Failed);
        }
        outcome
    }

    /// Commits, and measures.
    fn make(&self, instance: InstanceIndex) -> anyhow::Result<CommittedInstance> {
        let started = Instant::now();
        let made = self.job.commit(&self.prover, instance)?;
        let (took, air) = (started.elapsed(), self.air(instance));
        self.speed.committed(self.job.shape().k, air, took);
        (self.on_step)(air, Step::Committed(took));
        Ok(made)
    }

    /// Proves, and measures.
    fn prove_committed(&self, committed: &CommittedInstance, round: &Round) -> anyhow::Result<PlonkPartial> {
        let started = Instant::now();
        let partial = committed.prove(&self.prover, round)?;
        let (took, air) = (started.elapsed(), self.air(committed.instance));
        self.speed.proven(self.job.shape().k, air, took);
        (self.on_step)(air, Step::Proven(took));
        Ok(partial)
    }

    /// Commits to an instance, or finds the commitment made before. Commitments follow from the plan alone, so that a restart changes nothing.
    fn committed(&self, instance: InstanceIndex) -> anyhow::Result<Arc<CommittedInstance>> {
        let map = || self.committed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = map().get(&instance) {
            return Ok(Arc::clone(found));
        }
        let made = Arc::new(self.make(instance)?);
        map().insert(instance, Arc::clone(&made));
        Ok(made)
    }

    /// T1: commitments to `instances`, in their order. Traces are kept of those that are `to_prove`. What fails is logged and left out.
    pub fn commit(&self, instances: &[InstanceIndex], to_prove: &[InstanceIndex]) -> Vec<Commitment> {
        let commit = |instance: &InstanceIndex| {
            let made = self.guarded(*instance, || {
                if to_prove.contains(instance) {
                    self.committed(*instance).and_then(|committed| Ok(committed.to_wire()?))
                } else {
                    self.commitment(*instance)
                }
            });
            made.inspect_err(|error| tracing::error!(job = %self.job.id(), %instance, %error, "not committed")).ok()
        };
        instances.par_iter().map(commit).flatten_iter().collect()
    }

    fn commitment(&self, instance: InstanceIndex) -> anyhow::Result<Commitment> {
        Ok(self.make(instance)?.to_wire()?)
    }

    /// The round that D opens, if the gateway's challenge is the one that follows from it.
    ///
    /// # Errors
    /// If it is not.
    pub fn challenge(&self, theirs: &quintet_api::Challenge) -> anyhow::Result<Challenged> {
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
    pub fn prove(&self, challenged: &Challenged, instances: &[InstanceIndex]) -> Vec<PartialProof> {
        let prove = |instance: &InstanceIndex| {
            let made = self.guarded(*instance, || self.prove_one(challenged, *instance));
            made.inspect_err(|error| tracing::error!(job = %self.job.id(), %instance, %error, "not proven")).ok()
        };
        instances.par_iter().map(prove).flatten_iter().collect()
    }

    /// One partial proof.
    ///
    /// # Errors
    /// If D has another digest for the instance than we find, or it cannot be proven.
    pub fn prove_one(&self, challenged: &Challenged, instance: InstanceIndex) -> anyhow::Result<PartialProof> {
        let committed = self.committed(instance)?;
        let digest = committed.digest();
        let settled = challenged.digests.get(instance.as_usize()).context("D has no such instance")?;
        ensure!(digest == *settled, "D has digest {settled}, ours is {digest}: someone else's commitment was settled");
        let partial = self.prove_committed(&committed, &challenged.round)?;
        // The trace is not needed any more; should it be after all, it is made again.
        self.committed.lock().unwrap_or_else(PoisonError::into_inner).remove(&instance);
        Ok(partial_to_wire(instance, digest, partial)?)
    }

    /// A partial off the wire, with the boundary values of the commitment that D has.
    ///
    /// # Errors
    /// If its digest is not D's, or it is malformed.
    pub fn parse(
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
    pub fn settled(
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
    pub fn aggregate(&self, challenged: &Challenged, partials: Vec<PlonkPartial>) -> anyhow::Result<Vec<u8>> {
        // One that is missing would be made from here; none is.
        let source = |id: InstanceId| {
            let place = self.job.shape().place(id).unwrap_or(usize::MAX);
            self.job.trace(InstanceIndex(place as u32)).map_err(Into::into)
        };
        Ok(self.prover.aggregate(&challenged.round, partials, &source)?.aggregation)
    }

    /// How long a full proof by this prover alone would take, by what was measured so far. `None` before that.
    pub fn full_proof_estimate(&self) -> Option<Duration> {
        let shape = self.job.shape();
        self.speed.full_proof(shape.k, shape.instances.iter().map(|id| id.air), rayon::current_num_threads())
    }

    /// T1 or T2: a full proof by this prover alone, with a D and a challenge of its own, as it goes over the wire. `stop` gives it up.
    ///
    /// # Errors
    /// If it was given up, or an instance cannot be made.
    pub fn own_full_proof(&self, stop: &AtomicBool) -> anyhow::Result<Vec<u8>> {
        let all: Vec<InstanceIndex> = self.job.plan().instances().collect();
        let go_on = || if stop.load(Ordering::Relaxed) { Err(anyhow::anyhow!("given up")) } else { Ok(()) };
        // Traces of a whole job do not fit into memory; each is made twice.
        let digest = |instance: &InstanceIndex| {
            go_on()?;
            Ok(Digest(self.make(*instance)?.digest().0))
        };
        let digests = all.par_iter().map(digest).collect::<anyhow::Result<Vec<Digest>>>()?;
        let circuits = self.job.circuits();
        let (keys, program) = (Arc::clone(&circuits.keys), Arc::clone(&circuits.program));
        let (statement, shape) = (self.job.statement(), self.job.shape().clone());
        let round = Round::own(keys, program, statement, shape, digests, *self.prover.key())?;
        let prove = |instance: &InstanceIndex| {
            go_on()?;
            self.prove_committed(&self.make(*instance)?, &round)
        };
        let partials = all.par_iter().map(prove).collect::<anyhow::Result<Vec<PlonkPartial>>>()?;
        let nothing_missing = |id: InstanceId| Err(format!("{id} is missing").into());
        Ok(self.prover.aggregate(&round, partials, &nothing_missing)?.encode())
    }

    /// Our key.
    pub const fn key(&self) -> &PublicKeyBytes {
        &self.key
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use quintet_air::{ColumnData, F};
    use quintet_beacon::decode::decode_block_file;
    use quintet_machine::AirId;
    use quintet_plonk::{AirKey, Backend, BackendKind, Error, FullProof, Point, Witness, verify_full};
    use quintet_proving::payload_input;
    use quintet_types::JobId;

    use super::*;

    /// Fails to prove one AIR, and panics at another.
    #[derive(Debug)]
    struct Broken(Arc<dyn Backend>);

    impl Backend for Broken {
        fn name(&self) -> &'static str {
            "broken"
        }

        fn commit(&self, key: &AirKey, columns: &[(&ColumnData, F)]) -> Result<Vec<Point>, Error> {
            self.0.commit(key, columns)
        }

        fn prove(&self, key: &AirKey, witness: &Witness<'_>) -> Result<Vec<u8>, Error> {
            match AirId::try_from(key.spec.id) {
                Ok(AirId::Shift) => Ok(Vec::new()),
                Ok(AirId::Bitwise) => panic!("out of memory"),
                _ => self.0.prove(key, witness),
            }
        }
    }

    /// The job of a small block.
    fn job(backend: Arc<dyn Backend>) -> ProvingJob {
        let block = include_bytes!("../../../integration-tests/tests/data/block-fulu-26.json");
        let block = decode_block_file(block).unwrap();
        let input = payload_input(block.payload().unwrap()).unwrap().encode().unwrap();
        let circuits = crate::circuits(None, true).unwrap().with_backend(backend);
        ProvingJob::new(&circuits, JobId::new(block.slot, block.block_root), input.into(), 11..=11, 4 << 20).unwrap()
    }

    fn work(backend: Arc<dyn Backend>, on_step: OnStep) -> Work {
        Work::new(job(backend), PublicKeyBytes::repeat_byte(1), Arc::default(), on_step)
    }

    #[test]
    fn an_instance_that_fails_or_panics_costs_itself_alone() {
        let failed = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&failed);
        let on_step = Box::new(move |_, step| {
            counter.fetch_add(usize::from(matches!(step, Step::Failed)), Ordering::Relaxed);
        });
        let work = work(Arc::new(Broken(BackendKind::Auto.build())), on_step);
        let wanted = [AirId::Shift, AirId::Bitwise, AirId::Mul];
        let of = |air: AirId| work.job.shape().instances.iter().position(|id| id.air == air.number()).unwrap();
        let mut instances: Vec<InstanceIndex> = wanted.iter().map(|air| InstanceIndex(of(*air) as u32)).collect();
        instances.sort();
        let commitments = work.commit(&instances, &instances);
        assert_eq!(commitments.len(), 3);
        let mut digests = vec![Root::ZERO; work.job.instances()];
        commitments.iter().for_each(|commitment| digests[commitment.instance.as_usize()] = commitment.digest);
        let round = Arc::new(work.job.round(&digests).unwrap());
        let proofs = work.prove(&Challenged { round, digests }, &instances);
        assert_eq!(proofs.iter().map(|proof| proof.instance.as_usize()).collect::<Vec<_>>(), [of(AirId::Mul)]);
        assert_eq!(failed.load(Ordering::Relaxed), 2);
        assert!(work.full_proof_estimate().is_some());
    }

    #[test]
    #[ignore = "long: proves a whole block alone"]
    fn a_full_proof_made_alone_verifies_and_can_be_given_up() {
        let work = work(BackendKind::Auto.build(), Box::new(|_, _| {}));
        assert!(work.own_full_proof(&AtomicBool::new(true)).unwrap_err().to_string().contains("given up"));
        let bytes = work.own_full_proof(&AtomicBool::new(false)).unwrap();
        let proof = FullProof::decode(&bytes).unwrap();
        let circuits = work.job.circuits();
        verify_full(&circuits.keys, &circuits.program, &work.job.statement(), &proof).unwrap();
    }
}
