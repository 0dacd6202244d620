//! What this prover owes to a job, worked out by itself: the gateway's word is compared, not taken.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, ensure};
use quintet_api::{Assignment as TheirAssignment, SelectionView};
use quintet_protocol::{Assignment, CandidateTable, History, ProverRecord, Selection, WEIGHT_ONE, select, select_again};
use quintet_types::{Epoch, JobId, ProverIndex, PublicKeyBytes, RetryPolicy, Spec};

/// Which part a prover has in a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Drawn: commits, proves and may aggregate.
    Selected,
    /// Drawn after them: may fill holes of T1.
    Reserve,
}

impl Role {
    /// The name, for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Selected => "selected",
            Self::Reserve => "reserve",
        }
    }
}

/// A prover's part in a job, and who else is in it.
#[derive(Clone, Debug)]
pub struct Duty {
    /// The part.
    pub role: Role,
    /// Our index in the registry.
    pub index: ProverIndex,
    /// The draw.
    pub selection: Selection,
    /// Indices by key.
    pub indices: BTreeMap<PublicKeyBytes, ProverIndex>,
}

impl Duty {
    /// Draws the selection again from what the gateway says it was drawn from. `views` are those of all attempts up to this one, because a retry
    /// with the same set starts from the set before. `None` if `key` has no part in the job.
    ///
    /// # Errors
    /// If the outcome is not the gateway's.
    pub fn find(id: &JobId, views: &[SelectionView], key: &PublicKeyBytes, spec: &Spec) -> anyhow::Result<Option<Self>> {
        let view = views.last().context("no selection")?;
        let indices: BTreeMap<_, _> = view.candidates.iter().map(|candidate| (candidate.pubkey, candidate.index)).collect();
        ensure!(indices.len() == view.candidates.len(), "a key occurs twice among the candidates");
        let Some(&index) = indices.get(key) else { return Ok(None) };
        let Some(selection) = draw(id, views, spec)? else { return Ok(None) };
        let role = match (selection.provers.contains(&index), selection.reserves.contains(&index)) {
            (true, _) => Role::Selected,
            (_, true) => Role::Reserve,
            _ => return Ok(None),
        };
        Ok(Some(Self { role, index, selection, indices }))
    }

    /// Assigns the instances, and holds the result against the gateway's.
    ///
    /// # Errors
    /// If anybody's share is not what the gateway says.
    pub fn assign(&self, instances: usize, theirs: &[TheirAssignment], spec: &Spec) -> anyhow::Result<Assignment> {
        let ours = Assignment::new(&self.selection, instances as u64, spec)?;
        let (expected, got) = (ours.provers().len(), theirs.len());
        ensure!(expected == got, "the gateway assigns to {got} provers, {expected} are selected");
        for entry in theirs {
            let index = *self.indices.get(&entry.prover).with_context(|| format!("{} is no candidate", entry.prover))?;
            let same = entry.index == index && entry.commit == ours.to_commit(index) && entry.prove == ours.to_prove(index);
            ensure!(same, "the gateway's assignment of {} is not the one that follows from the seed", entry.prover);
        }
        Ok(ours)
    }
}

/// The draw of a job, again, attempt by attempt.
fn draw(id: &JobId, views: &[SelectionView], spec: &Spec) -> anyhow::Result<Option<Selection>> {
    ensure!(views.len() == usize::from(id.attempt) + 1, "selections of all attempts are needed");
    let mut last: Option<Selection> = None;
    for (attempt, view) in (0..).zip(views) {
        let id = JobId { attempt, ..*id };
        let table = table(view, spec)?;
        let culprits: BTreeSet<ProverIndex> = view.culprits.iter().copied().collect();
        let busy: BTreeSet<ProverIndex> = view.unavailable.iter().copied().collect();
        let ours = if attempt > 0 && spec.retry_policy == RetryPolicy::SameSet {
            let before = last.map(|selection| selection.provers).unwrap_or_default();
            ensure!(before == view.before, "the set that the gateway names for the attempt before {id} is another");
            let left_out = culprits.iter().chain(&view.idle).copied().collect();
            select_again(&id, &view.randao_mix, &before, &left_out, &table, &busy, spec)
        } else {
            let unavailable = busy.union(&culprits).copied().collect();
            select(&id, &view.randao_mix, view.gas_used, &table, &unavailable, spec)
        };
        let same = match &ours {
            Some(selection) => selection.provers == view.selected && selection.reserves == view.reserves,
            None => view.selected.is_empty(),
        };
        ensure!(same, "the gateway's selection for {id} is not the one that the RANDAO mix gives");
        last = ours;
    }
    Ok(last)
}

/// The candidates with their weights.
fn table(view: &SelectionView, spec: &Spec) -> anyhow::Result<CandidateTable> {
    let mut histories = BTreeMap::new();
    let mut records = Vec::with_capacity(view.candidates.len());
    for candidate in &view.candidates {
        let share = candidate.weight.checked_sub(WEIGHT_ONE).and_then(|share| u16::try_from(share).ok());
        let share = share.with_context(|| format!("{} has weight {}, out of range", candidate.pubkey, candidate.weight))?;
        // Histories are kept as their average, which is the weight without the 1.
        let history: History = serde_json::from_value(share.into())?;
        histories.insert(candidate.index, history);
        records.push(ProverRecord {
            index: candidate.index,
            pubkey: candidate.pubkey,
            stake_gwei: u64::MAX,
            activation: Epoch(0),
            exit: None,
            pauses: Vec::new(),
        });
    }
    Ok(CandidateTable::new(&records, &histories, Epoch(0), spec))
}

#[cfg(test)]
mod tests {
    use std::slice;

    use super::*;
    use quintet_api::Candidate;
    use quintet_types::{Root, Slot, spec::Network};

    fn key(index: u64) -> PublicKeyBytes {
        let mut key = PublicKeyBytes::default();
        key.0[40..].copy_from_slice(&(index + 1).to_be_bytes());
        key
    }

    /// A view as a gateway with eight provers of various weights gives it.
    fn view(id: &JobId, spec: &Spec) -> SelectionView {
        let candidate =
            |index: u64| Candidate { index: ProverIndex(index), pubkey: key(index), weight: WEIGHT_ONE + 7_000 * index as u32 };
        let mut view = SelectionView {
            randao_mix: Root::repeat_byte(3),
            gas_used: 1_000_000,
            candidates: (0..8).map(candidate).collect(),
            unavailable: vec![ProverIndex(2)],
            culprits: Vec::new(),
            before: Vec::new(),
            idle: Vec::new(),
            selected: Vec::new(),
            reserves: Vec::new(),
        };
        let table = table(&view, spec).unwrap();
        let unavailable = view.unavailable.iter().copied().collect();
        let drawn = select(id, &view.randao_mix, view.gas_used, &table, &unavailable, spec).unwrap();
        (view.selected, view.reserves) = (drawn.provers, drawn.reserves);
        view
    }

    #[test]
    fn the_draw_is_repeated_and_everybody_finds_its_part() {
        let (id, spec) = (JobId::new(Slot(5), Root::repeat_byte(9)), Network::Devnet.spec());
        let view = view(&id, &spec);
        for index in 0..8 {
            let duty = Duty::find(&id, slice::from_ref(&view), &key(index), &spec).unwrap();
            let expected = match ProverIndex(index) {
                index if view.selected.contains(&index) => Some(Role::Selected),
                index if view.reserves.contains(&index) => Some(Role::Reserve),
                _ => None,
            };
            assert_eq!(duty.map(|duty| duty.role), expected);
        }
        assert!(Duty::find(&id, slice::from_ref(&view), &key(99), &spec).unwrap().is_none());
    }

    #[test]
    fn a_gateway_that_draws_otherwise_is_refused() {
        let (id, spec) = (JobId::new(Slot(5), Root::repeat_byte(9)), Network::Devnet.spec());
        let honest = view(&id, &spec);
        let mut cheating = honest.clone();
        cheating.selected.swap(0, 1);
        assert!(Duty::find(&id, slice::from_ref(&cheating), &key(0), &spec).is_err());
        let mut cheating = honest.clone();
        cheating.candidates[1].weight += 2 * WEIGHT_ONE;
        assert!(Duty::find(&id, slice::from_ref(&cheating), &key(0), &spec).unwrap_err().to_string().contains("out of range"));
        let mut cheating = honest.clone();
        cheating.candidates[1].pubkey = key(0);
        assert!(Duty::find(&id, slice::from_ref(&cheating), &key(0), &spec).unwrap_err().to_string().contains("twice"));
        let mut cheating = honest;
        cheating.unavailable = vec![cheating.selected[0]];
        assert!(Duty::find(&id, slice::from_ref(&cheating), &key(1), &spec).is_err());
    }

    #[test]
    fn a_retry_is_drawn_again_under_both_policies_and_a_false_one_is_refused() {
        let (first, spec) = (JobId::new(Slot(5), Root::repeat_byte(9)), Network::Devnet.spec());
        let id = JobId { attempt: 1, ..first };
        let honest = view(&first, &spec);
        let [culprit, idle, stays] = [0, 1, 2].map(|seat| honest.selected[seat]);
        let us = key(stays.0);
        for retry_policy in [RetryPolicy::SameSet, RetryPolicy::NewSet] {
            let spec = Spec { retry_policy, min_provers: 1, ..spec.clone() };
            let mut retry = SelectionView {
                culprits: vec![culprit],
                before: honest.selected.clone(),
                idle: vec![idle],
                unavailable: Vec::new(),
                ..honest.clone()
            };
            let table = table(&retry, &spec).unwrap();
            let drawn = match retry_policy {
                RetryPolicy::SameSet => {
                    let left_out = [culprit, idle].into();
                    select_again(&id, &retry.randao_mix, &retry.before, &left_out, &table, &BTreeSet::new(), &spec)
                }
                RetryPolicy::NewSet => select(&id, &retry.randao_mix, retry.gas_used, &table, &[culprit].into(), &spec),
            };
            let drawn = drawn.unwrap();
            (retry.selected, retry.reserves) = (drawn.provers.clone(), drawn.reserves);
            assert!(!drawn.provers.contains(&culprit));
            let views = [honest.clone(), retry];
            let duty = Duty::find(&id, &views, &key(drawn.provers[0].0), &spec).unwrap().unwrap();
            assert_eq!((duty.role, duty.selection.provers), (Role::Selected, drawn.provers));
            assert!(Duty::find(&id, &views[1..], &us, &spec).is_err(), "the attempt before is missing");

            let refused = |change: &dyn Fn(&mut [SelectionView])| {
                let mut views = views.clone();
                change(&mut views);
                assert!(Duty::find(&id, &views, &us, &spec).is_err());
            };
            refused(&|views| views[1].selected.push(culprit));
            refused(&|views| views[1].culprits = vec![views[1].selected[0]]);
            if retry_policy == RetryPolicy::SameSet {
                refused(&|views| views[1].idle.clear());
                refused(&|views| views[1].before.rotate_left(1));
                refused(&|views| views[0].selected.reverse());
            }
        }
    }

    #[test]
    fn an_assignment_other_than_the_seeds_is_refused() {
        let (id, spec) = (JobId::new(Slot(5), Root::repeat_byte(9)), Network::Devnet.spec());
        let view = view(&id, &spec);
        let us = key(view.selected[0].0);
        let duty = Duty::find(&id, slice::from_ref(&view), &us, &spec).unwrap().unwrap();
        let assignment = Assignment::new(&duty.selection, 20, &spec).unwrap();
        let entry = |index: &ProverIndex| TheirAssignment {
            index: *index,
            prover: *duty.indices.iter().find(|(_, other)| *other == index).unwrap().0,
            commit: assignment.to_commit(*index),
            prove: assignment.to_prove(*index),
        };
        let mut theirs: Vec<_> = assignment.provers().iter().map(entry).collect();
        assert_eq!(duty.assign(20, &theirs, &spec).unwrap(), assignment);
        theirs[1].prove.pop();
        assert!(duty.assign(20, &theirs, &spec).is_err());
        assert!(duty.assign(20, &theirs[1..], &spec).is_err());
    }
}
