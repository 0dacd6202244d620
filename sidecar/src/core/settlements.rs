//! Settlements: cut out of the ledger as soon as all before their end is final and over, then signed.
//!
//! A settlement is a function of the ledger alone: its number counts the periods in which a job has entries, so that a quiet period has none, and every
//! sidecar with the same ledger has the same one, whenever it looks.

use std::collections::BTreeMap;

use quintet_api::{
    ClaimView, LeafView, SettlementDetail, SettlementSignature, SettlementState, SettlementSummary, SignatureRefused,
};
use quintet_keys::Signature;
use quintet_protocol::checks::evidence_slots;
use quintet_staking::{DOMAIN_SETTLEMENT, Known, Leaf, LedgerSettlement, Member, PostedSettlement, Signed};
use quintet_store::{Batch, Pending, Store};
use quintet_types::{
    Account, Balance, Epoch, PublicKeyBytes, Root, SignatureBytes, Slot, TreeHash as _, ValidatorIndex, compute_domain,
};

use super::{Core, CoreError};
use crate::db;

/// All settlements, and the signatures under them.
#[derive(Debug, Default)]
pub struct Settlements {
    list: BTreeMap<u64, LedgerSettlement>,
    signatures: BTreeMap<u64, BTreeMap<ValidatorIndex, Signed>>,
}

/// Why a signature under a settlement is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettlementRefusal {
    /// Provers come from a file: nothing is settled.
    #[error("this sidecar has no staking contracts, so nothing is settled")]
    NoContracts,
    /// There is no such settlement here, or not yet.
    #[error("there is no settlement {0} here yet")]
    Unknown(u64),
    /// The statement that was signed is another one.
    #[error("settlement {number} is {ours} here, {theirs} was signed: the ledgers differ")]
    OtherStatement {
        /// The settlement.
        number: u64,
        /// Root of our statement.
        ours: Root,
        /// Root of theirs.
        theirs: Root,
    },
    /// The contract has it already.
    #[error("settlement {0} is posted already")]
    Posted(u64),
    /// The validator is not enrolled, in a final block at least.
    #[error("validator {0} is not enrolled")]
    NotEnrolled(ValidatorIndex),
    /// Its signature is here.
    #[error("validator {0} has signed already")]
    Duplicate(ValidatorIndex),
    /// It is no signature, or one of another key or statement.
    #[error("the signature of validator {0} is false")]
    Signature(ValidatorIndex),
}

impl SettlementRefusal {
    /// One word for answers and metrics.
    pub const fn label(&self) -> &'static str {
        match self {
            Self::NoContracts => "no_contracts",
            Self::Unknown(_) => "unknown",
            Self::OtherStatement { .. } => "other_statement",
            Self::Posted(_) => "posted",
            Self::NotEnrolled(_) => "not_enrolled",
            Self::Duplicate(_) => "duplicate",
            Self::Signature(_) => "signature",
        }
    }

    /// As a line of an answer about a validator.
    pub fn line(&self, validator: ValidatorIndex) -> SignatureRefused {
        SignatureRefused { validator, reason: self.label().into(), message: self.to_string() }
    }
}

impl Settlements {
    /// What is on disk.
    pub(super) fn load(store: &Store) -> Result<Self, CoreError> {
        let mut loaded = Self::default();
        for entry in store.range(&db::SETTLEMENTS, ..) {
            let (number, settlement) = entry?;
            loaded.list.insert(number, settlement);
        }
        for entry in store.range(&db::SIGNATURES, ..) {
            let ((number, validator), bytes) = entry?;
            let signed = decode(&bytes).ok_or(CoreError::Record { table: "signatures", reason: "not key and point".into() })?;
            loaded.signatures.entry(number).or_default().insert(ValidatorIndex(validator), signed);
        }
        Ok(loaded)
    }

    /// A settlement.
    pub fn get(&self, number: u64) -> Option<&LedgerSettlement> {
        self.list.get(&number)
    }

    /// All of them, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &LedgerSettlement> {
        self.list.values()
    }

    /// The latest.
    pub fn last(&self) -> Option<&LedgerSettlement> {
        self.list.values().next_back()
    }

    /// Who signed a settlement.
    pub fn signatures(&self, number: u64) -> &BTreeMap<ValidatorIndex, Signed> {
        static NONE: BTreeMap<ValidatorIndex, Signed> = BTreeMap::new();
        self.signatures.get(&number).unwrap_or(&NONE)
    }

    /// Up to where settlements reach.
    fn end_epoch(&self) -> Epoch {
        self.last().map_or(Epoch(0), |last| last.statement.end_epoch)
    }
}

fn encode(signed: &Signed) -> Vec<u8> {
    [&signed.pubkey[..], &signed.signature.to_bytes()].concat()
}

fn decode(bytes: &[u8]) -> Option<Signed> {
    let (pubkey, signature) = bytes.split_first_chunk::<48>()?;
    let signature = Signature::from_bytes(signature.try_into().ok()?).ok()?;
    Some(Signed { pubkey: pubkey.into(), signature })
}

/// How far a settlement is, as the contract is known.
pub fn settlement_state(settlement: &LedgerSettlement, known: &Known) -> SettlementState {
    let statement = &settlement.statement;
    let ours = PostedSettlement {
        number: statement.number,
        end_epoch: statement.end_epoch,
        leaves_root: statement.leaves_root,
        ledger_root: statement.ledger_root,
    };
    let place = usize::try_from(statement.number - 1).unwrap_or(usize::MAX);
    match known.posted.get(place) {
        None => SettlementState::Collecting,
        Some(posted) if *posted == ours => SettlementState::Posted,
        Some(_) => SettlementState::Differs,
    }
}

impl Core {
    /// The contracts, if provers come from there.
    pub fn contracts(&self) -> Option<std::sync::Arc<Known>> {
        self.registry.contracts()
    }

    /// Entries from this slot on are not settled yet, and must not be folded together.
    pub(super) fn unsettled_from(&self) -> Slot {
        match self.contracts() {
            Some(_) => self.settlements.end_epoch().start_slot(self.config.spec.slots_per_epoch),
            None => Slot(u64::MAX),
        }
    }

    /// For so many slots after a job's block others may bring evidence about it; none where this sidecar is alone and books at once.
    pub(super) fn evidence_slots(&self) -> u64 {
        if self.config.joint { evidence_slots(&self.config.spec) } else { 0 }
    }

    /// Cuts the settlements that are complete out of the ledger, and writes them down.
    pub(super) fn build_settlements(&mut self) -> Result<(), CoreError> {
        let Some(known) = self.contracts() else { return Ok(()) };
        let (Some(deployment), Some(checkpoint)) = (&known.deployment, &known.checkpoint) else { return Ok(()) };
        let (period, per_epoch) = (deployment.settlement_epochs.max(1), self.config.spec.slots_per_epoch);
        loop {
            let start = self.settlements.end_epoch().start_slot(per_epoch);
            let Some(first) = self.books.ledger.first_final_from(start) else { return Ok(()) };
            let end_epoch = Epoch((first.slot.epoch(per_epoch).0 / period + 1) * period);
            let end = end_epoch.start_slot(per_epoch);
            let moving = |live: &super::LiveJob| live.retry_due || !live.job().state().is_over();
            // Until then bundles of later jobs may still bring something about those before the end.
            let settled = end.plus(self.evidence_slots());
            if self.chain.finalized_slot.plus(1) < settled
                || self.jobs.iter().any(|(id, live)| id.slot < settled && moving(live))
            {
                return Ok(());
            }
            let (totals, root) = self.books.ledger.before(end).ok_or_else(|| CoreError::Record {
                table: "books",
                reason: format!("the ledger was folded beyond slot {end}, which is not settled"),
            })?;
            let number = self.settlements.last().map_or(1, |last| last.statement.number + 1);
            let contract = (checkpoint.chain_id, checkpoint.contracts.settlement);
            let settlement = LedgerSettlement::new(contract, number, end_epoch, &totals, root);
            self.store.put(&db::SETTLEMENTS, &number, &settlement)?;
            tracing::info!(number, %end_epoch, accounts = settlement.leaves.len(), root = %settlement.statement.leaves_root, "settlement");
            self.settlements.list.insert(number, settlement);
        }
    }

    /// What validators sign for a settlement.
    pub fn settlement_signing_root(&self, settlement: &LedgerSettlement) -> Root {
        let spec = &self.config.spec;
        let domain = compute_domain(DOMAIN_SETTLEMENT, spec.genesis_fork_version, spec.genesis_validators_root);
        settlement.statement.signing_root(domain)
    }

    /// Whether signatures under a settlement are taken: what they have to be over.
    ///
    /// # Errors
    /// [`SettlementRefusal`].
    pub fn check_statement(&self, number: u64, theirs: Root) -> Result<Root, SettlementRefusal> {
        let known = self.contracts().ok_or(SettlementRefusal::NoContracts)?;
        let settlement = self.settlements.get(number).ok_or(SettlementRefusal::Unknown(number))?;
        let ours = settlement.statement.tree_hash_root();
        if ours != theirs {
            return Err(SettlementRefusal::OtherStatement { number, ours, theirs });
        }
        match settlement_state(settlement, &known) {
            SettlementState::Collecting => Ok(self.settlement_signing_root(settlement)),
            SettlementState::Posted | SettlementState::Differs => Err(SettlementRefusal::Posted(number)),
        }
    }

    /// Whether a validator's signature would be new: the key that it has to be of.
    ///
    /// # Errors
    /// [`SettlementRefusal`].
    pub fn check_signer(&self, number: u64, validator: ValidatorIndex) -> Result<PublicKeyBytes, SettlementRefusal> {
        let known = self.contracts().ok_or(SettlementRefusal::NoContracts)?;
        let member = known.members.get(validator).ok_or(SettlementRefusal::NotEnrolled(validator))?;
        // A validator that was enrolled anew with another key signs anew.
        match self.settlements.signatures(number).get(&validator) {
            Some(signed) if signed.pubkey == member.pubkey => Err(SettlementRefusal::Duplicate(validator)),
            _ => Ok(member.pubkey),
        }
    }

    /// Takes signatures that were verified; all are on disk when the answer is ready. Returns those that were new.
    ///
    /// # Errors
    /// If the store fails.
    pub fn add_signatures(
        &mut self,
        number: u64,
        verified: impl IntoIterator<Item = (ValidatorIndex, Signed)>,
    ) -> Result<(Vec<ValidatorIndex>, Pending), CoreError> {
        let mut batch = Batch::new();
        let mut new = Vec::new();
        for (validator, signed) in verified {
            // Another request may have brought it meanwhile.
            if self.check_signer(number, validator) == Ok(signed.pubkey) {
                batch.put(&db::SIGNATURES, &(number, validator.0), &encode(&signed));
                self.settlements.signatures.entry(number).or_default().insert(validator, signed);
                new.push(validator);
            }
        }
        Ok((new, self.store.submit(batch)?))
    }

    /// A line in the list of settlements.
    pub fn settlement_summary(&self, settlement: &LedgerSettlement, known: &Known) -> SettlementSummary {
        let statement = &settlement.statement;
        let epoch = self.chain.head_slot.epoch(self.config.spec.slots_per_epoch);
        let signatures = self.settlements.signatures(statement.number);
        let by_it = |index: &ValidatorIndex, member: &Member| {
            signatures.get(index).is_some_and(|signed| signed.pubkey == member.pubkey)
        };
        let signed = known.members.counting_in(epoch).filter(|(index, member)| by_it(index, member));
        let signed: u128 = signed.map(|(_, member)| u128::from(member.weight_gwei)).sum();
        SettlementSummary {
            number: statement.number,
            end_epoch: statement.end_epoch,
            state: settlement_state(settlement, known),
            leaves_root: statement.leaves_root,
            ledger_root: statement.ledger_root,
            total_rewards: balance(statement.total_rewards.to()),
            total_penalties: balance(statement.total_penalties.to()),
            statement_root: statement.tree_hash_root(),
            signing_root: self.settlement_signing_root(settlement),
            num_leaves: settlement.leaves.len() as u64,
            signed_gwei: balance(signed),
            total_gwei: balance(known.members.weight_in(epoch)),
        }
    }

    /// A settlement with its signers and a part of its leaves.
    pub fn settlement_detail(&self, number: u64, offset: usize, limit: usize) -> Option<SettlementDetail> {
        let known = self.contracts()?;
        let settlement = self.settlements.get(number)?;
        let tree = settlement.tree();
        let shown = settlement.leaves.iter().enumerate().skip(offset).take(limit);
        let signers = self.settlements.signatures(number).iter().map(|(validator, signed)| SettlementSignature {
            validator: *validator,
            signature: SignatureBytes::from(signed.signature.to_bytes()),
        });
        Some(SettlementDetail {
            settlement: self.settlement_summary(settlement, &known),
            chain_id: settlement.statement.chain_id,
            contract: settlement.statement.contract.into(),
            signers: signers.collect(),
            leaves: shown.map(|(place, leaf)| leaf_view(leaf, tree.proof(place).unwrap_or_default())).collect(),
        })
    }

    /// An account's leaf under a settlement, or under the newest that is posted; why there is none otherwise.
    pub fn claim_view(&self, account: &Account, number: Option<u64>) -> Result<ClaimView, String> {
        let known = self.contracts().ok_or_else(|| SettlementRefusal::NoContracts.to_string())?;
        let is_posted = |settlement: &&LedgerSettlement| settlement_state(settlement, &known) == SettlementState::Posted;
        let settlement = match number {
            Some(number) => {
                self.settlements.get(number).filter(is_posted).ok_or(format!("settlement {number} is not posted"))?
            }
            None => self.settlements.iter().rev().find(is_posted).ok_or("no settlement is posted yet")?,
        };
        let number = settlement.statement.number;
        let claim = settlement.claim(account).ok_or_else(|| format!("settlement {number} has nothing for this account"))?;
        Ok(ClaimView {
            chain_id: settlement.statement.chain_id,
            contract: settlement.statement.contract.into(),
            settlement: number,
            leaves_root: settlement.statement.leaves_root,
            leaf: leaf_view(&claim.0, claim.1),
        })
    }
}

const fn balance(amount: u128) -> Balance {
    // Sums of 64-bit amounts.
    Balance(amount as i128)
}

fn leaf_view(leaf: &Leaf, proof: Vec<Root>) -> LeafView {
    LeafView { account: leaf.account(), rewards: balance(leaf.rewards), penalties: balance(leaf.penalties), proof }
}
