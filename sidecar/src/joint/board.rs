//! What others may know of the agreement: written by the task as it goes, read by the gateway's requests.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use quintet_agreement::{Agreement, Enrolled};
use quintet_api::{Direction, PeerView, PeersView, ValidatorView, ValidatorsView};
use quintet_gossip::{NetworkError, NetworkHandle, PeerId, PeerInfo};
use quintet_types::{Balance, JobId, Phase, ValidatorIndex, VoteKind};

use super::Enrolment;
use crate::service::now_ms;

/// The agreement on an open phase.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Who leads at the deadline as it is now, rank 0 first.
    pub ranks: Vec<ValidatorIndex>,
    /// The round that it is in; `None` before the first.
    pub round: Option<u32>,
    /// Rank of the round.
    pub rank: u16,
    /// Who has committed itself to a bundle in this round.
    pub precommits: Vec<ValidatorIndex>,
    /// Weight of those.
    pub weight: u64,
}

impl Standing {
    /// Where an agreement is, at the deadline that `ranks` were drawn for.
    pub(super) fn of(agreement: &Agreement, ranks: Vec<ValidatorIndex>) -> Self {
        let (setup, round) = (agreement.setup(), agreement.round());
        let mut precommits: Vec<ValidatorIndex> = round
            .map(|round| agreement.messages(round).1)
            .into_iter()
            .flatten()
            .filter(|vote| {
                vote.kind == VoteKind::Precommit && Some(vote.ballot.round) == round && vote.ballot.bundle().is_some()
            })
            .map(|vote| vote.validator)
            .collect();
        precommits.dedup();
        let weight = setup.committee.weight(precommits.iter().copied()).unwrap_or(0);
        Self { ranks, round, rank: round.map_or(0, |round| setup.rounds.rank(round)), precommits, weight }
    }
}

#[derive(Debug, Default)]
struct State {
    phases: BTreeMap<(JobId, Phase), Standing>,
    /// Whose sidecars peers are.
    introduced: BTreeMap<PeerId, ValidatorIndex>,
    /// When members were heard of last, Unix ms.
    heard: BTreeMap<ValidatorIndex, u64>,
    certificates: u64,
    signed: BTreeMap<ValidatorIndex, u64>,
}

#[derive(Debug)]
struct Inner {
    network: NetworkHandle,
    enrolled: Enrolment,
    me: Option<ValidatorIndex>,
    state: RwLock<State>,
}

/// The board. Clones show the same.
#[derive(Clone, Debug)]
pub struct Board(Arc<Inner>);

impl Board {
    /// An empty one.
    pub fn new(network: NetworkHandle, enrolled: impl Into<Enrolment>, me: Option<ValidatorIndex>) -> Self {
        Self(Arc::new(Inner { network, enrolled: enrolled.into(), me, state: RwLock::default() }))
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        // Whoever panicked had changed one entry, or none.
        self.0.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.0.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The open phases, as they are now.
    pub(super) fn set_phases(&self, phases: BTreeMap<(JobId, Phase), Standing>) {
        if self.read().phases != phases {
            self.write().phases = phases;
        }
    }

    /// Whose sidecars peers are, as far as they have shown it.
    pub(super) fn set_introduced(&self, introduced: BTreeMap<PeerId, ValidatorIndex>) {
        if self.read().introduced != introduced {
            self.write().introduced = introduced;
        }
    }

    /// A signature of a validator verified. Only enrolled ones are remembered, so that it stays bounded.
    pub(super) fn heard(&self, validator: ValidatorIndex) {
        if self.0.enrolled.latest().is_some_and(|enrolled| enrolled.member(validator).is_some()) {
            self.write().heard.insert(validator, now_ms());
        }
    }

    /// A phase was certified by these.
    pub(super) fn certified(&self, signers: &[ValidatorIndex]) {
        let mut state = self.write();
        state.certificates += 1;
        for signer in signers {
            *state.signed.entry(*signer).or_default() += 1;
        }
    }

    /// The agreement on a phase, while it runs.
    pub fn standing(&self, job: &JobId, phase: Phase) -> Option<Standing> {
        self.read().phases.get(&(*job, phase)).cloned()
    }

    /// Who takes part; the voters of a job are drawn of them.
    pub fn enrolled(&self) -> &Enrolment {
        &self.0.enrolled
    }

    /// Peers for the gateway.
    ///
    /// # Errors
    /// If the network has ended.
    pub async fn peers(&self) -> Result<PeersView, NetworkError> {
        let network = &self.0.network;
        let (peers, addresses, metrics) = (network.peers().await?, network.listen_addresses().await?, network.metrics());
        let (now, introduced) = (now_ms(), self.read().introduced.clone());
        Ok(PeersView {
            alone: false,
            peer_id: Some(network.local_peer_id().to_string()),
            addresses: addresses.iter().map(ToString::to_string).collect(),
            isolated: metrics.isolated.get() != 0,
            bans: metrics.bans.get(),
            peers: peers.into_iter().map(|info| peer_view(info, &introduced, now)).collect(),
        })
    }

    /// Validators for the gateway. Balances are the core's to fill in.
    pub fn validators(&self, own: ValidatorIndex) -> ValidatorsView {
        let (state, enrolled) = (self.read(), self.0.enrolled.latest());
        let members = enrolled.as_ref().map(Enrolled::members).unwrap_or_default();
        let view = |member: &quintet_agreement::Member| ValidatorView {
            index: member.index,
            pubkey: Some(member.key.into()),
            weight: member.weight,
            signing: Some(member.variant),
            heard_ms: state.heard.get(&member.index).copied(),
            certificates_signed: state.signed.get(&member.index).copied().unwrap_or(0),
            balance: Balance::default(),
        };
        ValidatorsView {
            alone: false,
            own,
            votes: self.0.me == Some(own),
            total_weight: members.iter().map(|member| member.weight).sum(),
            certificates: state.certificates,
            validators: members.iter().map(view).collect(),
        }
    }
}

fn peer_view(info: PeerInfo, introduced: &BTreeMap<PeerId, ValidatorIndex>, now: u64) -> PeerView {
    PeerView {
        peer_id: info.peer.to_string(),
        address: info.address.to_string(),
        direction: if info.outbound { Direction::Outbound } else { Direction::Inbound },
        agent: info.agent,
        validator: introduced.get(&info.peer).copied(),
        connected_ms: now.saturating_sub(u64::try_from(info.connected.as_millis()).unwrap_or(0)),
        points: info.points,
        score: info.score,
        head_slot: info.status.head_slot,
        finalized_slot: info.status.finalized_slot,
        ledger_root: info.status.ledger_root,
    }
}
