//! The contracts' provers behind the trait of the registry file: what is final, and what branches hold beyond it.

use std::{
    collections::VecDeque,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use quintet_protocol::ProverRecord;
use quintet_staking::{BranchError, Contracts, Known, MemberView, StateAt, registry_moment};
use quintet_types::{Root, Spec};
use tokio::sync::Notify;

use crate::registry::{BlockAt, NotKnown, ProverSource};

/// Answers about branches that are kept. Blocks of one epoch and branch share one state, so this is little memory.
const MAX_ANSWERS: usize = 256;
/// Questions about branches that wait; the oldest are forgotten and asked again.
const MAX_WANTED: usize = 16;

/// The contracts on the branch that ends with an execution block, before a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// The execution block.
    pub tip: Root,
    /// The moment, seconds.
    pub moment: u64,
}

/// What is known of the contracts, shared between the one who follows them and those who ask.
#[derive(Debug)]
pub struct StakingRegistry {
    identity: String,
    held: RwLock<Held>,
    asked: Notify,
}

/// A branch's state, or why there is none.
type Answer = Result<Arc<StateAt>, Arc<BranchError>>;

#[derive(Debug)]
struct Held {
    known: Arc<Known>,
    /// Answers about branches, oldest first; or why there is none.
    answers: VecDeque<(Wanted, Answer)>,
    wanted: VecDeque<Wanted>,
    /// The provers of the latest answer, while it is ahead of finality.
    ahead: Option<Arc<StateAt>>,
    version: u64,
}

impl StakingRegistry {
    /// The contracts on a chain, as far as they are known.
    pub fn new(chain_id: u64, contracts: &Contracts, known: Arc<Known>) -> Self {
        let identity = format!("the registry {} of chain {chain_id}", contracts.registry);
        let held = Held { known, answers: VecDeque::new(), wanted: VecDeque::new(), ahead: None, version: 0 };
        Self { identity, held: RwLock::new(held), asked: Notify::new() }
    }

    fn read(&self) -> RwLockReadGuard<'_, Held> {
        // Nothing under the lock panics.
        self.held.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Held> {
        self.held.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// More is known. Returns whether anything changed.
    pub fn update(&self, known: Arc<Known>) -> bool {
        let mut held = self.write();
        let changed = !Arc::ptr_eq(&held.known, &known) && *held.known != *known;
        held.known = known;
        if changed {
            held.version += 1;
            let reached = held.known.checkpoint.map_or(0, |checkpoint| checkpoint.timestamp);
            held.ahead = held.ahead.take().filter(|state| state.moment > reached);
            held.answers.retain(|(of, _)| of.moment > reached);
        }
        changed
    }

    /// All that is final.
    pub fn known(&self) -> Arc<Known> {
        Arc::clone(&self.read().known)
    }

    /// What is asked about branches and not answered yet.
    pub fn wanted(&self) -> Vec<Wanted> {
        self.read().wanted.iter().copied().collect()
    }

    /// Waits until somebody asks about a branch.
    pub async fn asked(&self) {
        self.asked.notified().await;
    }

    /// An answer about a branch, or why there is none: whoever still needs it asks again.
    pub fn answer(&self, wanted: Wanted, answer: Result<Arc<StateAt>, BranchError>) {
        let mut held = self.write();
        held.answers.retain(|(of, _)| *of != wanted);
        held.wanted.retain(|of| *of != wanted);
        if let Ok(state) = &answer
            && held.ahead.as_ref().is_none_or(|ahead| ahead != state)
        {
            held.version += 1;
            held.ahead = Some(Arc::clone(state));
        }
        if held.answers.len() == MAX_ANSWERS {
            held.answers.pop_front();
        }
        held.answers.push_back((wanted, answer.map_err(Arc::new)));
    }

    /// What is final, if that reaches to the moment that counts for a block; otherwise the state of its branch.
    fn find(&self, at: &BlockAt, genesis_time: u64, spec: &Spec) -> Result<Found, NotKnown> {
        let held = self.read();
        let not_final = match held.known.final_at(at.slot, genesis_time, spec) {
            Ok(moment) => return Ok(Found::Final(Arc::clone(&held.known), moment)),
            Err(not_final) => not_final,
        };
        if at.tip == Root::ZERO {
            return Err(NotKnown::NotFinal(not_final));
        }
        let wanted = Wanted { tip: at.tip, moment: registry_moment(at.slot, genesis_time, spec) };
        let answer = held.answers.iter().rev().find(|(of, _)| *of == wanted).map(|(_, answer)| answer.clone());
        let asked = held.wanted.contains(&wanted);
        drop(held);
        if !asked && !matches!(answer, Some(Ok(_))) {
            let mut held = self.write();
            if held.wanted.len() == MAX_WANTED {
                held.wanted.pop_front();
            }
            held.wanted.push_back(wanted);
            drop(held);
            self.asked.notify_one();
        }
        match answer {
            Some(Ok(state)) => Ok(Found::Branch(state)),
            Some(Err(error)) => Err(NotKnown::Unreadable { not_final, error }),
            None => Err(NotKnown::Reading { not_final, tip: at.tip }),
        }
    }
}

enum Found {
    Final(Arc<Known>, u64),
    Branch(Arc<StateAt>),
}

impl ProverSource for StakingRegistry {
    fn identity(&self) -> String {
        self.identity.clone()
    }

    fn check_known(&self, at: &BlockAt, genesis_time: u64, spec: &Spec) -> Result<(), NotKnown> {
        self.find(at, genesis_time, spec).map(|_| ())
    }

    fn provers_for(&self, at: &BlockAt, genesis_time: u64, spec: &Spec) -> Result<Vec<ProverRecord>, NotKnown> {
        Ok(match self.find(at, genesis_time, spec)? {
            Found::Final(known, moment) => known.registry.provers_before(moment),
            Found::Branch(state) => state.provers.clone(),
        })
    }

    fn members_for(&self, at: &BlockAt, genesis_time: u64, spec: &Spec) -> Option<Result<MemberView, NotKnown>> {
        Some(self.find(at, genesis_time, spec).map(|found| match found {
            Found::Final(known, moment) => known.members_before(moment),
            Found::Branch(state) => state.members.clone(),
        }))
    }

    fn latest(&self) -> Vec<ProverRecord> {
        let held = self.read();
        match &held.ahead {
            Some(state) => state.provers.clone(),
            None => held.known.registry.provers_before(u64::MAX),
        }
    }

    fn version(&self) -> u64 {
        self.read().version
    }

    fn contracts(&self) -> Option<Arc<Known>> {
        Some(self.known())
    }
}
