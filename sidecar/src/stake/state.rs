//! The beacon state of Electra and Fulu as a schema, and the way from one of its validators up to a block root.

use alloy_primitives::B256;
use anyhow::{Context as _, bail, ensure};
use quintet_beacon::{
    Fork, Preset,
    schema::block_header,
    ssz::{Limit, SszType, View, root},
};
use quintet_staking::calls::{ValidatorProof, ValidatorRecord};
use quintet_types::PublicKeyBytes;
use sha2::{Digest as _, Sha256};

/// Levels of the list of validators.
const LIST_DEPTH: usize = 40;
const U64: SszType = SszType::Uint(8);
const ROOT: SszType = SszType::Bytes(32);
const PUBKEY: SszType = SszType::Bytes(48);

fn validator() -> SszType {
    let fields = vec![
        ("pubkey", PUBKEY),
        ("withdrawal_credentials", ROOT),
        ("effective_balance", U64),
        ("slashed", SszType::Bool),
        ("activation_eligibility_epoch", U64),
        ("activation_epoch", U64),
        ("exit_epoch", U64),
        ("withdrawable_epoch", U64),
    ];
    SszType::container("Validator", fields)
}

fn payload_header() -> SszType {
    let fields = vec![
        ("parent_hash", ROOT),
        ("fee_recipient", SszType::Bytes(20)),
        ("state_root", ROOT),
        ("receipts_root", ROOT),
        ("logs_bloom", SszType::Bytes(256)),
        ("prev_randao", ROOT),
        ("block_number", U64),
        ("gas_limit", U64),
        ("gas_used", U64),
        ("timestamp", U64),
        ("extra_data", SszType::ByteList(Limit::Max(32))),
        ("base_fee_per_gas", SszType::Uint(32)),
        ("block_hash", ROOT),
        ("transactions_root", ROOT),
        ("withdrawals_root", ROOT),
        ("blob_gas_used", U64),
        ("excess_blob_gas", U64),
    ];
    SszType::container("ExecutionPayloadHeader", fields)
}

/// `BeaconState`.
fn beacon_state(fork: Fork, preset: &Preset) -> anyhow::Result<SszType> {
    // These are not among the sizes that blocks need.
    let minimal = preset.slots_per_historical_root == Preset::MINIMAL.slots_per_historical_root;
    let (slashings, voting_epochs) = if minimal { (64, 4) } else { (8192, 64) };
    let (withdrawals, consolidations) = if minimal { (64, 64) } else { (1 << 27, 1 << 18) };
    let size = |size: u64| usize::try_from(size).context("a vector of this size");
    let list = |element, max| SszType::list(element, Limit::Max(max));
    let validators = |element| list(element, 1 << LIST_DEPTH);
    let roots = || anyhow::Ok(SszType::vector(ROOT, size(preset.slots_per_historical_root)?));
    let checkpoint = || SszType::container("Checkpoint", vec![("epoch", U64), ("root", ROOT)]);
    let committee = || {
        let keys = SszType::vector(PUBKEY, size(preset.sync_committee_size)?);
        anyhow::Ok(SszType::container("SyncCommittee", vec![("pubkeys", keys), ("aggregate_pubkey", PUBKEY)]))
    };
    let eth1 = || SszType::container("Eth1Data", vec![("deposit_root", ROOT), ("deposit_count", U64), ("block_hash", ROOT)]);
    let version = || SszType::Bytes(4);
    let mut fields = vec![
        ("genesis_time", U64),
        ("genesis_validators_root", ROOT),
        ("slot", U64),
        (
            "fork",
            SszType::container("Fork", vec![("previous_version", version()), ("current_version", version()), ("epoch", U64)]),
        ),
        ("latest_block_header", block_header()),
        ("block_roots", roots()?),
        ("state_roots", roots()?),
        ("historical_roots", list(ROOT, 1 << 24)),
        ("eth1_data", eth1()),
        ("eth1_data_votes", list(eth1(), voting_epochs * preset.slots_per_epoch)),
        ("eth1_deposit_index", U64),
        ("validators", validators(validator())),
        ("balances", validators(U64)),
        ("randao_mixes", SszType::vector(ROOT, size(preset.epochs_per_historical_vector)?)),
        ("slashings", SszType::vector(U64, slashings)),
        ("previous_epoch_participation", validators(SszType::Uint(1))),
        ("current_epoch_participation", validators(SszType::Uint(1))),
        ("justification_bits", SszType::Bitvector(4)),
        ("previous_justified_checkpoint", checkpoint()),
        ("current_justified_checkpoint", checkpoint()),
        ("finalized_checkpoint", checkpoint()),
        ("inactivity_scores", validators(U64)),
        ("current_sync_committee", committee()?),
        ("next_sync_committee", committee()?),
        ("latest_execution_payload_header", payload_header()),
        ("next_withdrawal_index", U64),
        ("next_withdrawal_validator_index", U64),
        (
            "historical_summaries",
            list(
                SszType::container("HistoricalSummary", vec![("block_summary_root", ROOT), ("state_summary_root", ROOT)]),
                1 << 24,
            ),
        ),
        ("deposit_requests_start_index", U64),
        ("deposit_balance_to_consume", U64),
        ("exit_balance_to_consume", U64),
        ("earliest_exit_epoch", U64),
        ("consolidation_balance_to_consume", U64),
        ("earliest_consolidation_epoch", U64),
        ("pending_deposits", list(pending_deposit(), 1 << 27)),
        (
            "pending_partial_withdrawals",
            list(
                SszType::container(
                    "PendingPartialWithdrawal",
                    vec![("validator_index", U64), ("amount", U64), ("withdrawable_epoch", U64)],
                ),
                withdrawals,
            ),
        ),
        (
            "pending_consolidations",
            list(
                SszType::container("PendingConsolidation", vec![("source_index", U64), ("target_index", U64)]),
                consolidations,
            ),
        ),
    ];
    match fork {
        Fork::Electra => {}
        Fork::Fulu => fields.push(("proposer_lookahead", SszType::vector(U64, size(2 * preset.slots_per_epoch)?))),
        other => bail!("the contract reads states of Electra and Fulu; this one is of {other}"),
    }
    Ok(SszType::container("BeaconState", fields))
}

fn pending_deposit() -> SszType {
    let fields = vec![
        ("pubkey", PUBKEY),
        ("withdrawal_credentials", ROOT),
        ("amount", U64),
        ("signature", SszType::Bytes(96)),
        ("slot", U64),
    ];
    SszType::container("PendingDeposit", fields)
}

fn node(left: B256, right: B256) -> B256 {
    B256::from_slice(&Sha256::new().chain_update(left).chain_update(right).finalize())
}

/// Adds to `branch` the siblings of leaf `place` in a tree of `depth` levels, and returns the tree's root.
fn climb(mut level: Vec<B256>, place: usize, depth: usize, branch: &mut Vec<B256>) -> B256 {
    let mut zero = B256::ZERO;
    for height in 0..depth {
        branch.push(level.get((place >> height) ^ 1).copied().unwrap_or(zero));
        level = level.chunks(2).map(|pair| node(pair[0], pair.get(1).copied().unwrap_or(zero))).collect();
        zero = node(zero, zero);
    }
    level.first().copied().unwrap_or(zero)
}

/// Roots of a container's fields.
fn field_roots(ty: &SszType, view: &View<'_>) -> anyhow::Result<Vec<B256>> {
    let SszType::Container(container) = ty else { bail!("a container") };
    container.fields.iter().map(|(name, _)| Ok(view.field(name)?.hash_tree_root()?)).collect()
}

/// A validator of a state.
#[derive(Clone, Copy, Debug)]
pub(super) enum Which {
    /// By its place.
    Index(usize),
    /// By its key.
    Key(PublicKeyBytes),
}

/// The proof of a validator under the block root of `header` (SSZ), whose state is `state` (SSZ). `timestamp` is that of the execution block
/// which knows the root.
///
/// # Errors
/// If the state is not the header's, or has no such validator.
pub(super) fn prove(
    (fork, preset): (Fork, &Preset),
    header: &[u8],
    state: &[u8],
    which: Which,
    timestamp: u64,
) -> anyhow::Result<ValidatorProof> {
    let ty = beacon_state(fork, preset)?;
    let view = View::new(&ty, state).context("the node's state")?;
    let validators = view.field("validators")?.items()?;
    let index = match which {
        Which::Index(index) => index,
        Which::Key(key) => {
            let is_it = |record: &View<'_>| record.field("pubkey").is_ok_and(|field| field.as_bytes() == key.0);
            validators.iter().position(is_it).with_context(|| format!("the state has no validator with key {key}"))?
        }
    };
    let record = validators.get(index).with_context(|| format!("the state has {} validators", validators.len()))?;
    let record = read(record)?;
    let mut branch = Vec::with_capacity(50);
    let leaves = validators.iter().map(View::hash_tree_root).collect::<Result<Vec<_>, _>>()?;
    let list = climb(leaves, index, LIST_DEPTH, &mut branch);
    let mut length = B256::ZERO;
    length[..8].copy_from_slice(&(validators.len() as u64).to_le_bytes());
    branch.push(length);

    let fields = field_roots(&ty, &view)?;
    let SszType::Container(container) = &ty else { bail!("a state is a container") };
    let place = container.fields.iter().position(|(name, _)| *name == "validators").context("validators")?;
    ensure!(fields[place] == node(list, length), "the list of validators has two roots");
    let state_root = climb(fields, place, 6, &mut branch);

    let header_type = block_header();
    let header = View::new(&header_type, header).context("the node's header")?;
    let expected = header.field("state_root")?.to_b256()?;
    ensure!(state_root == expected, "the node's state has root {state_root}, the header's is {expected}");
    let block_root = climb(field_roots(&header_type, &header)?, 3, 3, &mut branch);
    ensure!(block_root == root(&header_type, header.as_bytes())?, "the header has two roots");
    Ok(ValidatorProof { timestamp, index: index as u64, validator: record, branch })
}

fn read(record: &View<'_>) -> anyhow::Result<ValidatorRecord> {
    let number = |name| anyhow::Ok(record.field(name)?.to_u64()?);
    Ok(ValidatorRecord {
        pubkey: record.field("pubkey")?.to_fixed::<48>()?.0.into(),
        withdrawal_credentials: record.field("withdrawal_credentials")?.to_b256()?,
        effective_balance: number("effective_balance")?,
        slashed: number("slashed")? != 0,
        activation_eligibility_epoch: number("activation_eligibility_epoch")?,
        activation_epoch: number("activation_epoch")?,
        exit_epoch: number("exit_epoch")?,
        withdrawable_epoch: number("withdrawable_epoch")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use quintet_beacon::ssz::from_json;
    use serde_json::Value;

    /// States and proofs written with Lodestar's types by `contracts/fixtures/beacon/state.mjs`.
    const FIXTURES: [(Fork, &[u8], &str); 2] = [
        (
            Fork::Electra,
            include_bytes!("fixtures/state-electra-minimal.ssz"),
            include_str!("fixtures/state-electra-minimal.json"),
        ),
        (Fork::Fulu, include_bytes!("fixtures/state-fulu-minimal.ssz"), include_str!("fixtures/state-fulu-minimal.json")),
    ];

    #[test]
    fn branches_are_those_of_a_consensus_client() {
        for (fork, state, text) in FIXTURES {
            let expected: Value = serde_json::from_str(text).unwrap();
            let header = from_json(&block_header(), &expected["header"]).unwrap();
            for proof in expected["proofs"].as_array().unwrap() {
                let index = usize::try_from(proof["index"].as_u64().unwrap()).unwrap();
                let made = prove((fork, &Preset::MINIMAL), &header, state, Which::Index(index), 5).unwrap();
                let same = prove((fork, &Preset::MINIMAL), &header, state, Which::Key(made.validator.pubkey), 5).unwrap();
                assert_eq!(same, made);
                let branch: Vec<B256> = serde_json::from_value(proof["branch"].clone()).unwrap();
                assert_eq!(made.branch, branch, "{fork}");
                assert_eq!((made.timestamp, made.index, made.validator.activation_epoch), (5, index as u64, 2 + index as u64));
            }
            assert!(prove((fork, &Preset::MINIMAL), &header, state, Which::Index(7), 5).is_err(), "seven validators");
            let stranger = Which::Key(PublicKeyBytes::repeat_byte(1));
            assert!(
                prove((fork, &Preset::MINIMAL), &header, state, stranger, 5).unwrap_err().to_string().contains("no validator")
            );
        }
    }

    #[test]
    fn a_state_of_another_block_is_refused() {
        let (fork, state, text) = FIXTURES[1];
        let expected: Value = serde_json::from_str(text).unwrap();
        let header = from_json(&block_header(), &expected["header"]).unwrap();
        let mut other = state.to_vec();
        other[41] ^= 1;
        let error = prove((fork, &Preset::MINIMAL), &header, &other, Which::Index(0), 5).unwrap_err().to_string();
        assert!(error.starts_with("the node's state has root"), "{error}");
        assert!(prove((Fork::Deneb, &Preset::MINIMAL), &header, state, Which::Index(0), 5).is_err());
    }
}
