//! Who closed the phases of a job and who certified that, and who reused whose partial proofs, as the gateway shows it.

use std::collections::BTreeMap;

use quintet_agreement::Committee;
use quintet_api::{CertificateState, CertificateView, JobReuse, PhaseView, ReuseView, ValidatorView, ValidatorsView};
use quintet_types::{Account, Balance, CertifiedBundle, Decode as _, Phase, ProverIndex, Root, ValidatorIndex};

use super::{Core, CoreError, LiveJob, PhaseRecord, Verdict};
use crate::{db, joint::Board, registry::BlockAt};

impl Core {
    /// The phases of a job in short.
    pub(super) fn phase_views(&self, live: &LiveJob) -> Vec<PhaseView> {
        let view = |line: &PhaseRecord| PhaseView {
            phase: line.phase,
            starts_ms: line.starts_ms,
            deadline_ms: line.deadline_ms,
            closed_ms: line.closed_ms,
            bundle_root: line.bundle_root,
            leader: line.leader.map(|(leader, _)| leader),
            rank: line.leader.map(|(_, rank)| rank),
            certificate: self.certificate_state(line),
            submissions: if line.closed_ms.is_some() { line.submissions } else { live.of_phase(line.phase).count() as u64 },
        };
        live.record.phases.iter().map(view).collect()
    }

    fn certificate_state(&self, line: &PhaseRecord) -> CertificateState {
        match (self.config.joint, line.closed_ms) {
            (false, _) => CertificateState::Alone,
            (true, Some(_)) => CertificateState::Certified,
            // A deadline that moved has passed before.
            (true, None) if self.extensions(line) > 0 || crate::service::now_ms() >= line.deadline_ms => {
                CertificateState::Agreeing
            }
            (true, None) => CertificateState::Waiting,
        }
    }

    /// How often the deadline of a phase moved.
    fn extensions(&self, line: &PhaseRecord) -> u64 {
        let phase_ms = self.config.spec.phase_slots.saturating_mul(self.config.spec.slot_duration_ms).max(1);
        line.deadline_ms.saturating_sub(self.slot_start_ms(line.due)) / phase_ms
    }

    /// Leaders and certificates of a job's phases. `board` is there where several validators agree.
    ///
    /// # Errors
    /// If the store fails.
    pub fn certificates(&self, live: &LiveJob, board: Option<&Board>) -> Result<Vec<CertificateView>, CoreError> {
        let mut found: BTreeMap<Phase, CertifiedBundle> = BTreeMap::new();
        let place = (live.id().slot.0, live.id().root().0);
        for entry in self.store().prefix(&db::CERTIFIED, &place) {
            if let Ok(certified) = CertifiedBundle::from_ssz_bytes(&entry?.1) {
                found.insert(certified.bundle.phase, certified);
            }
        }
        let seed = live.job().selection().map(|selection| selection.seed);
        let at = BlockAt { slot: live.id().slot, tip: live.record.tip };
        let enrolled = board.and_then(|board| board.enrolled().of(self, &at).ok());
        let committee = enrolled.zip(seed).map(|(enrolled, seed)| enrolled.committee(&seed));
        let weight = |signers: &[ValidatorIndex]| {
            committee.as_ref().map_or(0, |committee| committee.weight(signers.iter().copied()).unwrap_or_default())
        };
        let views = live.record.phases.iter().map(|line| {
            let closed = line.closed_ms.is_some();
            let mut view = CertificateView {
                phase: line.phase,
                state: self.certificate_state(line),
                extensions: self.extensions(line),
                ranks: Vec::new(),
                round: None,
                leader: line.leader.map(|(leader, _)| leader),
                rank: line.leader.map(|(_, rank)| rank),
                bundle_root: line.bundle_root,
                signers: Vec::new(),
                weight: 0,
                total_weight: committee.as_ref().map_or(0, Committee::total),
                signature: None,
            };
            let certified = found.remove(&line.phase).filter(|certified| Some(certified.bundle.root()) == line.bundle_root);
            if let Some(certified) = certified {
                view.round = Some(certified.certificate.ballot.round);
                view.signers = certified.certificate.attesters.to_vec();
                view.weight = weight(&view.signers);
                view.signature = (!view.signers.is_empty()).then_some(certified.certificate.signature);
            } else if let Some(standing) = board.filter(|_| !closed).and_then(|board| board.standing(live.id(), line.phase)) {
                let turn = standing.ranks.get(usize::from(standing.rank) % standing.ranks.len().max(1)).copied();
                (view.leader, view.rank) = (turn, turn.map(|_| standing.rank));
                (view.ranks, view.round) = (standing.ranks, standing.round);
                (view.signers, view.weight) = (standing.precommits, standing.weight);
            } else if !closed && !self.config.joint {
                (view.leader, view.rank) = (Some(self.config.validator), Some(0));
            }
            view
        });
        Ok(views.collect())
    }

    /// Whose partial proofs the valid full proofs of a job hold.
    pub fn reuse(&self, live: &LiveJob) -> JobReuse {
        let mut places: BTreeMap<ProverIndex, u32> = BTreeMap::new();
        let mut provers = Vec::new();
        let included = |phase: Phase, root: &Root| {
            live.record.phases.iter().any(|line| line.phase == phase && line.accepted.contains(root))
        };
        let mut full_proofs = Vec::new();
        for ((phase, _), received) in &live.received {
            let Some(Verdict::FullProof { makers: Some(makers) }) = &received.verdict else { continue };
            let mut place = |maker: &ProverIndex| {
                *places.entry(*maker).or_insert_with(|| {
                    provers.push(self.prover_key(*maker));
                    provers.len() as u32 - 1
                })
            };
            full_proofs.push(ReuseView {
                phase: *phase,
                prover: *received.submission.prover(),
                body_root: received.body_root,
                included: included(*phase, &received.body_root),
                makers: makers.iter().map(&mut place).collect(),
            });
        }
        JobReuse { provers, full_proofs }
    }

    /// The enrolled validators; alone our own.
    pub fn validators(&self, board: Option<&Board>) -> ValidatorsView {
        let own = self.config.validator;
        let alone = || ValidatorsView {
            alone: true,
            own,
            votes: false,
            total_weight: 0,
            certificates: 0,
            validators: vec![ValidatorView {
                index: own,
                pubkey: None,
                weight: 0,
                signing: None,
                heard_ms: None,
                certificates_signed: 0,
                balance: Balance::default(),
            }],
        };
        let mut view = board.map_or_else(alone, |board| board.validators(own));
        // One pass over the ledger, however many they are.
        let ledger = &self.books.ledger;
        let mut balances: BTreeMap<Account, Balance> =
            ledger.totals().into_iter().map(|(account, totals)| (account, totals.balance())).collect();
        for entry in ledger.entries().filter(|entry| !ledger.is_final(&entry.job)) {
            *balances.entry(entry.account).or_default() += entry.amount;
        }
        for validator in &mut view.validators {
            validator.balance = balances.get(&Account::Validator(validator.index)).copied().unwrap_or_default();
        }
        view
    }
}
