//! The ledger: entries by job, provisional until the block is final, and one root over all of it.
//!
//! Entries are keyed by (job, phase, account, reason), so neither the order in which phases close at different nodes
//! nor a phase that is recorded twice changes anything. Two sidecars with the same entries have the same root.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

use alloy_primitives::B256;
use quintet_types::{Account, Balance, JobId, LedgerEntry, Phase, Reason, Reward, Root, Slot, TreeHash};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::ProtocolError;

/// What an account was ever given and what was ever taken from it, in 10⁻⁹ units. Neither falls, which is what settlement needs.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Sum of the positive entries.
    pub rewards: u128,
    /// Sum of the negative entries, without the sign.
    pub penalties: u128,
}

impl Totals {
    fn add(&mut self, amount: Reward) {
        let side = if amount.0 < 0 { &mut self.penalties } else { &mut self.rewards };
        *side += u128::from(amount.0.unsigned_abs());
    }

    /// What is left of one after the other. Sums of 64-bit amounts do not reach 2¹²⁷.
    pub const fn balance(&self) -> Balance {
        Balance(self.rewards as i128 - self.penalties as i128)
    }
}

/// Entries of one job.
type JobEntries = BTreeMap<(Phase, Account, Reason), Reward>;

/// An entry of a job that bundles of later jobs brought about. It is there while one of those is, whichever was certified first, and once however many they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct LateEntry {
    amount: Reward,
    carriers: BTreeSet<JobId>,
}

/// Rewards and penalties of all jobs, on whatever fork.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// Everything of slots before this one is folded into `settled_root` and `totals`.
    settled_before: Slot,
    /// Chain of hashes over the settled jobs, in order.
    settled_root: Root,
    totals: BTreeMap<Account, Totals>,
    /// Blocks at or before this slot are final.
    finalized: Option<Slot>,
    jobs: BTreeMap<JobId, JobEntries>,
    /// Entries that came with later jobs.
    #[serde(default)]
    late: BTreeMap<JobId, BTreeMap<(Phase, Account, Reason), LateEntry>>,
}

impl Ledger {
    /// Adds entries. Those that are there with the same amount are passed over.
    ///
    /// # Errors
    /// If an entry is there with another amount, or its job is settled. Nothing is added then.
    pub fn record(&mut self, entries: &[LedgerEntry]) -> Result<(), ProtocolError> {
        for entry in entries {
            self.check(entry)?;
        }
        for entry in entries {
            let job = self.jobs.entry(entry.job).or_default();
            job.insert((entry.phase, entry.account, entry.reason), entry.amount);
        }
        Ok(())
    }

    /// As [`Self::record`], for what follows from a bundle of `carrier`: entries of earlier jobs among them stand and fall with it.
    ///
    /// # Errors
    /// As [`Self::record`].
    pub fn record_with(&mut self, carrier: &JobId, entries: &[LedgerEntry]) -> Result<(), ProtocolError> {
        let (own, late): (Vec<_>, Vec<_>) = entries.iter().copied().partition(|entry| entry.job == *carrier);
        for entry in &late {
            self.check(entry)?;
        }
        self.record(&own)?;
        for entry in late {
            let of_job = self.late.entry(entry.job).or_default();
            let new = || LateEntry { amount: entry.amount, carriers: BTreeSet::new() };
            of_job.entry((entry.phase, entry.account, entry.reason)).or_insert_with(new).carriers.insert(*carrier);
        }
        Ok(())
    }

    /// Whether an entry may be added.
    fn check(&self, entry: &LedgerEntry) -> Result<(), ProtocolError> {
        if entry.job.slot < self.settled_before {
            return Err(ProtocolError::Settled(entry.job));
        }
        let key = (entry.phase, entry.account, entry.reason);
        let there = self.jobs.get(&entry.job).and_then(|job| job.get(&key));
        let late = || self.late.get(&entry.job).and_then(|job| job.get(&key)).map(|late| &late.amount);
        if there.or_else(late).is_some_and(|amount| *amount != entry.amount) {
            return Err(ProtocolError::Conflict { job: entry.job, phase: entry.phase });
        }
        Ok(())
    }

    /// Blocks up to `slot` are final: entries of blocks that `is_canonical` does not know vanish.
    pub fn finalize(&mut self, slot: Slot, mut is_canonical: impl FnMut(Slot, &Root) -> bool) {
        self.finalized = self.finalized.max(Some(slot));
        self.keep(|job| job.slot > slot || is_canonical(job.slot, &job.block_root));
    }

    fn keep(&mut self, mut stays: impl FnMut(&JobId) -> bool) {
        self.jobs.retain(|job, _| stays(job));
        self.late.retain(|job, entries| {
            entries.retain(|_, late| {
                late.carriers.retain(&mut stays);
                !late.carriers.is_empty()
            });
            !entries.is_empty() && stays(job)
        });
    }

    /// Drops all entries of a block that was orphaned.
    pub fn orphan(&mut self, block_root: &Root) {
        self.keep(|job| job.block_root != *block_root);
    }

    /// Folds in the jobs of slots before `slot`, as far as they are final; nothing can be added to them any more.
    /// The caller knows that no later job can bring anything about them. Returns the folded entries. Changes neither [`Self::root`] nor [`Self::balance`].
    pub fn settle(&mut self, slot: Slot) -> Vec<LedgerEntry> {
        let end = self.finalized.map_or(Slot(0), |finalized| slot.min(finalized.plus(1)));
        if end <= self.settled_before {
            return Vec::new();
        }
        let settled: Vec<(JobId, JobEntries)> = self
            .merged(|job| self.is_final(job))
            .filter(|(job, _)| job.slot < end)
            .map(|(job, e)| (*job, e.into_owned()))
            .collect();
        self.jobs = self.jobs.split_off(&JobId::new(end, Root::ZERO));
        self.late = self.late.split_off(&JobId::new(end, Root::ZERO));
        self.settled_before = end;
        let mut folded = Vec::new();
        for (job, entries) in &settled {
            self.settled_root = chain(&self.settled_root, job, entries);
            for entry in listed(job, entries) {
                self.totals.entry(entry.account).or_default().add(entry.amount);
                folded.push(entry);
            }
        }
        folded
    }

    /// The root over all entries, provisional ones included: hash chain over jobs in order of their ids.
    pub fn root(&self) -> Root {
        self.root_of(|_| true, |_| true)
    }

    /// The root over the entries of final blocks.
    pub fn finalized_root(&self) -> Root {
        self.root_of(|job| self.is_final(job), |job| self.is_final(job))
    }

    /// The root over jobs that `which` picks, with what jobs that `counts` picks brought later.
    fn root_of(&self, which: impl Fn(&JobId) -> bool, counts: impl Fn(&JobId) -> bool) -> Root {
        let jobs = self.merged(counts).filter(|(job, _)| which(job));
        jobs.fold(self.settled_root, |root, (job, entries)| chain(&root, job, &entries))
    }

    /// All jobs with their entries, and those that came later with a job that `counts`.
    fn merged(&self, counts: impl Fn(&JobId) -> bool) -> impl Iterator<Item = (&JobId, Cow<'_, JobEntries>)> {
        let ids: BTreeSet<&JobId> = self.jobs.keys().chain(self.late.keys()).collect();
        let of = move |job| (job, self.of_job(job, &counts));
        ids.into_iter().map(of).filter(|(_, entries)| !entries.is_empty())
    }

    fn of_job(&self, job: &JobId, counts: impl Fn(&JobId) -> bool) -> Cow<'_, JobEntries> {
        let Some(late) = self.late.get(job) else {
            return self.jobs.get(job).map_or_else(|| Cow::Owned(JobEntries::new()), Cow::Borrowed);
        };
        let mut entries = self.jobs.get(job).cloned().unwrap_or_default();
        for (key, late) in late.iter().filter(|(_, late)| late.carriers.iter().any(&counts)) {
            entries.entry(*key).or_insert(late.amount);
        }
        Cow::Owned(entries)
    }

    /// Whether the job's block is final.
    pub fn is_final(&self, job: &JobId) -> bool {
        job.slot < self.settled_before || self.finalized.is_some_and(|finalized| job.slot <= finalized)
    }

    /// Entries that are not settled, in order, provisional ones included.
    pub fn entries(&self) -> impl Iterator<Item = LedgerEntry> + '_ {
        self.merged(|_| true).flat_map(|(job, entries)| listed(job, &entries).collect::<Vec<_>>())
    }

    /// Entries of one job, while it is not settled.
    pub fn job(&self, job: &JobId) -> impl Iterator<Item = LedgerEntry> + '_ {
        listed(job, &self.of_job(job, |_| true)).collect::<Vec<_>>().into_iter()
    }

    /// Sum for one account over final blocks, which is what settlement pays.
    pub fn balance(&self, account: &Account) -> Balance {
        self.sum(account, true)
    }

    /// Sum for one account over blocks that are not final yet.
    pub fn provisional(&self, account: &Account) -> Balance {
        self.sum(account, false)
    }

    fn sum(&self, account: &Account, of_final: bool) -> Balance {
        let settled = self.totals.get(account).filter(|_| of_final);
        let mut total = settled.map(Totals::balance).unwrap_or_default();
        let of = |of_final: bool| {
            let counts = move |job: &JobId| !of_final || self.is_final(job);
            let of_account = self.merged(counts).filter(move |(job, _)| counts(job)).flat_map(|(job, entries)| {
                listed(job, &entries).filter(|entry| entry.account == *account).map(|entry| entry.amount).collect::<Vec<_>>()
            });
            of_account.map(|amount| i128::from(amount.0)).sum::<i128>()
        };
        // What came later may be provisional while its job is final.
        total.0 += if of_final { of(true) } else { of(false) - of(true) };
        total
    }

    /// Sums for all accounts over final blocks.
    pub fn totals(&self) -> BTreeMap<Account, Totals> {
        self.totals_of(|job| self.is_final(job), |job| self.is_final(job))
    }

    /// As [`Self::totals`], with blocks that are not final yet.
    pub fn totals_with_provisional(&self) -> BTreeMap<Account, Totals> {
        self.totals_of(|_| true, |_| true)
    }

    /// As [`Self::totals`], over blocks before `slot`, with the root over their entries: what a settlement that ends there pays. The same whenever it is
    /// asked for, once those blocks and all whose jobs could still bring something about them are final, and their jobs are over. `None` if later jobs are folded in already.
    pub fn before(&self, slot: Slot) -> Option<(BTreeMap<Account, Totals>, Root)> {
        let is_before = |job: &JobId| job.slot < slot && self.is_final(job);
        let is_final = |job: &JobId| self.is_final(job);
        (self.settled_before <= slot).then(|| (self.totals_of(is_before, is_final), self.root_of(is_before, is_final)))
    }

    /// The first job of a block at `slot` or later that is final and has entries; `None` if there is none, or it is folded in already.
    pub fn first_final_from(&self, slot: Slot) -> Option<&JobId> {
        let mut jobs = self.jobs.range(JobId::new(slot, Root::ZERO)..);
        jobs.next().map(|(job, _)| job).filter(|job| self.is_final(job))
    }

    fn totals_of(&self, which: impl Fn(&JobId) -> bool, counts: impl Fn(&JobId) -> bool) -> BTreeMap<Account, Totals> {
        let mut totals = self.totals.clone();
        for (job, entries) in self.merged(counts).filter(|(job, _)| which(job)) {
            for entry in listed(job, &entries) {
                totals.entry(entry.account).or_default().add(entry.amount);
            }
        }
        totals
    }
}

fn listed<'a>(job: &'a JobId, entries: &'a JobEntries) -> impl Iterator<Item = LedgerEntry> + 'a {
    entries.iter().map(|(&(phase, account, reason), &amount)| LedgerEntry { job: *job, phase, account, reason, amount })
}

/// H(previous root ‖ hash tree root of the job's id ‖ hash tree roots of its entries, merkleised as an SSZ list).
fn chain(previous: &Root, job: &JobId, entries: &JobEntries) -> Root {
    let mut hasher = Sha256::new();
    hasher.update(previous);
    hasher.update(job.root());
    hasher.update(list_root(listed(job, entries)));
    B256::from(<[u8; 32]>::from(hasher.finalize()))
}

/// Hash tree root of the entries as `List[LedgerEntry, 2^20]`: 200 provers, five phases and a few reasons each are
/// far below.
fn list_root(entries: impl Iterator<Item = LedgerEntry>) -> Root {
    const DEPTH: usize = 20;
    let mut layer: Vec<Root> = entries.map(|entry| entry.tree_hash_root()).collect();
    let length = layer.len() as u64;
    let mut zero = Root::ZERO;
    for _ in 0..DEPTH {
        if layer.len() % 2 == 1 {
            layer.push(zero);
        }
        layer = layer.as_chunks::<2>().0.iter().map(|[left, right]| pair(left, right)).collect();
        zero = pair(&zero, &zero);
    }
    let mut size = [0u8; 32];
    size[..8].copy_from_slice(&length.to_le_bytes());
    pair(layer.first().unwrap_or(&zero), &size.into())
}

fn pair(left: &Root, right: &Root) -> Root {
    let mut hasher = Sha256::new();
    hasher.update(left);
    hasher.update(right);
    Root::from(<[u8; 32]>::from(hasher.finalize()))
}

#[cfg(test)]
mod tests {
    use quintet_types::{ProverIndex, ValidatorIndex};

    use super::*;

    fn entry(slot: u64, block: u8, prover: u64, amount: i64) -> LedgerEntry {
        LedgerEntry {
            job: JobId::new(Slot(slot), Root::repeat_byte(block)),
            phase: Phase::T2,
            account: Account::Prover(ProverIndex(prover)),
            reason: Reason::Partials,
            amount: Reward(amount),
        }
    }

    #[test]
    fn recording_twice_changes_nothing_and_contradictions_are_refused() {
        let mut ledger = Ledger::default();
        ledger.record(&[entry(1, 1, 1, 5)]).unwrap();
        let root = ledger.root();
        ledger.record(&[entry(1, 1, 1, 5)]).unwrap();
        assert_eq!(ledger.root(), root);
        ledger.record(&[entry(2, 1, 1, 5), entry(1, 1, 1, 6)]).unwrap_err();
        assert_eq!(ledger.root(), root, "nothing of a refused batch is added");
    }

    #[test]
    fn orphaned_blocks_pay_nobody() {
        let mut ledger = Ledger::default();
        ledger.record(&[entry(1, 1, 1, 5), entry(1, 2, 1, 7), entry(9, 3, 1, 11)]).unwrap();
        let account = Account::Prover(ProverIndex(1));
        assert_eq!(ledger.balance(&account), Balance(0), "nothing is final yet");
        assert_eq!(ledger.provisional(&account), Balance(23));
        ledger.finalize(Slot(4), |_, root| *root == Root::repeat_byte(1));
        assert_eq!(ledger.balance(&account), Balance(5));
        assert_eq!(ledger.provisional(&account), Balance(11));
        ledger.orphan(&Root::repeat_byte(3));
        assert_eq!(ledger.provisional(&account), Balance(0));
    }

    #[test]
    fn settling_changes_neither_roots_nor_balances() {
        let entries = [entry(1, 1, 1, 5), entry(2, 1, 2, -7), entry(3, 1, 1, 11), entry(40, 1, 1, 13)];
        let mut early = Ledger::default();
        let mut late = Ledger::default();
        early.record(&entries[..2]).unwrap();
        early.finalize(Slot(2), |_, _| true);
        assert_eq!(early.settle(Slot(2)).len(), 1);
        assert_eq!(early.settle(Slot(99)).len(), 1, "final jobs only");
        early.record(&entries[2..]).unwrap();
        early.finalize(Slot(5), |_, _| true);
        late.record(&entries).unwrap();
        late.finalize(Slot(5), |_, _| true);
        assert_eq!(early.root(), late.root());
        assert_eq!(early.finalized_root(), late.finalized_root());
        assert_ne!(late.root(), late.finalized_root());
        assert_eq!(early.totals(), late.totals());
        early.record(&entries[..1]).unwrap_err();
    }

    #[test]
    fn what_a_settlement_pays_does_not_depend_on_when_it_is_asked_for() {
        let entries = [entry(1, 1, 1, 5), entry(2, 1, 1, -7), entry(3, 1, 2, 11), entry(9, 1, 1, -1)];
        let mut early = Ledger::default();
        early.record(&entries[..3]).unwrap();
        early.finalize(Slot(3), |_, _| true);
        let (totals, root) = early.before(Slot(4)).unwrap();
        assert_eq!(totals[&Account::Prover(ProverIndex(1))], Totals { rewards: 5, penalties: 7 });
        assert_eq!(early.first_final_from(Slot(2)).map(|job| job.slot), Some(Slot(2)));

        // Later, in another order, with a part folded in and more behind it.
        let mut late = Ledger::default();
        for entry in entries.iter().rev() {
            late.record(&[*entry]).unwrap();
        }
        late.finalize(Slot(20), |_, _| true);
        late.settle(Slot(2));
        assert_eq!(late.before(Slot(4)), Some((totals, root)));
        assert_eq!(late.first_final_from(Slot(4)).map(|job| job.slot), Some(Slot(9)));
        late.settle(Slot(20));
        assert_eq!(late.before(Slot(4)), None, "what is folded in cannot be taken apart");
        assert_eq!(late.first_final_from(Slot(4)), None);
    }

    /// Two later jobs show the same: it costs once, as long as one of them is on the chain, and is final when one of them is.
    #[test]
    fn what_later_jobs_bring_counts_once_and_falls_with_the_last_of_them() {
        let fine = LedgerEntry { reason: Reason::Equivocation, ..entry(3, 3, 1, -1000) };
        let account = fine.account;
        let (first, second) = (entry(5, 5, 2, 7), entry(6, 6, 2, 9));
        let record = |order: [LedgerEntry; 2]| {
            let mut ledger = Ledger::default();
            ledger.record_with(&entry(3, 3, 1, 5).job, &[entry(3, 3, 1, 5)]).unwrap();
            for own in order {
                ledger.record_with(&own.job, &[own, fine]).unwrap();
            }
            ledger
        };
        let (mut ledger, other) = (record([first, second]), record([second, first]));
        assert_eq!((ledger.root(), &ledger), (other.root(), &other), "whichever closed first");
        assert_eq!(ledger.job(&fine.job).count(), 2);
        assert_eq!(ledger.provisional(&account), Balance(-995));
        // Recorded again by its own bundle nothing changes; with another amount it is refused, and so is all that comes with it.
        let root = ledger.root();
        ledger.record(&[fine]).unwrap();
        assert_eq!(ledger.root(), root);
        let mut ledger = other;
        ledger.record_with(&JobId::new(Slot(7), Root::ZERO), &[LedgerEntry { amount: Reward(-1), ..fine }]).unwrap_err();
        assert_eq!(ledger.root(), root);
        // Final is the job, and not yet what came later.
        ledger.finalize(Slot(4), |_, _| true);
        assert_eq!((ledger.balance(&account), ledger.provisional(&account)), (Balance(5), Balance(-1000)));
        ledger.orphan(&Root::repeat_byte(5));
        assert_eq!(ledger.provisional(&account), Balance(-1000), "the other one is there");
        let mut without = ledger.clone();
        without.orphan(&Root::repeat_byte(6));
        assert_eq!((without.balance(&account), without.provisional(&account)), (Balance(5), Balance(0)));
        ledger.finalize(Slot(6), |_, _| true);
        assert_eq!(ledger.balance(&account), Balance(-995));
        let (root, totals) = (ledger.root(), ledger.totals());
        assert_eq!(ledger.settle(Slot(4)).len(), 2);
        assert_eq!((ledger.root(), ledger.totals()), (root, totals));
        ledger.record_with(&JobId::new(Slot(7), Root::ZERO), &[fine]).unwrap_err();
    }

    /// Value by the SSZ library for the same list.
    #[test]
    fn list_root_is_the_hash_tree_root_of_an_ssz_list() {
        use ssz_types::{VariableList, typenum::U1048576};
        for count in [0, 1, 2, 3, 5, 8, 33] {
            let entries: Vec<_> = (0..count).map(|n| entry(1, 1, n, 1)).collect();
            let list = VariableList::<LedgerEntry, U1048576>::new(entries.clone()).unwrap();
            assert_eq!(list_root(entries.into_iter()), list.tree_hash_root());
        }
    }

    #[test]
    fn validators_and_provers_of_one_index_are_two_accounts() {
        let mut ledger = Ledger::default();
        let validator = LedgerEntry { account: Account::Validator(ValidatorIndex(1)), ..entry(1, 1, 1, 5) };
        ledger.record(&[validator, entry(1, 1, 1, 7)]).unwrap();
        ledger.finalize(Slot(1), |_, _| true);
        assert_eq!(ledger.balance(&validator.account), Balance(5));
    }
}
