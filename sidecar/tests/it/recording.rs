//! Real commitments and proofs of one small block, made once and kept in `tests/data/recording.bin`.
//!
//! Proofs cost seconds each and do not change while circuits, guest and formats do not. Where one of them changed on purpose, make the file again:
//! `QUINTET_RECORD=1 cargo nextest run -p quintet-sidecar make_the_recording_again` (a minute of a core).

use std::{collections::BTreeMap, sync::OnceLock};

use quintet_types::{
    Commitment, Decode, Encode, FullProof, InstanceIndex, JobId, PartialProof, ProverIndex, PublicKeyBytes, Root,
};

use crate::{
    provers::{self, Share},
    world::{World, block, spec},
};

/// Where it is.
const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/recording.bin");
/// What to do when it is out of date.
const REMAKE: &str = "QUINTET_RECORD=1 cargo nextest run -p quintet-sidecar make_the_recording_again";

/// Seat of the prover whose share the prover of seat 0 can prove too: it is the one that misbehaves in tests.
pub(crate) const CULPRIT: usize = 1;

/// What was recorded of the job of [`block`].
#[derive(Debug, PartialEq)]
pub(crate) struct Recording {
    /// Root of the plan.
    pub(crate) plan_root: Root,
    /// By instance; the same for all provers.
    pub(crate) commitments: Vec<Commitment>,
    /// Each selected prover's share, and the culprit's share by the prover of seat 0.
    pub(crate) partials: BTreeMap<(PublicKeyBytes, InstanceIndex), PartialProof>,
    /// The culprit's partial of its first instance for another job: the second attempt.
    pub(crate) foreign: PartialProof,
    /// T3 by each selected prover, all shares being there.
    pub(crate) full_proofs: BTreeMap<PublicKeyBytes, FullProof>,
}

pub(crate) fn recording() -> &'static Recording {
    static RECORDING: OnceLock<Recording> = OnceLock::new();
    RECORDING.get_or_init(|| {
        let file = std::fs::read(FILE).unwrap();
        Recording::decode(&file).unwrap_or_else(|| panic!("{FILE} is of another format; run `{REMAKE}`"))
    })
}

impl Recording {
    /// Lists of SSZ values, each with its length before it.
    fn encode(&self) -> Vec<u8> {
        let mut file = Vec::new();
        let mut put = |bytes: Vec<u8>| {
            file.extend((bytes.len() as u32).to_le_bytes());
            file.extend(bytes);
        };
        put(self.plan_root.as_ssz_bytes());
        put(self.foreign.as_ssz_bytes());
        put((self.commitments.len() as u64).as_ssz_bytes());
        self.commitments.iter().for_each(|commitment| put(commitment.as_ssz_bytes()));
        put((self.partials.len() as u64).as_ssz_bytes());
        for ((key, _), partial) in &self.partials {
            put(key.as_ssz_bytes());
            put(partial.as_ssz_bytes());
        }
        put((self.full_proofs.len() as u64).as_ssz_bytes());
        for (key, proof) in &self.full_proofs {
            put(key.as_ssz_bytes());
            put(proof.as_ssz_bytes());
        }
        file
    }

    fn decode(mut file: &[u8]) -> Option<Self> {
        fn take<T: Decode>(file: &mut &[u8]) -> Option<T> {
            let (length, rest) = file.split_first_chunk::<4>()?;
            let (value, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
            *file = rest;
            T::from_ssz_bytes(value).ok()
        }
        let file = &mut file;
        let (plan_root, foreign) = (take(file)?, take(file)?);
        let commitments = (0..take::<u64>(file)?).map(|_| take(file)).collect::<Option<_>>()?;
        let mut partials = BTreeMap::new();
        for _ in 0..take::<u64>(file)? {
            let (key, partial): (PublicKeyBytes, PartialProof) = (take(file)?, take(file)?);
            partials.insert((key, partial.instance), partial);
        }
        let mut full_proofs = BTreeMap::new();
        for _ in 0..take::<u64>(file)? {
            full_proofs.insert(take(file)?, take(file)?);
        }
        file.is_empty().then_some(Self { plan_root, commitments, partials, foreign, full_proofs })
    }
}

/// The file is what the programs make today: a block's plan is the recorded one, and so is a commitment made now. That the proofs verify is what all
/// other tests with it rely on.
#[test]
fn the_recording_is_of_todays_plan_and_circuits() {
    let mut world = World::new(spec());
    let job = world.announce();
    let proving = world.proving(&job);
    let recording = recording();
    assert_eq!(proving.plan_root(), recording.plan_root, "run `{REMAKE}`");
    let instance = InstanceIndex(0);
    let made = proving.commit(&proving.prover(&PublicKeyBytes::default()), instance).unwrap().to_wire().unwrap();
    assert_eq!(made, recording.commitments[0], "run `{REMAKE}`");
    assert_eq!(Recording::decode(&recording.encode()).as_ref(), Some(recording));
}

/// Not a test of its own, and not among the ignored ones, which `make test-long` runs: it writes the file only if it is asked to.
#[test]
fn make_the_recording_again() {
    if std::env::var_os("QUINTET_RECORD").is_none() {
        return;
    }
    let mut world = World::unrecorded(spec());
    let job = world.announce();
    let proving = world.proving(&job);
    let selected = world.selected(&job);
    let assignment = world.core.job(&job).unwrap().job().assignment().unwrap().clone();
    let all = || (0..proving.instances() as u32).map(InstanceIndex);
    let nobody = proving.prover(&PublicKeyBytes::default());
    let commitments: Vec<Commitment> =
        all().map(|instance| proving.commit(&nobody, instance).unwrap().to_wire().unwrap()).collect();
    let digests: Vec<Root> = commitments.iter().map(|commitment| commitment.digest).collect();

    let mut partials = BTreeMap::new();
    let culprits_share = assignment.to_prove(world.index(&selected[CULPRIT]));
    for (seat, key) in selected.iter().enumerate() {
        let mut share = assignment.to_prove(world.index(key));
        if seat == 0 {
            share.extend(&culprits_share);
        }
        for instance in share {
            partials.insert((*key, instance), provers::prove(&proving, &digests, key, instance));
        }
    }
    let other = world.plan(JobId { attempt: 1, ..job });
    let foreign = provers::prove(&other, &digests, &selected[CULPRIT], culprits_share[0]);

    let shares: Vec<Share> = selected
        .iter()
        .map(|key| {
            let index: ProverIndex = world.index(key);
            let of = |instance: InstanceIndex| partials[&(*key, instance)].clone();
            Share { key: *key, partials: assignment.to_prove(index).into_iter().map(of).collect() }
        })
        .collect();
    let full_proofs =
        selected.iter().map(|key| (*key, provers::aggregate(&proving, &commitments, &shares, key, &[]))).collect();
    let made = Recording { plan_root: proving.plan_root(), commitments, partials, foreign, full_proofs };
    std::fs::write(FILE, made.encode()).unwrap();
    assert_eq!(block().slot, job.slot);
}
