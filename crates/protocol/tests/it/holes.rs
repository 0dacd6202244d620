//! Monte-Carlo: 200 provers, 400 instances, a third silent, and yet no instance goes uncommitted.

use std::collections::BTreeSet;

use quintet_protocol::{Settlement, select};
use quintet_types::{InstanceIndex, JobId, ProverIndex, Root, Slot, Spec};
use sha2::{Digest, Sha256};

use crate::support::{MIX, MUCH_GAS, all_digests, candidates, commitments, nobody};

/// A third of all provers, another third for each job.
fn is_silent(job: u64, prover: ProverIndex) -> bool {
    let hash = Sha256::digest([job.to_le_bytes(), prover.0.to_le_bytes()].concat());
    u16::from_le_bytes([hash[0], hash[1]]) < u16::MAX / 3
}

/// The leader is taken to fill nothing: only reserves that are not silent do, after two thirds of T1.
#[test]
fn a_third_silent_leaves_no_instance_uncommitted_in_99_of_100_jobs() {
    const JOBS: u64 = 400;
    let spec = Spec::default();
    let table = candidates(1000);
    let (mut with_holes, mut incomplete) = (0, 0);
    for slot in 0..JOBS {
        let id = JobId::new(Slot(slot), Root::ZERO);
        let selection = select(&id, &MIX, MUCH_GAS, &table, &nobody(), &spec).unwrap();
        let assignment = quintet_protocol::Assignment::new(&selection, 400, &spec).unwrap();
        let talking: Vec<_> = selection.provers.iter().copied().filter(|p| !is_silent(slot, *p)).collect();
        let mut settlement = Settlement::new(400, &[]);
        for (prover, submission) in commitments(&assignment, &talking) {
            settlement.claim(prover, &submission.claims).unwrap();
        }
        let holes: BTreeSet<InstanceIndex> = settlement.holes().into_iter().collect();
        with_holes += u64::from(!holes.is_empty());
        let digests = all_digests(&assignment);
        for reserve in selection.reserves.iter().filter(|p| !is_silent(slot, **p)) {
            let claims: Vec<_> = holes.iter().map(|i| (*i, digests[i.as_usize()].unwrap())).collect();
            settlement.claim(*reserve, &claims).unwrap();
        }
        incomplete += u64::from(!settlement.holes().is_empty());
    }
    assert!(with_holes > 0, "without filling, about 6 % of jobs have holes");
    assert!(incomplete * 100 <= JOBS, "{incomplete} of {JOBS} jobs incomplete, {with_holes} had holes before filling");
}
