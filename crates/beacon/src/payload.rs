//! The execution payload of a block, and the execution block hash that follows from it.

use alloy_consensus::Header;
use alloy_consensus::constants::EMPTY_OMMER_ROOT_HASH;
use alloy_eips::eip4895::Withdrawal;
use alloy_eips::eip7685::Requests;
use alloy_primitives::{Address, B64, B256, Bloom, Bytes, U256, keccak256};

use crate::decode::DecodeError;
use crate::fork::Fork;
use crate::requests::execution_requests;
use crate::ssz::View;

/// All that an execution block header is made of, with the raw transactions and withdrawals that its roots commit to.
///
/// Complete for Bellatrix to Fulu; Gloas adds the block access list and the slot number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecutionPayloadParts {
    /// Hash of the parent execution block.
    pub parent_hash: B256,
    /// Who receives the priority fees.
    pub fee_recipient: Address,
    /// State root after the block.
    pub state_root: B256,
    /// Receipts root.
    pub receipts_root: B256,
    /// Bloom filter over the logs.
    pub logs_bloom: Bloom,
    /// RANDAO mix *before* the block's own reveal.
    pub prev_randao: B256,
    /// Block number.
    pub block_number: u64,
    /// Gas limit.
    pub gas_limit: u64,
    /// Gas used.
    pub gas_used: u64,
    /// Unix time, in seconds.
    pub timestamp: u64,
    /// At most 32 bytes of the builder's choice.
    pub extra_data: Bytes,
    /// Base fee, in wei per gas.
    pub base_fee_per_gas: U256,
    /// Block hash as the beacon block claims it; [`Self::verify_block_hash`] recomputes it.
    pub block_hash: B256,
    /// Transactions as EIP-2718 envelopes.
    pub transactions: Vec<Bytes>,
    /// Withdrawals, from Capella on.
    pub withdrawals: Option<Vec<Withdrawal>>,
    /// Blob gas used, from Deneb on.
    pub blob_gas_used: Option<u64>,
    /// Excess blob gas, from Deneb on.
    pub excess_blob_gas: Option<u64>,
    /// Root of the parent beacon block, from Deneb on.
    pub parent_beacon_block_root: Option<B256>,
    /// Execution requests as EIP-7685 entries (type byte first, empty ones left out), from Electra on.
    pub execution_requests: Option<Requests>,
    /// RLP of the block access list (EIP-7928), from Gloas on.
    pub block_access_list: Option<Bytes>,
    /// Slot number in the header (EIP-7843), from Gloas on.
    pub slot_number: Option<u64>,
}

impl ExecutionPayloadParts {
    /// Reads a payload, its sibling `requests` and the parent beacon block root out of SSZ.
    pub(crate) fn read(
        fork: Fork,
        payload: View<'_>,
        requests: Option<View<'_>>,
        parent_beacon_block_root: B256,
    ) -> Result<Self, DecodeError> {
        let root = |name| payload.field(name)?.to_b256();
        let integer = |name| payload.field(name)?.to_u64();
        let optional = |name| payload.find(name)?.map(|view| view.to_u64()).transpose();
        let withdrawals = match payload.find("withdrawals")? {
            None => None,
            Some(list) => Some(list.items()?.iter().map(read_withdrawal).collect::<Result<_, _>>()?),
        };
        Ok(Self {
            parent_hash: root("parent_hash")?,
            fee_recipient: payload.field("fee_recipient")?.to_address()?,
            state_root: root("state_root")?,
            receipts_root: root("receipts_root")?,
            logs_bloom: Bloom(payload.field("logs_bloom")?.to_fixed()?),
            prev_randao: root("prev_randao")?,
            block_number: integer("block_number")?,
            gas_limit: integer("gas_limit")?,
            gas_used: integer("gas_used")?,
            timestamp: integer("timestamp")?,
            extra_data: payload.field("extra_data")?.to_bytes(),
            base_fee_per_gas: payload.field("base_fee_per_gas")?.to_u256()?,
            block_hash: root("block_hash")?,
            transactions: payload.field("transactions")?.items()?.iter().map(View::to_bytes).collect(),
            withdrawals,
            blob_gas_used: optional("blob_gas_used")?,
            excess_blob_gas: optional("excess_blob_gas")?,
            parent_beacon_block_root: (fork >= Fork::Deneb).then_some(parent_beacon_block_root),
            execution_requests: requests.map(|view| execution_requests(&view)).transpose()?,
            block_access_list: payload.find("block_access_list")?.map(|view| view.to_bytes()),
            slot_number: optional("slot_number")?,
        })
    }

    /// Root of the transaction trie.
    #[must_use]
    pub fn transactions_root(&self) -> B256 {
        alloy_consensus::proofs::ordered_trie_root_encoded(&self.transactions)
    }

    /// Root of the withdrawal trie, from Capella on.
    #[must_use]
    pub fn withdrawals_root(&self) -> Option<B256> {
        self.withdrawals.as_deref().map(alloy_consensus::proofs::calculate_withdrawals_root)
    }

    /// EIP-7685 hash over the execution requests, from Electra on.
    #[must_use]
    pub fn requests_hash(&self) -> Option<B256> {
        self.execution_requests.as_ref().map(Requests::requests_hash)
    }

    /// The execution block header.
    ///
    /// # Errors
    /// When the base fee does not fit 64 bits, which no header of a real chain reaches.
    pub fn header(&self) -> Result<Header, DecodeError> {
        let base_fee = u64::try_from(self.base_fee_per_gas).map_err(|_| DecodeError::BaseFee(self.base_fee_per_gas))?;
        Ok(Header {
            parent_hash: self.parent_hash,
            ommers_hash: EMPTY_OMMER_ROOT_HASH,
            beneficiary: self.fee_recipient,
            state_root: self.state_root,
            transactions_root: self.transactions_root(),
            receipts_root: self.receipts_root,
            logs_bloom: self.logs_bloom,
            // Zero since the merge (EIP-3675).
            difficulty: U256::ZERO,
            nonce: B64::ZERO,
            number: self.block_number,
            gas_limit: self.gas_limit,
            gas_used: self.gas_used,
            timestamp: self.timestamp,
            extra_data: self.extra_data.clone(),
            mix_hash: self.prev_randao,
            base_fee_per_gas: Some(base_fee),
            withdrawals_root: self.withdrawals_root(),
            blob_gas_used: self.blob_gas_used,
            excess_blob_gas: self.excess_blob_gas,
            parent_beacon_block_root: self.parent_beacon_block_root,
            requests_hash: self.requests_hash(),
            block_access_list_hash: self.block_access_list.as_ref().map(keccak256),
            slot_number: self.slot_number,
        })
    }

    /// RLP of the execution block header.
    ///
    /// # Errors
    /// As [`Self::header`].
    pub fn header_rlp(&self) -> Result<Vec<u8>, DecodeError> {
        Ok(alloy_rlp::encode(self.header()?))
    }

    /// keccak of the header's RLP: the block hash that the parts lead to.
    ///
    /// # Errors
    /// As [`Self::header`].
    pub fn compute_block_hash(&self) -> Result<B256, DecodeError> {
        Ok(keccak256(self.header_rlp()?))
    }

    /// Checks that the parts lead to the block hash that the beacon block claims.
    ///
    /// # Errors
    /// [`DecodeError::BlockHash`] when they do not.
    pub fn verify_block_hash(&self) -> Result<(), DecodeError> {
        let computed = self.compute_block_hash()?;
        if computed == self.block_hash { Ok(()) } else { Err(DecodeError::BlockHash { claimed: self.block_hash, computed }) }
    }
}

fn read_withdrawal(view: &View<'_>) -> Result<Withdrawal, DecodeError> {
    Ok(Withdrawal {
        index: view.field("index")?.to_u64()?,
        validator_index: view.field("validator_index")?.to_u64()?,
        address: view.field("address")?.to_address()?,
        amount: view.field("amount")?.to_u64()?,
    })
}
