//! Our types as Malachite's driver wants them. Values are bundle roots: the bundles themselves stay outside.

use std::fmt;
use std::sync::Arc;

use arc_malachitebft_core_types::{
    self as malachite, LinearTimeouts, NilOrVal, Round, SignedExtension, SigningScheme, VoteType, VotingPower,
};
use quintet_types::{Root, SignatureBytes, ValidatorIndex, VoteKind};

use crate::Committee;

pub(crate) type Driver = arc_malachitebft_core_driver::Driver<Engine>;
pub(crate) type DriverInput = arc_malachitebft_core_driver::Input<Engine>;
pub(crate) type DriverOutput = arc_malachitebft_core_driver::Output<Engine>;

/// The family of types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Engine;

/// A validator by its index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Address(pub(crate) ValidatorIndex);

/// One instance decides one thing, so there is one height.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Height(u64);

/// The height of every instance.
pub(crate) const HEIGHT: Height = Height(1);

/// A bundle root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Value(pub(crate) Root);

/// A proposal as the engine sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EngineProposal {
    pub(crate) round: Round,
    pub(crate) value: Value,
    pub(crate) polka: Round,
    pub(crate) proposer: Address,
}

/// A vote as the engine sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EngineVote {
    pub(crate) kind: VoteType,
    pub(crate) round: Round,
    pub(crate) value: NilOrVal<Root>,
    pub(crate) voter: Address,
}

/// A voter and its weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Voter {
    address: Address,
    weight: u64,
}

/// All voters, rising by index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Voters {
    all: Arc<[Voter]>,
    total: u64,
}

/// Signatures are verified outside; the engine only carries their bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Outside;

/// Proposals come whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoPart;

pub(crate) fn vote_type(kind: VoteKind) -> VoteType {
    match kind {
        VoteKind::Prevote => VoteType::Prevote,
        VoteKind::Precommit => VoteType::Precommit,
    }
}

impl Voters {
    pub(crate) fn of(committee: &Committee) -> Self {
        let voter = |member: &crate::Member| Voter { address: Address(member.index), weight: member.weight };
        Self { all: committee.members().iter().map(voter).collect(), total: committee.total() }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl malachite::Address for Address {}

impl fmt::Display for Height {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl malachite::Height for Height {
    const ZERO: Self = Self(0);
    const INITIAL: Self = HEIGHT;

    fn increment_by(&self, n: u64) -> Self {
        Self(self.0.saturating_add(n))
    }

    fn decrement_by(&self, n: u64) -> Option<Self> {
        self.0.checked_sub(n).map(Self)
    }

    fn as_u64(&self) -> u64 {
        self.0
    }
}

impl malachite::Value for Value {
    type Id = Root;

    fn id(&self) -> Root {
        self.0
    }
}

impl malachite::Proposal<Engine> for EngineProposal {
    fn height(&self) -> Height {
        HEIGHT
    }

    fn round(&self) -> Round {
        self.round
    }

    fn value(&self) -> &Value {
        &self.value
    }

    fn take_value(self) -> Value {
        self.value
    }

    fn pol_round(&self) -> Round {
        self.polka
    }

    fn validator_address(&self) -> &Address {
        &self.proposer
    }
}

impl malachite::Vote<Engine> for EngineVote {
    fn height(&self) -> Height {
        HEIGHT
    }

    fn round(&self) -> Round {
        self.round
    }

    fn value(&self) -> &NilOrVal<Root> {
        &self.value
    }

    fn take_value(self) -> NilOrVal<Root> {
        self.value
    }

    fn vote_type(&self) -> VoteType {
        self.kind
    }

    fn validator_address(&self) -> &Address {
        &self.voter
    }

    fn extension(&self) -> Option<&SignedExtension<Engine>> {
        None
    }

    fn take_extension(&mut self) -> Option<SignedExtension<Engine>> {
        None
    }

    fn extend(self, _: SignedExtension<Engine>) -> Self {
        self
    }
}

impl malachite::Validator<Engine> for Voter {
    fn address(&self) -> &Address {
        &self.address
    }

    fn public_key(&self) -> &() {
        &()
    }

    fn voting_power(&self) -> VotingPower {
        self.weight
    }
}

impl malachite::ValidatorSet<Engine> for Voters {
    fn count(&self) -> usize {
        self.all.len()
    }

    fn total_voting_power(&self) -> VotingPower {
        self.total
    }

    fn get_by_address(&self, address: &Address) -> Option<&Voter> {
        self.all.binary_search_by_key(address, |voter| voter.address).ok().map(|place| &self.all[place])
    }

    fn get_by_index(&self, index: usize) -> Option<&Voter> {
        self.all.get(index)
    }
}

impl malachite::ProposalPart<Engine> for NoPart {
    fn is_first(&self) -> bool {
        true
    }

    fn is_last(&self) -> bool {
        true
    }
}

impl SigningScheme for Outside {
    type DecodingError = &'static str;
    type Signature = SignatureBytes;
    type PublicKey = ();
    type PrivateKey = ();

    fn decode_signature(bytes: &[u8]) -> Result<SignatureBytes, &'static str> {
        SignatureBytes::try_from(bytes).map_err(|_| "a signature has 96 bytes")
    }

    fn encode_signature(signature: &SignatureBytes) -> Vec<u8> {
        signature.to_vec()
    }

    fn decode_public_key(_: &[u8]) -> Result<(), &'static str> {
        Ok(())
    }

    fn encode_public_key((): &()) -> Vec<u8> {
        Vec::new()
    }
}

impl malachite::Context for Engine {
    type Address = Address;
    type Height = Height;
    type ProposalPart = NoPart;
    type Proposal = EngineProposal;
    type Validator = Voter;
    type ValidatorSet = Voters;
    type Timeouts = LinearTimeouts;
    type Value = Value;
    type Vote = EngineVote;
    type Extension = ();
    type SigningScheme = Outside;

    /// The driver is told who leads when a round begins, and does not ask.
    fn select_proposer<'a>(&self, voters: &'a Voters, _: Height, round: Round) -> &'a Voter {
        let place = round.as_u32().unwrap_or(0) as usize % voters.all.len().max(1);
        &voters.all[place]
    }

    fn new_proposal(&self, _: Height, round: Round, value: Value, polka: Round, proposer: Address) -> EngineProposal {
        EngineProposal { round, value, polka, proposer }
    }

    fn new_prevote(&self, _: Height, round: Round, value: NilOrVal<Root>, voter: Address) -> EngineVote {
        EngineVote { kind: VoteType::Prevote, round, value, voter }
    }

    fn new_precommit(&self, _: Height, round: Round, value: NilOrVal<Root>, voter: Address) -> EngineVote {
        EngineVote { kind: VoteType::Precommit, round, value, voter }
    }
}
