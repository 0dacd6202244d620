//! What this prover owes to a job, worked out by itself: the gateway's word is compared, not taken.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, bail, ensure};
use quintet_api::{Assignment as TheirAssignment, SelectionView};
use quintet_protocol::{Assignment, CandidateTable, History, ProverRecord, Selection, WEIGHT_ONE, select, selection_seed};
use quintet_types::{Epoch, JobId, ProverIndex, PublicKeyBytes, Spec};

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
    /// Draws the selection again from what the gateway says it was drawn from. `None` if `key` has no part in the job.
    ///
    /// # Errors
    /// If the outcome is not the gateway's.
    pub fn find(id: &JobId, view: &SelectionView, key: &PublicKeyBytes, spec: &Spec) -> anyhow::Result<Option<Self>> {
        let indices: BTreeMap<_, _> = view.candidates.iter().map(|candidate| (candidate.pubkey, candidate.index)).collect();
        ensure!(indices.len() == view.candidates.len(), "a key occurs twice among the candidates");
        let Some(&index) = indices.get(key) else { return Ok(None) };
        let Some(selection) = draw(id, view, spec)? else { return Ok(None) };
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
            let same = entry.commit == ours.to_commit(index) && entry.prove == ours.to_prove(index);
            ensure!(same, "the gateway's assignment of {} is not the one that follows from the seed", entry.prover);
        }
        Ok(ours)
    }
}

/// The draw of a job, again.
fn draw(id: &JobId, view: &SelectionView, spec: &Spec) -> anyhow::Result<Option<Selection>> {
    let table = table(view, spec)?;
    let unavailable: BTreeSet<ProverIndex> = view.unavailable.iter().chain(&view.culprits).copied().collect();
    let ours = select(id, &view.randao_mix, view.gas_used, &table, &unavailable, spec);
    let same = match &ours {
        Some(selection) => selection.provers == view.selected && selection.reserves == view.reserves,
        None => view.selected.is_empty(),
    };
    if same {
        return Ok(ours);
    }
    ensure!(id.attempt > 0, "the gateway's selection is not the one that the RANDAO mix gives");
    // A retry leaves out those who were caught, whom the gateway does not list; who is drawn can then only be checked for plausibility.
    let distinct: BTreeSet<&ProverIndex> = view.selected.iter().chain(&view.reserves).collect();
    if distinct.len() != view.selected.len() + view.reserves.len() || distinct.iter().any(|index| !table.contains(**index)) {
        bail!("the gateway's selection for attempt {} names a prover twice, or one that is no candidate", id.attempt);
    }
    tracing::info!(job = %id, "a retry: its selection leaves provers out, which cannot be drawn again from here");
    let seed = selection_seed(&view.randao_mix, id.slot, id.sub_block, id.attempt);
    Ok(Some(Selection { seed, provers: view.selected.clone(), reserves: view.reserves.clone() }))
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
            let duty = Duty::find(&id, &view, &key(index), &spec).unwrap();
            let expected = match ProverIndex(index) {
                index if view.selected.contains(&index) => Some(Role::Selected),
                index if view.reserves.contains(&index) => Some(Role::Reserve),
                _ => None,
            };
            assert_eq!(duty.map(|duty| duty.role), expected);
        }
        assert!(Duty::find(&id, &view, &key(99), &spec).unwrap().is_none());
    }

    #[test]
    fn a_gateway_that_draws_otherwise_is_refused() {
        let (id, spec) = (JobId::new(Slot(5), Root::repeat_byte(9)), Network::Devnet.spec());
        let honest = view(&id, &spec);
        let mut cheating = honest.clone();
        cheating.selected.swap(0, 1);
        assert!(Duty::find(&id, &cheating, &key(0), &spec).is_err());
        let mut cheating = honest.clone();
        cheating.candidates[1].weight += 2 * WEIGHT_ONE;
        assert!(Duty::find(&id, &cheating, &key(0), &spec).unwrap_err().to_string().contains("out of range"));
        let mut cheating = honest.clone();
        cheating.candidates[1].pubkey = key(0);
        assert!(Duty::find(&id, &cheating, &key(0), &spec).unwrap_err().to_string().contains("twice"));
        let mut cheating = honest;
        cheating.unavailable = vec![cheating.selected[0]];
        assert!(Duty::find(&id, &cheating, &key(1), &spec).is_err());
    }

    #[test]
    fn an_assignment_other_than_the_seeds_is_refused() {
        let (id, spec) = (JobId::new(Slot(5), Root::repeat_byte(9)), Network::Devnet.spec());
        let view = view(&id, &spec);
        let us = key(view.selected[0].0);
        let duty = Duty::find(&id, &view, &us, &spec).unwrap().unwrap();
        let assignment = Assignment::new(&duty.selection, 20, &spec).unwrap();
        let entry = |index: &ProverIndex| TheirAssignment {
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
