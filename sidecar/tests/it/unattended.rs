//! Blocks for which no validator of the contract counts.

use std::sync::Arc;

use alloy_primitives::{Address, Bytes};
use alloy_sol_types::SolEvent as _;
use quintet_protocol::ProverRecord;
use quintet_sidecar::registry::{BlockAt, NotKnown, ProverSource, RegistryFile};
use quintet_staking::{MemberView, bindings::ValidatorSet};
use quintet_types::Spec;

use crate::world::{World, block, secrets, spec};

/// Provers of a file, and validators as they would be read from the contract.
#[derive(Debug)]
struct Scripted {
    provers: RegistryFile,
    members: MemberView,
}

impl ProverSource for Scripted {
    fn identity(&self) -> String {
        "scripted".into()
    }

    fn check_known(&self, _: &BlockAt, _: u64, _: &Spec) -> Result<(), NotKnown> {
        Ok(())
    }

    fn provers_for(&self, at: &BlockAt, genesis_time: u64, spec: &Spec) -> Result<Vec<ProverRecord>, NotKnown> {
        self.provers.provers_for(at, genesis_time, spec)
    }

    fn latest(&self) -> Vec<ProverRecord> {
        self.provers.latest()
    }

    fn version(&self) -> u64 {
        self.provers.version()
    }

    fn members_for(&self, _: &BlockAt, _: u64, _: &Spec) -> Option<Result<MemberView, NotKnown>> {
        Some(Ok(self.members.clone()))
    }
}

/// How many provers are drawn for a block if a validator is enrolled, if at all, from an epoch on; and what the job says.
fn drawn(enrolled_from: Option<u64>) -> (u64, Option<String>) {
    let registry: String = secrets().iter().map(|key| format!("[[prover]]\npubkey = \"{}\"\n", key.public_key())).collect();
    let provers = RegistryFile::parse(&registry, "registry").unwrap();
    let mut members = MemberView::default();
    if let Some(from) = enrolled_from {
        let event = ValidatorSet::Enrolled {
            index: 3,
            owner: Address::ZERO,
            pubkey: Bytes::from(secrets()[0].public_key().to_bytes().to_vec()),
            payout: Address::ZERO,
            weight: 32_000_000_000,
            fromEpoch: from,
        };
        let log = event.encode_log_data();
        members.push(log.topics(), &log.data).unwrap();
    }
    let mut world = World::of_contracts(spec(), Arc::new(Scripted { provers, members }));
    let job = world.head(&block()).expect("the block is due for a job");
    let detail = world.core.detail(world.live(&job));
    (detail.summary.num_provers, detail.note)
}

#[test]
fn a_block_without_validators_draws_nobody_and_says_so() {
    for nobody in [None, Some(1 << 40)] {
        let (provers, note) = drawn(nobody);
        let note = note.unwrap();
        assert!(provers == 0 && note.contains("no validator of the contract counts"), "{note}");
    }
    let (provers, note) = drawn(Some(0));
    assert!(provers > 0, "{note:?}");
}
