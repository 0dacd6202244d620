//! Proofs of validator records under a block root of our own making, for chains without a beacon chain behind them.

use alloy_primitives::B256;
use quintet_staking::calls::{ValidatorProof, ValidatorRecord};
use sha2::{Digest as _, Sha256};

/// Levels of the list of validators.
const LIST_DEPTH: usize = 40;
/// `validators` is field 11 of a state of up to 64 fields.
const STATE_PLACE: (usize, usize) = (11, 6);
/// `state_root` is field 3 of a header of up to 8 fields.
const HEADER_PLACE: (usize, usize) = (3, 3);

fn node(left: B256, right: B256) -> B256 {
    B256::from_slice(&Sha256::new().chain_update(left).chain_update(right).finalize())
}

fn chunk(value: u64) -> B256 {
    let mut bytes = B256::ZERO;
    bytes[..8].copy_from_slice(&value.to_le_bytes());
    bytes
}

/// `hash_tree_root` of a record.
fn record_root(record: &ValidatorRecord) -> B256 {
    let key = &record.pubkey.0;
    let mut tail = B256::ZERO;
    tail[..16].copy_from_slice(&key[32..]);
    let chunks = [
        node(B256::from_slice(&key[..32]), tail),
        record.withdrawal_credentials,
        chunk(record.effective_balance),
        chunk(u64::from(record.slashed)),
        chunk(record.activation_eligibility_epoch),
        chunk(record.activation_epoch),
        chunk(record.exit_epoch),
        chunk(record.withdrawable_epoch),
    ];
    let pairs = |level: &[B256]| -> Vec<B256> { level.chunks(2).map(|pair| node(pair[0], pair[1])).collect() };
    pairs(&pairs(&pairs(&chunks)))[0]
}

/// Validators 0, 1, … with these records: a block root, and each one's proof under it. `timestamp` of the proofs is left at 0. All other fields of
/// state and header are zero.
#[must_use]
pub(super) fn simulated_proofs(records: &[ValidatorRecord]) -> (B256, Vec<ValidatorProof>) {
    let mut level: Vec<B256> = records.iter().map(record_root).collect();
    let mut branches = vec![Vec::new(); records.len()];
    let mut zero = B256::ZERO;
    for height in 0..LIST_DEPTH {
        for (index, branch) in branches.iter_mut().enumerate() {
            branch.push(level.get((index >> height) ^ 1).copied().unwrap_or(zero));
        }
        level = level.chunks(2).map(|pair| node(pair[0], pair.get(1).copied().unwrap_or(zero))).collect();
        zero = node(zero, zero);
    }
    let mut root = level.first().copied().unwrap_or(zero);
    let length = chunk(records.len() as u64);
    let mut above = vec![length];
    root = node(root, length);
    for (place, depth) in [STATE_PLACE, HEADER_PLACE] {
        let mut zero = B256::ZERO;
        for height in 0..depth {
            above.push(zero);
            root = if (place >> height) & 1 == 1 { node(zero, root) } else { node(root, zero) };
            zero = node(zero, zero);
        }
    }
    let proofs = records.iter().zip(branches).zip(0..).map(|((record, mut branch), index)| {
        branch.extend_from_slice(&above);
        ValidatorProof { timestamp: 0, index, validator: record.clone(), branch }
    });
    (root, proofs.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use quintet_types::PublicKeyBytes;

    fn record(byte: u8) -> ValidatorRecord {
        ValidatorRecord {
            pubkey: PublicKeyBytes::repeat_byte(byte),
            withdrawal_credentials: B256::repeat_byte(byte),
            effective_balance: 32_000_000_000,
            slashed: false,
            activation_eligibility_epoch: 0,
            activation_epoch: 0,
            exit_epoch: u64::MAX,
            withdrawable_epoch: u64::MAX,
        }
    }

    /// As `BeaconProof.check` of the contracts folds.
    fn fold(proof: &ValidatorProof) -> B256 {
        let path = u128::from(proof.index) | (11 << 41) | (3 << 47);
        proof.branch.iter().enumerate().fold(record_root(&proof.validator), |root, (height, sibling)| {
            if (path >> height) & 1 == 1 { node(*sibling, root) } else { node(root, *sibling) }
        })
    }

    #[test]
    fn every_record_leads_to_the_root_as_the_contract_goes() {
        for count in 1..6u8 {
            let records: Vec<_> = (1..=count).map(record).collect();
            let (root, proofs) = simulated_proofs(&records);
            assert_eq!(proofs.len(), usize::from(count));
            for proof in &proofs {
                assert_eq!((proof.branch.len(), fold(proof)), (50, root));
            }
        }
    }
}
