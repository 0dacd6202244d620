//! Who proves which instance, who commits to it (source, Prover Selection and Assignment).
//!
//! `num_airs_assigned = (num_of_partial_proofs / num_provers_selected) * redundancy_factor`, "determined
//! random-deterministically after the count & plan phase". In integers: every instance goes to exactly
//! `min(REDUNDANCY_FACTOR, n)` distinct provers and loads differ by at most one, so that each load is that quotient
//! rounded down or up. The same holds for commitments with `T1_REDUNDANCY`; who proves an instance also commits to it.

use std::collections::{BTreeSet, VecDeque};

use quintet_types::domain::DOMAIN_ASSIGN;
use quintet_types::{InstanceIndex, ProverIndex, Root, Spec};
use serde::{Deserialize, Serialize};

use crate::error::ProtocolError;
use crate::hash::{prefix, tagged};
use crate::selection::Selection;

/// A prover's position in [`Selection::provers`].
pub type Seat = u16;

/// The assignment of a job's instances to its selected provers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    /// `assignment_seed`, which also ranks partials for reuse.
    pub seed: Root,
    provers: Vec<ProverIndex>,
    /// For each instance the seats that commit to it; the first `redundancy` of them also prove it.
    committers: Vec<Vec<Seat>>,
    redundancy: usize,
}

/// `assignment_seed`: known only once the plan is.
pub fn assignment_seed(selection_seed: &Root, instances: u64) -> Root {
    tagged(DOMAIN_ASSIGN, selection_seed, &[instances])
}

impl Assignment {
    /// Assigns `instances` instances to the selected provers.
    ///
    /// # Errors
    /// If there are no instances, or more than `MAX_INSTANCES`.
    pub fn new(selection: &Selection, instances: u64, spec: &Spec) -> Result<Self, ProtocolError> {
        if instances == 0 || instances > spec.max_instances {
            return Err(ProtocolError::BadPlanSize { instances, max: spec.max_instances });
        }
        let seed = assignment_seed(&selection.seed, instances);
        let n = selection.provers.len();
        let redundancy = n.min(spec.redundancy_factor as usize);
        let committing = n.min(spec.t1_redundancy as usize);
        let mut loads = Loads::new(seed, n);
        let mut committers: Vec<Vec<Seat>> = (0..instances).map(|_| loads.take_lowest(redundancy, &[])).collect();
        for seats in &mut committers {
            let more = loads.take_lowest(committing - redundancy, seats);
            seats.extend(more);
        }
        level(&mut committers, redundancy, &mut loads.count);
        Ok(Self { seed, provers: selection.provers.clone(), committers, redundancy })
    }

    /// An assignment written down rather than drawn, for tools and worked examples: for each instance the seats that
    /// commit to it, the first `redundancy` of them also prove it.
    pub const fn explicit(seed: Root, provers: Vec<ProverIndex>, committers: Vec<Vec<Seat>>, redundancy: usize) -> Self {
        Self { seed, provers, committers, redundancy }
    }

    /// How many instances there are.
    pub fn num_instances(&self) -> usize {
        self.committers.len()
    }

    /// The selected provers; a seat is a position here.
    pub fn provers(&self) -> &[ProverIndex] {
        &self.provers
    }

    /// The seat of `prover`.
    pub fn seat(&self, prover: ProverIndex) -> Option<Seat> {
        self.provers.iter().position(|&p| p == prover).map(|seat| seat as Seat)
    }

    /// Seats that must prove `instance`; none if there is no such instance.
    pub fn proving_seats(&self, instance: InstanceIndex) -> &[Seat] {
        let seats = self.committing_seats(instance);
        &seats[..seats.len().min(self.redundancy)]
    }

    /// Seats that must commit to `instance`, those that prove it first; none if there is no such instance.
    pub fn committing_seats(&self, instance: InstanceIndex) -> &[Seat] {
        self.committers.get(instance.as_usize()).map_or(&[], Vec::as_slice)
    }

    /// Whether `prover` must prove `instance`.
    pub fn must_prove(&self, prover: ProverIndex, instance: InstanceIndex) -> bool {
        self.proving_seats(instance).iter().any(|&seat| self.provers[seat as usize] == prover)
    }

    /// The instances that `prover` must prove, in plan order.
    pub fn to_prove(&self, prover: ProverIndex) -> Vec<InstanceIndex> {
        self.duties(prover, Self::proving_seats)
    }

    /// The instances that `prover` must commit to, in plan order.
    pub fn to_commit(&self, prover: ProverIndex) -> Vec<InstanceIndex> {
        self.duties(prover, Self::committing_seats)
    }

    fn duties(&self, prover: ProverIndex, of: impl Fn(&Self, InstanceIndex) -> &[Seat]) -> Vec<InstanceIndex> {
        let Some(seat) = self.seat(prover) else { return Vec::new() };
        (0..self.committers.len() as u32).map(InstanceIndex).filter(|&i| of(self, i).contains(&seat)).collect()
    }

    /// For every seat the number of instances to prove.
    pub fn proving_loads(&self) -> Vec<u64> {
        self.loads(self.redundancy)
    }

    /// For every seat the number of instances to commit to.
    pub fn committing_loads(&self) -> Vec<u64> {
        self.loads(usize::MAX)
    }

    fn loads(&self, of_each: usize) -> Vec<u64> {
        let mut loads = vec![0; self.provers.len()];
        for seats in &self.committers {
            for &seat in seats.iter().take(of_each) {
                loads[seat as usize] += 1;
            }
        }
        loads
    }
}

/// Seats by load; seats of equal load are in an order drawn for that load.
struct Loads {
    seed: Root,
    count: Vec<u64>,
    queue: BTreeSet<(u64, u64, Seat)>,
}

impl Loads {
    fn new(seed: Root, seats: usize) -> Self {
        let mut loads = Self { seed, count: vec![0; seats], queue: BTreeSet::new() };
        for seat in 0..seats as Seat {
            loads.enqueue(seat);
        }
        loads
    }

    fn enqueue(&mut self, seat: Seat) {
        let load = self.count[seat as usize];
        let tie = prefix(&tagged(DOMAIN_ASSIGN, &self.seed, &[load, seat.into()]));
        self.queue.insert((load, tie, seat));
    }

    /// Takes the `wanted` least loaded seats that are not in `except`, and raises their loads by one.
    ///
    /// With nothing excepted the loads never differ by more than one: seats of the higher load are only taken
    /// once all of the lower load are.
    fn take_lowest(&mut self, wanted: usize, except: &[Seat]) -> Vec<Seat> {
        let taken: Vec<_> = self.queue.iter().filter(|(_, _, seat)| !except.contains(seat)).take(wanted).copied().collect();
        for key in &taken {
            self.queue.remove(key);
            self.count[key.2 as usize] += 1;
            self.enqueue(key.2);
        }
        taken.into_iter().map(|(_, _, seat)| seat).collect()
    }
}

/// Moves commit-only duties until loads differ by at most one.
///
/// Taking the lowest while excepting those that prove the instance can leave a difference of two. Each step looks for
/// a chain of seats from a heaviest to a lightest one along which a duty can be handed on: a shortest augmenting path
/// in the graph with an edge a → b where some instance has a as commit-only and b not at all. When none is left the sum
/// of squared loads is minimal, as for any flow with convex costs.
fn level(committers: &mut [Vec<Seat>], redundancy: usize, loads: &mut [u64]) {
    loop {
        let (Some(&least), Some(&most)) = (loads.iter().min(), loads.iter().max()) else { return };
        if most <= least + 1 {
            return;
        }
        let Some(path) = chain(committers, redundancy, loads, least, most) else { return };
        let (first, last) = (path[0].0, path[path.len() - 1].2);
        for (from, instance, to) in path {
            let seats = &mut committers[instance][redundancy..];
            if let Some(place) = seats.iter().position(|&seat| seat == from) {
                seats[place] = to;
            }
        }
        loads[first as usize] -= 1;
        loads[last as usize] += 1;
    }
}

/// A shortest chain of hand-overs (from, instance, to) from a seat of load `most` to one of load below `most − 1`.
fn chain(
    committers: &[Vec<Seat>],
    redundancy: usize,
    loads: &[u64],
    least: u64,
    most: u64,
) -> Option<Vec<(Seat, usize, Seat)>> {
    let seats = loads.len() as Seat;
    let mut reached: Vec<Option<(Seat, usize)>> = vec![None; loads.len()];
    let mut is_start = vec![false; loads.len()];
    let mut queue: VecDeque<Seat> = (0..seats).filter(|&seat| loads[seat as usize] == most).collect();
    for &seat in &queue {
        is_start[seat as usize] = true;
    }
    while let Some(from) = queue.pop_front() {
        for (instance, set) in committers.iter().enumerate() {
            if !set[redundancy..].contains(&from) {
                continue;
            }
            for to in 0..seats {
                if is_start[to as usize] || reached[to as usize].is_some() || set.contains(&to) {
                    continue;
                }
                reached[to as usize] = Some((from, instance));
                if loads[to as usize] == least {
                    return Some(walk_back(&reached, to));
                }
                queue.push_back(to);
            }
        }
    }
    None
}

fn walk_back(reached: &[Option<(Seat, usize)>], end: Seat) -> Vec<(Seat, usize, Seat)> {
    let mut path = Vec::new();
    let mut to = end;
    while let Some((from, instance)) = reached[to as usize] {
        path.push((from, instance, to));
        to = from;
    }
    path.reverse();
    path
}
