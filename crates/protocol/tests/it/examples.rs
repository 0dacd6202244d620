//! The worked examples of `tests/data/rewards.toml`, computed.

use quintet_protocol::rewards::{
    FullProofParts, Payees, Share, aggregation_rewards, commit_rewards, partial_rewards, self_made_rewards,
};
use quintet_protocol::{Assignment, JointJob};
use quintet_types::{Account, LedgerEntry, Phase, ProverIndex, Root, Spec, ValidatorIndex};
use serde::Deserialize;

use crate::support::{SLOT, job_id};

#[derive(Debug, Deserialize)]
struct Examples {
    example: Vec<Example>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Example {
    pub(crate) name: String,
    pub(crate) phase: String,
    pub(crate) text: String,
    provers: Vec<u64>,
    #[serde(default)]
    committed: Vec<u64>,
    #[serde(default)]
    attesters: Vec<u64>,
    #[serde(default)]
    full_proofs: Vec<u64>,
    #[serde(default)]
    shares: Vec<(u64, u64)>,
    #[serde(default)]
    assigned: Vec<Vec<u64>>,
    #[serde(default)]
    proofs: Vec<Proof>,
    #[serde(default)]
    included_by: Vec<u64>,
    pub(crate) expect: Vec<(String, String, String)>,
}

#[derive(Debug, Deserialize)]
struct Proof {
    by: u64,
    makers: Vec<u64>,
}

pub(crate) fn all() -> Vec<Example> {
    toml::from_str::<Examples>(include_str!("../data/rewards.toml")).unwrap().example
}

impl Example {
    fn provers(&self) -> Vec<ProverIndex> {
        self.provers.iter().copied().map(ProverIndex).collect()
    }

    fn entries(&self, spec: &Spec) -> Vec<LedgerEntry> {
        let attesters: Vec<_> = self.attesters.iter().copied().map(ValidatorIndex).collect();
        let payees = Payees { leader: ValidatorIndex(1), attesters: &attesters };
        if self.phase == "AggProof" {
            return self.joint(spec);
        }
        let phase: Phase = self.phase.parse().unwrap();
        let provers = self.provers();
        if !self.full_proofs.is_empty() {
            let senders: Vec<_> = self.full_proofs.iter().copied().map(ProverIndex).collect();
            return self_made_rewards(job_id(), phase, &provers, &senders, payees, spec).unwrap();
        }
        match phase {
            Phase::T1 => {
                let valid: Vec<_> = self.provers.iter().map(|prover| self.committed.contains(prover)).collect();
                commit_rewards(job_id(), &provers, &valid, payees, spec)
            }
            Phase::T2 => {
                let shares = provers.iter().zip(&self.shares);
                let shares: Vec<_> = shares.map(|(&prover, &(assigned, valid))| Share { prover, assigned, valid }).collect();
                partial_rewards(job_id(), &shares, payees, spec)
            }
            _ => self.aggregation(phase, payees, spec),
        }
    }

    fn aggregation(&self, phase: Phase, payees: Payees<'_>, spec: &Spec) -> Vec<LedgerEntry> {
        let seat = |prover: &u64| self.provers.iter().position(|p| p == prover).unwrap() as u16;
        let seats = self.assigned.iter().map(|provers| provers.iter().map(seat).collect()).collect();
        let assignment = Assignment::explicit(Root::ZERO, self.provers(), seats, 2);
        let proofs: Vec<_> = self
            .proofs
            .iter()
            .map(|proof| FullProofParts {
                submitter: ProverIndex(proof.by),
                makers: proof.makers.iter().copied().map(ProverIndex).collect(),
            })
            .collect();
        aggregation_rewards(job_id(), phase, &assignment, &proofs, payees, spec).unwrap()
    }

    fn joint(&self, spec: &Spec) -> Vec<LedgerEntry> {
        let mut joint = JointJob::new(SLOT, Root::ZERO, 1, self.provers());
        joint.sub_block_finalized(0, SLOT, spec);
        let included = self.included_by.iter().flat_map(|&leader| joint.include(ValidatorIndex(leader), spec).unwrap());
        included.collect()
    }
}

/// (account, reason, amount) as the file writes them.
fn written(entry: &LedgerEntry) -> (String, String, String) {
    let account = match entry.account {
        Account::Prover(prover) => format!("p{prover}"),
        Account::Validator(validator) => format!("v{validator}"),
    };
    let reason = serde_json::to_value(entry.reason).unwrap();
    (account, reason.as_str().unwrap().to_owned(), entry.amount.to_string())
}

#[test]
fn worked_examples_come_out_to_the_unit() {
    let spec = Spec::default();
    for example in all() {
        let found: Vec<_> = example.entries(&spec).iter().map(written).collect();
        assert_eq!(found, example.expect, "{}", example.name);
    }
}

#[test]
fn there_is_a_worked_example_of_each_phase_and_reason() {
    let examples = all();
    for phase in ["T1", "T2", "T3", "T4", "T5", "AggProof"] {
        assert!(examples.iter().any(|example| example.phase == phase), "{phase}");
    }
    // Faults have one fixed amount each; `fault_penalties` has its own test.
    let faults = ["wrong_digest", "false_full_proof", "equivocation"];
    for reason in quintet_types::Reason::ALL {
        let name = serde_json::to_value(reason).unwrap().as_str().unwrap().to_owned();
        let shown = examples.iter().any(|example| example.expect.iter().any(|(_, reason, _)| *reason == name));
        assert!(shown || faults.contains(&name.as_str()), "{name}");
    }
}
