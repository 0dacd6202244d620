//! Builds signed beacon blocks: body as JSON by the Beacon API's mapping, bytes and roots by the schema.

use alloy_primitives::{B256, hex};
use quintet_beacon::randao::{DOMAIN_BEACON_PROPOSER, DOMAIN_RANDAO, mix_in};
use quintet_beacon::ssz::{SszType, View, from_json};
use quintet_beacon::{ExecutionPayloadParts, Fork};
use quintet_types::{Domain, Epoch, Root, SignatureBytes, Slot, ValidatorIndex, compute_domain};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::config::{DevnetConfig, DevnetError};
use crate::execution::ExecutionState;
use crate::validators::Validators;

/// A signature that aggregates nobody's: the point at infinity, valid for an empty sync aggregate.
const INFINITY: [u8; 96] = {
    let mut bytes = [0; 96];
    bytes[0] = 0xc0;
    bytes
};

/// A block with all that the chain and the server need of it.
#[derive(Debug, Clone)]
pub(crate) struct StoredBlock {
    pub(crate) slot: Slot,
    pub(crate) proposer: ValidatorIndex,
    pub(crate) root: Root,
    pub(crate) parent_root: Root,
    pub(crate) state_root: Root,
    pub(crate) body_root: Root,
    pub(crate) signature: SignatureBytes,
    /// RANDAO mix after the block.
    pub(crate) mix: B256,
    pub(crate) execution: ExecutionState,
    /// `SignedBeaconBlock` as SSZ.
    pub(crate) ssz: Vec<u8>,
}

/// Makes blocks of one network.
#[derive(Debug)]
pub(crate) struct BlockBuilder {
    signed_block: SszType,
    block: SszType,
    fork: Fork,
    sync_committee_bytes: usize,
    slots_per_epoch: u64,
    randao_domain: Domain,
    proposer_domain: Domain,
}

impl BlockBuilder {
    pub(crate) fn new(config: &DevnetConfig, genesis_validators_root: Root) -> Self {
        let schemas = quintet_beacon::schema::Schemas::new(config.preset);
        let domain = |kind| compute_domain(kind, config.fork_version(config.fork), genesis_validators_root);
        Self {
            signed_block: schemas.signed_block(config.fork),
            block: schemas.block(config.fork),
            fork: config.fork,
            sync_committee_bytes: (config.preset.sync_committee_size as usize).div_ceil(8),
            slots_per_epoch: config.preset.slots_per_epoch,
            randao_domain: domain(DOMAIN_RANDAO),
            proposer_domain: domain(DOMAIN_BEACON_PROPOSER),
        }
    }

    pub(crate) const fn fork(&self) -> Fork {
        self.fork
    }

    /// Type of the SSZ in [`StoredBlock::ssz`].
    pub(crate) const fn signed_block_type(&self) -> &SszType {
        &self.signed_block
    }

    /// The block at slot 0: unsigned, with the default payload.
    pub(crate) fn genesis(&self, execution: ExecutionState) -> Result<StoredBlock, DevnetError> {
        let body = self.body(&SignatureBytes::ZERO, &empty_payload());
        let mix = execution.block_hash;
        let header = Header { slot: Slot(0), proposer: ValidatorIndex(0), parent_root: Root::ZERO };
        self.finish(header, body, mix, execution, |_| SignatureBytes::ZERO)
    }

    /// The epoch of a slot.
    pub(crate) const fn epoch(&self, slot: Slot) -> Epoch {
        slot.epoch(self.slots_per_epoch)
    }

    /// A block on `parent` with the given payload.
    pub(crate) fn build(
        &self,
        slot: Slot,
        parent: &StoredBlock,
        validators: &Validators,
        payload: &ExecutionPayloadParts,
        execution: ExecutionState,
    ) -> Result<StoredBlock, DevnetError> {
        let proposer = validators.proposer(slot);
        let reveal = validators.reveal(proposer, self.epoch(slot), self.randao_domain);
        let body = self.body(&reveal, &payload_json(payload));
        let header = Header { slot, proposer, parent_root: parent.root };
        let mix = mix_in(parent.mix, &reveal);
        self.finish(header, body, mix, execution, |root| validators.sign(proposer, root, self.proposer_domain))
    }

    fn finish(
        &self,
        header: Header,
        body: Value,
        mix: B256,
        execution: ExecutionState,
        sign: impl FnOnce(Root) -> SignatureBytes,
    ) -> Result<StoredBlock, DevnetError> {
        // The beacon state is not simulated: its root only has to be different for each block.
        let state_root = Sha256::new()
            .chain_update(b"quintet devnet beacon state")
            .chain_update(header.parent_root)
            .chain_update(header.slot.0.to_le_bytes())
            .chain_update(execution.block_hash)
            .chain_update(mix)
            .finalize();
        let state_root = B256::from_slice(&state_root);
        let message = json!({
            "slot": header.slot, "proposer_index": header.proposer, "parent_root": header.parent_root,
            "state_root": state_root, "body": body,
        });
        let bytes = from_json(&self.block, &message)?;
        let view = View::new(&self.block, &bytes)?;
        let root = view.hash_tree_root()?;
        let body_root = view.field("body")?.hash_tree_root()?;
        let signature = sign(root);
        let ssz = from_json(&self.signed_block, &json!({"message": message, "signature": signature}))?;
        Ok(StoredBlock {
            slot: header.slot,
            proposer: header.proposer,
            root,
            parent_root: header.parent_root,
            state_root,
            body_root,
            signature,
            mix,
            execution,
            ssz,
        })
    }

    fn body(&self, reveal: &SignatureBytes, payload: &Value) -> Value {
        let mut graffiti = B256::ZERO;
        graffiti[..14].copy_from_slice(b"quintet devnet");
        json!({
            "randao_reveal": reveal,
            "eth1_data": {"deposit_root": B256::ZERO, "deposit_count": "0", "block_hash": B256::ZERO},
            "graffiti": graffiti,
            "proposer_slashings": [], "attester_slashings": [], "attestations": [], "deposits": [], "voluntary_exits": [],
            "sync_aggregate": {
                "sync_committee_bits": hex::encode_prefixed(vec![0; self.sync_committee_bytes]),
                "sync_committee_signature": hex::encode_prefixed(INFINITY),
            },
            "execution_payload": payload,
            "bls_to_execution_changes": [],
            "blob_kzg_commitments": [],
            "execution_requests": {"deposits": [], "withdrawals": [], "consolidations": []},
        })
    }
}

struct Header {
    slot: Slot,
    proposer: ValidatorIndex,
    parent_root: Root,
}

fn payload_json(payload: &ExecutionPayloadParts) -> Value {
    let withdrawals = payload.withdrawals.iter().flatten().map(|withdrawal| {
        json!({
            "index": withdrawal.index.to_string(), "validator_index": withdrawal.validator_index.to_string(),
            "address": withdrawal.address, "amount": withdrawal.amount.to_string(),
        })
    });
    json!({
        "parent_hash": payload.parent_hash, "fee_recipient": payload.fee_recipient, "state_root": payload.state_root,
        "receipts_root": payload.receipts_root, "logs_bloom": payload.logs_bloom, "prev_randao": payload.prev_randao,
        "block_number": payload.block_number.to_string(), "gas_limit": payload.gas_limit.to_string(),
        "gas_used": payload.gas_used.to_string(), "timestamp": payload.timestamp.to_string(),
        "extra_data": payload.extra_data, "base_fee_per_gas": payload.base_fee_per_gas.to_string(),
        "block_hash": payload.block_hash, "transactions": payload.transactions,
        "withdrawals": withdrawals.collect::<Vec<_>>(),
        "blob_gas_used": payload.blob_gas_used.unwrap_or_default().to_string(),
        "excess_blob_gas": payload.excess_blob_gas.unwrap_or_default().to_string(),
    })
}

/// The default `ExecutionPayload`, which the genesis block carries.
fn empty_payload() -> Value {
    let zero = B256::ZERO;
    json!({
        "parent_hash": zero, "fee_recipient": hex::encode_prefixed([0; 20]), "state_root": zero, "receipts_root": zero,
        "logs_bloom": hex::encode_prefixed([0; 256]), "prev_randao": zero, "block_number": "0", "gas_limit": "0",
        "gas_used": "0", "timestamp": "0", "extra_data": "0x", "base_fee_per_gas": "0", "block_hash": zero,
        "transactions": [], "withdrawals": [], "blob_gas_used": "0", "excess_blob_gas": "0",
    })
}
