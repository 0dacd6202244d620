//! Collects the entries of one phase, and shares validator rewards out.

use std::collections::{BTreeMap, BTreeSet};

use quintet_types::{Account, JobId, LedgerEntry, Phase, PhaseBundle, ProverIndex, Reason, Reward, Spec, ValidatorIndex};

/// The validators that a phase's bundle pays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Payees<'a> {
    /// The leader whose bundle was certified.
    pub leader: ValidatorIndex,
    /// The signers of the certificate that the bundle names; none where one sidecar runs alone.
    pub attesters: &'a [ValidatorIndex],
}

impl<'a> Payees<'a> {
    /// Whom a certified bundle pays.
    ///
    /// Everyone may hold another certificate of it, with other signers, so those who attested are taken from the bundle
    /// itself: they signed the certificate of its predecessor. The first bundle of a job has none.
    pub fn of(bundle: &'a PhaseBundle) -> Self {
        Self { leader: bundle.leader, attesters: &bundle.attesters }
    }
}

/// Sums up amounts by (account, reason).
pub(crate) struct Sink {
    job: JobId,
    phase: Phase,
    amounts: BTreeMap<(Account, Reason), Reward>,
}

impl Sink {
    pub(crate) fn new(job: JobId, phase: Phase) -> Self {
        Self { job, phase, amounts: BTreeMap::new() }
    }

    pub(crate) fn prover(&mut self, prover: ProverIndex, reason: Reason, amount: Reward) {
        *self.amounts.entry((Account::Prover(prover), reason)).or_default() += amount;
    }

    /// `ATTESTER_SHARE_BPS` of `total` to the attesters in equal parts, the rest, with what does not divide, to the
    /// leader.
    pub(crate) fn validators(&mut self, payees: Payees<'_>, reason: Reason, total: Reward, spec: &Spec) {
        let attesters: BTreeSet<_> = payees.attesters.iter().copied().collect();
        let count = attesters.len() as u64;
        let each = total.share(spec.attester_share_bps, 10_000).share(1, count);
        for attester in attesters {
            *self.amounts.entry((Account::Validator(attester), reason)).or_default() += each;
        }
        let rest = total - each.times(count);
        *self.amounts.entry((Account::Validator(payees.leader), reason)).or_default() += rest;
    }

    pub(crate) fn entries(self) -> Vec<LedgerEntry> {
        let (job, phase) = (self.job, self.phase);
        self.amounts
            .into_iter()
            .filter(|(_, amount)| !amount.is_zero())
            .map(|((account, reason), amount)| LedgerEntry { job, phase, account, reason, amount })
            .collect()
    }
}

/// Penalties for faults outside the source's table: each prover once for a job, phase and kind of fault.
///
/// `reason` is one of [`Reason::WrongDigest`], [`Reason::FalseFullProof`] and [`Reason::Equivocation`]; others give
/// nothing.
pub fn fault_penalties(
    job: JobId,
    phase: Phase,
    reason: Reason,
    provers: impl IntoIterator<Item = ProverIndex>,
    spec: &Spec,
) -> Vec<LedgerEntry> {
    let units = match reason {
        Reason::WrongDigest => spec.penalty_wrong_digest,
        Reason::FalseFullProof => spec.penalty_false_full_proof,
        Reason::Equivocation => spec.penalty_equivocation,
        _ => 0,
    };
    let mut sink = Sink::new(job, phase);
    for prover in provers.into_iter().collect::<BTreeSet<_>>() {
        sink.prover(prover, reason, Reward::from_units(units));
    }
    sink.entries()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shared(total: i64, attesters: &[u64]) -> Vec<(u64, i64)> {
        let attesters: Vec<_> = attesters.iter().copied().map(ValidatorIndex).collect();
        let mut sink = Sink::new(JobId::default(), Phase::T1);
        let payees = Payees { leader: ValidatorIndex(1), attesters: &attesters };
        sink.validators(payees, Reason::IncludedValid, Reward(total), &Spec::default());
        let entries = sink.entries();
        assert_eq!(entries.iter().map(|entry| entry.amount).sum::<Reward>(), Reward(total), "nothing is lost");
        entries
            .into_iter()
            .map(|entry| match entry.account {
                Account::Validator(validator) => (validator.0, entry.amount.0),
                Account::Prover(_) => unreachable!("only validators are paid here"),
            })
            .collect()
    }

    #[test]
    fn a_fifth_goes_to_the_signers_and_the_rest_to_the_leader() {
        assert_eq!(shared(100, &[2, 3]), [(1, 80), (2, 10), (3, 10)]);
        assert_eq!(shared(100, &[2, 3, 4]), [(1, 82), (2, 6), (3, 6), (4, 6)]);
        assert_eq!(shared(100, &[1, 2]), [(1, 90), (2, 10)], "the leader may sign too");
        assert_eq!(shared(100, &[2, 2]), [(1, 80), (2, 20)], "a signer counts once");
    }

    #[test]
    fn a_lone_leader_gets_all() {
        assert_eq!(shared(100, &[]), [(1, 100)]);
    }

    #[test]
    fn a_fault_is_penalised_once() {
        let provers = [ProverIndex(1), ProverIndex(1)];
        let entries = fault_penalties(JobId::default(), Phase::T1, Reason::Equivocation, provers, &Spec::default());
        assert_eq!(entries.len(), 1);
        assert_eq!(entries[0].amount, Reward::from_units(-1000));
    }
}
