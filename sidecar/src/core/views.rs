//! The state as the gateway shows it.

use std::collections::{BTreeMap, BTreeSet};

use quintet_api::{
    AccountView, Assignment, Challenge, DutyView, HistoryView, InstanceState, InstanceView, JobDetail, JobState, JobSummary,
    LedgerView, ProverDetail, ProverStatus, ProverView, RewardEntry, SubmissionView, ValidatorRewards,
};
use quintet_machine::AirId;
use quintet_protocol::{Job, JobState as ProtocolState, ProverRecord, Totals, history_slot};
use quintet_types::{Account, Balance, InstanceIndex, Phase, ProverIndex, Slot, ValidatorIndex};

use super::{Core, LiveJob, Received, Verdict, open::epoch_of};

/// A job's state in the gateway's terms.
pub(super) const fn state_of(job: &Job) -> JobState {
    if job.is_suspended() {
        return JobState::Suspended;
    }
    match job.state() {
        ProtocolState::Announced => JobState::Announced,
        ProtocolState::Open(Phase::T1) => JobState::T1,
        ProtocolState::Open(Phase::T2) => JobState::T2,
        ProtocolState::Open(Phase::T3) => JobState::T3,
        ProtocolState::Open(Phase::T4) => JobState::T4,
        ProtocolState::Open(Phase::T5) => JobState::T5,
        ProtocolState::Finalized(_) => JobState::Finalized,
        ProtocolState::Failed(_) => JobState::Failed,
        ProtocolState::Unserved => JobState::Unserved,
    }
}

impl Core {
    /// A line in the list of jobs.
    pub fn summary(&self, live: &LiveJob) -> JobSummary {
        let open = live.job().phase().is_some();
        JobSummary {
            id: live.id().to_string(),
            job: *live.id(),
            state: state_of(live.job()),
            gas_used: live.record.gas_used,
            transactions: live.record.transactions,
            num_provers: live.job().selection().map_or(0, |selection| selection.provers.len() as u64),
            num_instances: live.job().assignment().map_or(0, |assignment| assignment.num_instances() as u64),
            deadline_ms: if open { self.slot_start_ms(live.job().deadline()) } else { 0 },
        }
    }

    /// Everything about a job.
    pub fn detail(&self, live: &LiveJob) -> JobDetail {
        let key = |index: &ProverIndex| self.prover_key(*index);
        JobDetail {
            summary: self.summary(live),
            plan_root: live.job().assignment().map(|_| live.job().plan_root()),
            k: live.proving.as_ref().map_or(0, |proving| proving.shape().k as u8),
            input_root: live.record.input_root,
            selected: live.job().selection().map(|selection| selection.provers.iter().map(key).collect()).unwrap_or_default(),
            phases: self.phase_views(live),
            instances: self.instances(live),
            full_proof: live.record.full_proof,
            note: live.record.note.clone(),
        }
    }

    fn instances(&self, live: &LiveJob) -> Vec<InstanceView> {
        let Some(proving) = &live.proving else { return Vec::new() };
        let mut proven: BTreeMap<InstanceIndex, Vec<ProverIndex>> = BTreeMap::new();
        let mut committed: BTreeSet<InstanceIndex> = live.record.recomputed.keys().copied().collect();
        for ((_, prover), received) in &live.received {
            match (&*received.submission, &received.verdict) {
                (_, Some(Verdict::Partials { valid, .. })) => {
                    valid.iter().for_each(|instance| proven.entry(*instance).or_default().push(*prover));
                }
                (quintet_types::Submission::Commitments(signed), _) => {
                    committed.extend(signed.body.commitments.iter().map(|commitment| commitment.instance));
                }
                _ => {}
            }
        }
        let finalized = matches!(live.job().state(), ProtocolState::Finalized(_));
        let entries = proving.plan().entries.iter().zip(0..);
        entries
            .map(|(entry, place)| {
                let instance = InstanceIndex(place);
                let by = proven.remove(&instance).unwrap_or_default();
                let state = match (finalized, by.is_empty(), committed.contains(&instance)) {
                    (true, ..) => InstanceState::Aggregated,
                    (_, false, _) => InstanceState::Proven,
                    (_, _, true) => InstanceState::Committed,
                    _ => InstanceState::Assigned,
                };
                InstanceView {
                    instance,
                    air: AirId::try_from(entry.air).map_or_else(|_| entry.air.to_string(), |air| air.to_string()),
                    index: u64::from(entry.index),
                    rows: entry.rows,
                    state,
                    proven_by: by.iter().map(|prover| self.prover_key(*prover)).collect(),
                }
            })
            .collect()
    }

    /// Who owes what to a job.
    pub fn assignments(&self, live: &LiveJob) -> Vec<Assignment> {
        let Some(assignment) = live.job().assignment() else { return Vec::new() };
        let of = |&prover: &ProverIndex| Assignment {
            index: prover,
            prover: self.prover_key(prover),
            commit: assignment.to_commit(prover),
            prove: assignment.to_prove(prover),
        };
        assignment.provers().iter().map(of).collect()
    }

    /// D and the challenge, once T1 is closed.
    pub fn challenge(&self, live: &LiveJob) -> Option<Challenge> {
        let round = live.round.as_ref()?;
        let element = |value: &quintet_plonk::Challenge| (value.alpha, value.beta);
        let (alpha, beta) = element(round.challenge());
        let root = |value| quintet_types::Root::from(quintet_proving::element_bytes(&value));
        let digests = round.digests().iter().map(|digest| digest.0.into()).collect();
        Some(Challenge { digests, alpha: root(alpha), beta: root(beta) })
    }

    /// Submissions of some phases. T1's are shown once T1 is closed: until then nobody may copy them.
    pub fn submissions(&self, live: &LiveJob, phases: &[Phase]) -> Vec<SubmissionView> {
        let shown = |phase: &Phase| *phase != Phase::T1 || live.job().phase() != Some(Phase::T1);
        let of_phase = phases.iter().filter(|phase| shown(phase)).flat_map(|phase| live.of_phase(*phase));
        of_phase.map(|(_, received)| submission_view(received)).collect()
    }

    /// Provers in the list. What they have in common is looked at once: a list costs one pass over the ledger, however long it is.
    pub fn prover_views(&self, records: &[ProverRecord]) -> Vec<ProverView> {
        let spec = &self.config.spec;
        let epoch = epoch_of(self.chain.head_slot, spec.slots_per_epoch);
        let ancestry = self.chain.ancestry(self.chain.head);
        let on_chain = |slot: Slot, root: &quintet_types::Root| ancestry.contains(slot, root);
        let histories = self.books.history.at(history_slot(epoch, spec), spec.history_shift, on_chain);
        let busy = self.books.busy.busy_at(self.chain.head_slot.plus(1), spec, on_chain);
        let totals = self.books.ledger.totals_with_provisional();
        let view = |record: &ProverRecord| {
            let paused = record.pauses.iter().any(|p| p.from <= epoch && p.until.is_none_or(|until| epoch < until));
            let status = if record.stake_gwei < spec.min_prover_stake_gwei {
                ProverStatus::Underfunded
            } else if record.exit.is_some() {
                ProverStatus::Exiting
            } else if record.activation > epoch {
                ProverStatus::Pending
            } else if paused {
                ProverStatus::Paused
            } else if busy.contains(&record.index) {
                ProverStatus::Busy
            } else {
                ProverStatus::Active
            };
            ProverView {
                index: record.index,
                pubkey: record.pubkey,
                stake_gwei: record.stake_gwei,
                status,
                weight: u64::from(histories.get(&record.index).copied().unwrap_or_default().weight()),
                balance: totals.get(&Account::Prover(record.index)).map(Totals::balance).unwrap_or_default(),
            }
        };
        records.iter().map(view).collect()
    }

    /// One prover with duties and history.
    pub fn prover_detail(&self, record: &ProverRecord) -> Option<ProverDetail> {
        let mut duties = Vec::new();
        let mut history = Vec::new();
        for (id, live) in self.jobs().rev() {
            let Some(assignment) = live.job().assignment() else { continue };
            if assignment.seat(record.index).is_none() {
                continue;
            }
            if !live.job().state().is_over() {
                let (commit, prove) = (assignment.to_commit(record.index), assignment.to_prove(record.index));
                duties.push(DutyView { job: *id, commit, prove });
            }
            for line in live.record.phases.iter().filter(|line| line.closed_ms.is_some()) {
                let due = match line.phase {
                    Phase::T1 => 1,
                    Phase::T2 => assignment.to_prove(record.index).len() as u32,
                    _ => continue,
                };
                let received = live.received.get(&(line.phase, record.index));
                let valid = received.map_or(0, |received| match &received.verdict {
                    Some(Verdict::Partials { valid, .. }) => valid.len() as u32,
                    _ => 1,
                });
                history.push(HistoryView { job: *id, phase: line.phase, due, valid });
            }
        }
        history.truncate(100);
        let prover = self.prover_views(std::slice::from_ref(record)).pop()?;
        Some(ProverDetail { prover, duties, history })
    }

    /// The ledger.
    pub fn ledger_view(&self) -> LedgerView {
        let ledger = &self.books.ledger;
        let mut accounts: BTreeMap<Account, AccountView> = BTreeMap::new();
        let empty = |account| AccountView {
            account,
            rewards: Balance::default(),
            penalties: Balance::default(),
            finalized: Balance::default(),
        };
        for (account, totals) in ledger.totals() {
            let view = accounts.entry(account).or_insert_with(|| empty(account));
            view.rewards = Balance(totals.rewards as i128);
            view.penalties = Balance(-(totals.penalties as i128));
            view.finalized = totals.balance();
        }
        for entry in ledger.entries().filter(|entry| !ledger.is_final(&entry.job)) {
            let view = accounts.entry(entry.account).or_insert_with(|| empty(entry.account));
            let side = if entry.amount.0 < 0 { &mut view.penalties } else { &mut view.rewards };
            *side += entry.amount;
        }
        LedgerView {
            root: ledger.root(),
            finalized_root: ledger.finalized_root(),
            finalized_slot: self.chain.finalized_slot,
            accounts: accounts.into_values().collect(),
        }
    }

    /// Ledger entries of a job.
    pub fn rewards(&self, live: &LiveJob) -> Vec<RewardEntry> {
        self.books.ledger.job(live.id()).map(with_parameter).collect()
    }

    /// What a validator earned.
    pub fn validator_rewards(&self, index: ValidatorIndex) -> ValidatorRewards {
        let account = Account::Validator(index);
        let mut total = self.books.ledger.balance(&account);
        total.0 += self.books.ledger.provisional(&account).0;
        let mut entries: Vec<RewardEntry> =
            self.books.ledger.entries().filter(|entry| entry.account == account).map(with_parameter).collect();
        entries.reverse();
        entries.truncate(1000);
        ValidatorRewards { total, entries }
    }
}

fn with_parameter(entry: quintet_types::LedgerEntry) -> RewardEntry {
    RewardEntry { parameter: entry.reason.parameter(entry.phase), entry }
}

/// A submission without its body.
fn submission_view(received: &Received) -> SubmissionView {
    let valid = match (&received.verdict, &*received.submission) {
        (Some(Verdict::Partials { valid, .. }), _) => valid.clone(),
        (Some(Verdict::FullProof { makers: Some(makers) }), _) => (0..makers.len() as u32).map(InstanceIndex).collect(),
        (_, quintet_types::Submission::Commitments(signed)) => signed.body.commitments.iter().map(|c| c.instance).collect(),
        _ => Vec::new(),
    };
    SubmissionView {
        prover: *received.submission.prover(),
        phase: received.submission.phase(),
        body_root: received.body_root,
        received_ms: received.arrival_ms,
        bytes: received.bytes as u64,
        valid,
    }
}
