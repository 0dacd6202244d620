//! A settlement out of the ledger: cumulative leaves, what validators sign, and the quorum that the contract asks for.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, U128};
use alloy_sol_types::SolValue;
use quintet_keys::{BlsError, Signature};
use quintet_protocol::Totals;
use quintet_types::{Account, Epoch, PublicKeyBytes, Root, ValidatorIndex};
use ssz_derive::{Decode, Encode};

use crate::{AccountKind, Deployment, Leaf, LeafTree, MemberView, Statement, bindings::Settlement as Abi, g2_words};

/// Due requests that the contract carries out by itself when a settlement is posted.
const CHANGES_PER_POST: usize = 32;

/// One settlement: its leaves, and the statement over them. The same in every sidecar whose ledger is the same.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct LedgerSettlement {
    /// What validators sign.
    pub statement: Statement,
    /// One leaf an account: provers by index, then validators by index.
    pub leaves: Vec<Leaf>,
}

impl LedgerSettlement {
    /// Settlement `number` of the contract at `contract`, which pays the totals up to `end_epoch`.
    #[must_use]
    pub fn new(
        (chain_id, contract): (u64, Address),
        number: u64,
        end_epoch: Epoch,
        totals: &BTreeMap<Account, Totals>,
        ledger_root: Root,
    ) -> Self {
        let leaves: Vec<Leaf> = totals.iter().map(|(account, totals)| leaf(account, totals)).collect();
        let sum = |of: fn(&Leaf) -> u128| U128::from(leaves.iter().map(of).sum::<u128>());
        let statement = Statement {
            chain_id,
            contract,
            number,
            end_epoch,
            leaves_root: LeafTree::new(&leaves).root(),
            total_rewards: sum(|leaf| leaf.rewards),
            total_penalties: sum(|leaf| leaf.penalties),
            ledger_root,
        };
        Self { statement, leaves }
    }

    /// The tree of the leaves.
    #[must_use]
    pub fn tree(&self) -> LeafTree {
        LeafTree::new(&self.leaves)
    }

    /// An account's leaf, and what proves it.
    #[must_use]
    pub fn claim(&self, account: &Account) -> Option<(Leaf, Vec<B256>)> {
        let Leaf { kind, index, .. } = leaf(account, &Totals::default());
        let place = self.leaves.binary_search_by_key(&(kind, index), |leaf| (leaf.kind, leaf.index)).ok()?;
        Some((self.leaves[place], self.tree().proof(place)?))
    }
}

impl Leaf {
    /// Whose it is.
    #[must_use]
    pub const fn account(&self) -> Account {
        match self.kind {
            AccountKind::Prover => Account::Prover(quintet_types::ProverIndex(self.index)),
            AccountKind::Validator => Account::Validator(ValidatorIndex(self.index)),
        }
    }
}

const fn leaf(account: &Account, totals: &Totals) -> Leaf {
    let (kind, index) = match account {
        Account::Prover(prover) => (AccountKind::Prover, prover.0),
        Account::Validator(validator) => (AccountKind::Validator, validator.0),
    };
    Leaf { kind, index, rewards: totals.rewards, penalties: totals.penalties }
}

/// A validator's signature, and the key that it was verified under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signed {
    /// The key.
    pub pubkey: PublicKeyBytes,
    /// The signature.
    pub signature: Signature,
}

/// What the contract's `post` takes besides the statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quorum {
    /// Members that did not sign, ascending.
    pub absent: Vec<u64>,
    /// The aggregate of the others.
    pub signature: Signature,
    /// What the signers weigh, gwei.
    pub signed_gwei: u128,
    /// How many requests `advance` has to carry out before: posting does no more than 32 itself.
    pub advance: Option<usize>,
}

/// Why there is no quorum.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoQuorum {
    /// The set is too small to sign anything.
    #[error("{members} validators with {weight_gwei} gwei are enrolled; {min_members} with {min_gwei} gwei are needed")]
    SetTooSmall {
        /// Members.
        members: usize,
        /// Their weight.
        weight_gwei: u128,
        /// How many there must be.
        min_members: u64,
        /// What they must weigh.
        min_gwei: u64,
    },
    /// Too few have signed.
    #[error("validators with {signed_gwei} of {total_gwei} gwei have signed; two thirds are needed")]
    TooFew {
        /// What the signers weigh.
        signed_gwei: u128,
        /// What all weigh.
        total_gwei: u128,
    },
    /// The signatures do not add up.
    #[error("aggregating: {0}")]
    Aggregate(#[from] BlsError),
}

impl Quorum {
    /// The quorum for a block of `epoch` out of verified `signatures`, if they are enough. Those of validators that do not count, or that have another
    /// key by now, are left out.
    ///
    /// # Errors
    /// [`NoQuorum`].
    pub fn assemble(
        deployment: &Deployment,
        members: &MemberView,
        epoch: Epoch,
        signatures: &BTreeMap<ValidatorIndex, Signed>,
    ) -> Result<Self, NoQuorum> {
        let (mut absent, mut present, mut signed_gwei, mut total_gwei) = (Vec::new(), Vec::new(), 0, 0);
        for (index, member) in members.counting_in(epoch) {
            let weight = u128::from(member.weight_gwei);
            total_gwei += weight;
            match signatures.get(&index).filter(|signed| signed.pubkey == member.pubkey) {
                Some(signed) => {
                    signed_gwei += weight;
                    present.push(&signed.signature);
                }
                None => absent.push(index.0),
            }
        }
        let count = absent.len() + present.len();
        if (count as u64) < deployment.min_members || total_gwei < u128::from(deployment.min_total_weight_gwei) {
            return Err(NoQuorum::SetTooSmall {
                members: count,
                weight_gwei: total_gwei,
                min_members: deployment.min_members,
                min_gwei: deployment.min_total_weight_gwei,
            });
        }
        if present.is_empty() || signed_gwei * 3 < total_gwei * 2 {
            return Err(NoQuorum::TooFew { signed_gwei, total_gwei });
        }
        let due = members.iter().filter(|(_, member)| member.is_due_in(epoch)).count();
        let advance = (due > CHANGES_PER_POST).then_some(due);
        Ok(Self { absent, signature: Signature::aggregate(present)?, signed_gwei, advance })
    }

    /// The call that posts `statement`.
    ///
    /// # Errors
    /// If the signature is no point as the contract takes it, which no signature is.
    pub fn post_call(&self, statement: &Statement) -> Result<Abi::postCall, alloy_sol_types::Error> {
        Ok(Abi::postCall {
            statement: Abi::Statement {
                number: statement.number,
                endEpoch: statement.end_epoch.0,
                leavesRoot: statement.leaves_root,
                totalRewards: statement.total_rewards.to(),
                totalPenalties: statement.total_penalties.to(),
                ledgerRoot: statement.ledger_root,
            },
            absent: self.absent.clone(),
            signature: SolValue::abi_decode(&g2_words(&self.signature))?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::U256;
    use alloy_sol_types::{SolCall as _, SolEvent};
    use quintet_keys::{PublicKey, SecretKey};
    use quintet_types::ProverIndex;

    use crate::bindings::ValidatorSet;

    fn settlement() -> LedgerSettlement {
        let accounts = [
            (Account::Prover(ProverIndex(4)), 7, 1),
            (Account::Validator(ValidatorIndex(2)), 5, 0),
            (Account::Prover(ProverIndex(1)), 0, 3),
        ];
        let totals = accounts.map(|(account, rewards, penalties)| (account, Totals { rewards, penalties }));
        LedgerSettlement::new((1, Address::repeat_byte(1)), 2, Epoch(8), &totals.into(), Root::repeat_byte(9))
    }

    #[test]
    fn every_account_has_its_leaf_and_a_proof() {
        let settlement = settlement();
        assert_eq!((settlement.statement.total_rewards, settlement.statement.total_penalties), (U128::from(12), U128::from(4)));
        for leaf in &settlement.leaves {
            let (found, proof) = settlement.claim(&leaf.account()).unwrap();
            assert_eq!((found, proof.is_empty()), (*leaf, false));
        }
        assert_eq!(settlement.claim(&Account::Prover(ProverIndex(2))), None);
        let order: Vec<_> = settlement.leaves.iter().map(|leaf| (leaf.kind, leaf.index)).collect();
        assert!(order.is_sorted());
    }

    fn secret(byte: u8) -> SecretKey {
        SecretKey::from_bytes(&[byte; 32]).unwrap()
    }

    fn members(weights: &[u64]) -> MemberView {
        let mut view = MemberView::default();
        for (index, weight) in (1u8..).zip(weights) {
            let event = ValidatorSet::Enrolled {
                index: index.into(),
                owner: Address::ZERO,
                pubkey: secret(index).public_key().to_bytes().to_vec().into(),
                payout: Address::ZERO,
                weight: *weight,
                fromEpoch: 5,
            };
            let log = event.encode_log_data();
            view.push(log.topics(), &log.data).unwrap();
        }
        view
    }

    fn signed(bytes: &[u8], root: &Root) -> BTreeMap<ValidatorIndex, Signed> {
        let of = |byte: u8| {
            let secret = secret(byte);
            (ValidatorIndex(byte.into()), Signed { pubkey: secret.public_key().into(), signature: secret.sign(&root.0) })
        };
        bytes.iter().copied().map(of).collect()
    }

    const DEPLOYMENT: Deployment = Deployment {
        genesis_time: 0,
        seconds_per_slot: 2,
        slots_per_epoch: 4,
        fork_data_root: B256::ZERO,
        settlement_epochs: 4,
        wei_per_unit: U256::ONE,
        min_members: 3,
        min_total_weight_gwei: 90,
    };

    #[test]
    fn two_thirds_by_weight_are_a_quorum_and_the_absent_are_named() {
        let (root, members) = (Root::repeat_byte(7), members(&[30, 30, 30, 32]));
        let assemble = |bytes: &[u8], epoch| Quorum::assemble(&DEPLOYMENT, &members, Epoch(epoch), &signed(bytes, &root));
        let quorum = assemble(&[1, 3, 4], 5).unwrap();
        assert_eq!((quorum.absent.as_slice(), quorum.signed_gwei, quorum.advance), (&[2][..], 92, None));
        let keys: Vec<PublicKey> = [1, 3, 4].map(|byte| secret(byte).public_key()).into();
        assert!(quorum.signature.fast_aggregate_verify(&root.0, &keys));
        let call = quorum.post_call(&settlement().statement).unwrap();
        assert_eq!(call.abi_encode()[4 + 32 * 7..][..256], g2_words(&quorum.signature), "the signature follows the offset");

        assert_eq!(assemble(&[1, 4], 5), Err(NoQuorum::TooFew { signed_gwei: 62, total_gwei: 122 }));
        assert!(matches!(assemble(&[1, 2, 3, 4], 4), Err(NoQuorum::SetTooSmall { members: 0, .. })), "nobody counts yet");
    }

    #[test]
    fn signatures_of_strangers_and_of_former_keys_do_not_count() {
        let root = Root::repeat_byte(7);
        let mut signatures = signed(&[1, 2, 9], &root);
        let old = Signed { pubkey: secret(8).public_key().into(), ..signatures[&ValidatorIndex(2)] };
        signatures.insert(ValidatorIndex(2), old);
        let found = Quorum::assemble(&DEPLOYMENT, &members(&[30, 30, 30]), Epoch(5), &signatures);
        assert_eq!(found, Err(NoQuorum::TooFew { signed_gwei: 30, total_gwei: 90 }));
    }
}
