//! Who proposes at the deadlines of open phases: rank 0 is the beacon proposer of the deadline slot, where the job's own block fixes it.
//!
//! All sidecars have to have the same leader for a round. The proposers that the state after the job's block holds (EIP-7917) are a function of that block
//! alone: not of a node's head, nor of when it was asked. A sidecar that has not got the answer when the round begins passes it, and never takes another
//! leader in its place; all later ranks do not depend on the answer.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt::Debug,
};

use async_trait::async_trait;
use quintet_agreement::{Committee, Input, Leaders};
use quintet_beacon::{BeaconClient, Error, Fork, Lookahead};
use quintet_protocol::{first_leader, leaders, proposer_is_fixed};
use quintet_types::{Epoch, JobId, Phase, PublicKeyBytes, Root, Slot, ValidatorIndex};

use super::{Fetched, JointError, Running};
use crate::core::OpenPhase;

/// Between two questions about one block, ms.
const RETRY_MS: u64 = 1_000;

/// Who knows the beacon chain's proposers.
#[async_trait]
pub trait ProposerSource: Debug + Send + Sync {
    /// From which epoch on states fix the proposers of the next epoch; `None` if that is not scheduled.
    fn fixed_from(&self) -> Option<Epoch>;

    /// The proposers that the state after a block fixes; `None` if it cannot be had now.
    async fn after(&self, block: Root) -> Result<Option<Lookahead>, Error>;

    /// The key of a validator.
    async fn key(&self, validator: ValidatorIndex) -> Result<Option<PublicKeyBytes>, Error>;
}

#[async_trait]
impl ProposerSource for BeaconClient {
    fn fixed_from(&self) -> Option<Epoch> {
        self.spec().forks.epoch_of(Fork::Fulu)
    }

    async fn after(&self, block: Root) -> Result<Option<Lookahead>, Error> {
        self.proposers_after(block).await
    }

    async fn key(&self, validator: ValidatorIndex) -> Result<Option<PublicKeyBytes>, Error> {
        self.public_key(validator).await
    }
}

/// What is known of the proposers after one block.
#[derive(Debug)]
enum Answer {
    Asked,
    /// To be asked again at this time, Unix ms.
    Again(u64),
    /// The slots whose proposers take part here.
    Known(BTreeMap<Slot, ValidatorIndex>),
}

/// What was asked and answered, by block.
#[derive(Debug, Default)]
pub(super) struct Proposers(HashMap<Root, Answer>);

/// The slots of a lookahead whose proposer is a member with that very key: an index alone could be another validator's in a file.
pub(super) async fn of_members(
    source: &dyn ProposerSource,
    block: Root,
    members: &BTreeMap<ValidatorIndex, PublicKeyBytes>,
) -> Result<Option<BTreeMap<Slot, ValidatorIndex>>, Error> {
    let Some(lookahead) = source.after(block).await? else { return Ok(None) };
    let named: BTreeSet<ValidatorIndex> = lookahead.proposers.iter().copied().filter(|one| members.contains_key(one)).collect();
    let mut members_too = BTreeSet::new();
    for validator in named {
        let Some(key) = source.key(validator).await? else { return Ok(None) };
        if members.get(&validator) == Some(&key) {
            members_too.insert(validator);
        }
    }
    Ok(Some(lookahead.iter().filter(|(_, proposer)| members_too.contains(proposer)).collect()))
}

impl Running {
    /// The leaders of a phase at a deadline, as far as they are known.
    pub(super) fn leaders(&self, open: &OpenPhase, committee: &Committee, deadline: Slot, ranks: u32) -> Leaders {
        let enrolled: Vec<ValidatorIndex> = committee.members().iter().map(|member| member.index).collect();
        let drawn = leaders(&open.seed, open.phase, deadline, &enrolled, ranks as usize, &self.spec);
        // Where rank 0 is all there is, nobody may be kept from it by an answer that does not come.
        if enrolled.len() < 2 || ranks < 2 || !self.is_fixed(&open.job, deadline) {
            return Leaders::drawn(drawn);
        }
        let first = match self.proposers.0.get(&open.job.block_root) {
            Some(Answer::Known(slots)) => first_leader(slots.get(&deadline).copied(), &drawn, &enrolled),
            _ => None,
        };
        Leaders { first, drawn }
    }

    fn is_fixed(&self, job: &JobId, deadline: Slot) -> bool {
        proposer_is_fixed(job.slot, deadline, self.joint.proposers.fixed_from(), &self.spec)
    }

    /// Asks for the proposers of all jobs with open phases that are not known yet, and forgets those of others.
    pub(super) fn ask_for_proposers(&mut self, open: &[OpenPhase], now: u64) {
        self.proposers.0.retain(|block, _| open.iter().any(|open| open.job.block_root == *block));
        for open in open {
            let block = open.job.block_root;
            let due = match self.proposers.0.get(&block) {
                None => true,
                Some(Answer::Again(at)) => now >= *at,
                Some(Answer::Asked | Answer::Known(_)) => false,
            };
            let Some(at) = self.places.get(&(open.job, open.phase)).filter(|_| due && self.is_fixed(&open.job, open.due))
            else {
                continue;
            };
            let members =
                at.agreement.setup().committee.members().iter().map(|member| (member.index, member.key.into())).collect();
            let (source, fetched) = (self.joint.proposers.clone(), self.fetched.clone());
            self.proposers.0.insert(block, Answer::Asked);
            tokio::spawn(async move {
                let answer = of_members(source.as_ref(), block, &members).await.unwrap_or_else(|error| {
                    tracing::debug!(%block, %error, "asking for proposers");
                    None
                });
                // The task may have ended.
                let _ = fetched.send(Fetched::Proposers { block, answer });
            });
        }
    }

    /// The beacon node has answered: agreements hear who leads at their deadlines.
    pub(super) async fn on_proposers(
        &mut self,
        block: Root,
        answer: Option<BTreeMap<Slot, ValidatorIndex>>,
        now: u64,
    ) -> Result<(), JointError> {
        let Some(known) = self.proposers.0.get_mut(&block) else { return Ok(()) };
        let Some(slots) = answer else {
            tracing::debug!(%block, "the beacon node does not say yet who proposes after this block; without that rounds of rank 0 are passed");
            *known = Answer::Again(now + RETRY_MS);
            return Ok(());
        };
        *known = Answer::Known(slots);
        let open = self.joint.shared.read().open_phases();
        for open in open.iter().filter(|open| open.job.block_root == block) {
            self.tell_first(open, now).await?;
        }
        Ok(())
    }

    async fn tell_first(&mut self, open: &OpenPhase, now: u64) -> Result<(), JointError> {
        let place: (JobId, Phase) = (open.job, open.phase);
        let Some(at) = self.places.get(&place) else { return Ok(()) };
        let (committee, rounds) = (at.agreement.setup().committee.clone(), at.agreement.setup().rounds);
        let current = rounds.extension_at(now);
        for extension in BTreeSet::from([0, current]) {
            let leaders = self.leaders(open, &committee, rounds.slot(extension), rounds.per_extension());
            let Some(leader) = leaders.first else { continue };
            if extension == current
                && let Some(at) = self.places.get_mut(&place)
            {
                at.ranks = leaders.ranks();
            }
            self.handle(place, Input::First { extension, leader }).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Slots 8 to 23; the last validator's key is not the one that is enrolled.
    #[derive(Debug)]
    struct Chain;

    fn key(mark: u8) -> PublicKeyBytes {
        PublicKeyBytes::repeat_byte(mark)
    }

    #[async_trait]
    impl ProposerSource for Chain {
        fn fixed_from(&self) -> Option<Epoch> {
            Some(Epoch(0))
        }

        async fn after(&self, block: Root) -> Result<Option<Lookahead>, Error> {
            let proposers = [9, 1, 9, 2, 1, 3].map(ValidatorIndex).to_vec();
            Ok((block == Root::repeat_byte(1)).then_some(Lookahead { first_slot: Slot(8), proposers }))
        }

        async fn key(&self, validator: ValidatorIndex) -> Result<Option<PublicKeyBytes>, Error> {
            assert_ne!(validator, ValidatorIndex(9), "who does not take part is of no interest");
            Ok((validator.0 != 7).then(|| key(validator.0 as u8)))
        }
    }

    #[tokio::test]
    async fn a_proposer_counts_if_it_is_enrolled_with_its_own_key() {
        let members = BTreeMap::from([(1, 1), (2, 2), (3, 33)].map(|(index, mark)| (ValidatorIndex(index), key(mark))));
        let slots = of_members(&Chain, Root::repeat_byte(1), &members).await.unwrap().unwrap();
        assert_eq!(slots, BTreeMap::from([(9, 1), (11, 2), (12, 1)].map(|(slot, index)| (Slot(slot), ValidatorIndex(index)))));
        assert_eq!(of_members(&Chain, Root::repeat_byte(2), &members).await.unwrap(), None, "not known is not nobody");
    }
}
