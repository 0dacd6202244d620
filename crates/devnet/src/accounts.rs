//! Execution accounts that send transactions with data to each other, with real signatures.

use alloy_consensus::{SignableTransaction as _, TxEip1559, TxEnvelope};
use alloy_primitives::{Address, Bytes, Signature, TxKind, U256};
use k256::ecdsa::SigningKey;
use sha2::{Digest as _, Sha256};

/// How many accounts take turns.
pub(crate) const ACCOUNTS: usize = 16;
/// Gas of a plain transfer.
const TRANSFER_GAS: u64 = 21_000;
/// Least gas of a byte of data that is not zero, after EIP-7623.
const DATA_GAS: u64 = 40;
const GWEI: u128 = 1_000_000_000;

/// A fixed set of accounts.
#[derive(Debug)]
pub(crate) struct Accounts {
    signers: Vec<(SigningKey, Address)>,
    chain_id: u64,
    calldata: usize,
}

/// Gas of a transaction with so many bytes of data, none of them zero, to an account without code.
pub(crate) const fn gas_of(calldata: usize) -> u64 {
    TRANSFER_GAS + DATA_GAS * calldata as u64
}

impl Accounts {
    /// Accounts drawn from a seed, whose transactions carry `calldata` bytes each.
    pub(crate) fn new(seed: u64, chain_id: u64, calldata: usize) -> Self {
        let mut signers = Vec::with_capacity(ACCOUNTS);
        let mut counter = 0u64;
        while signers.len() < ACCOUNTS {
            let digest = Sha256::new()
                .chain_update(b"quintet devnet account")
                .chain_update(seed.to_le_bytes())
                .chain_update(counter.to_le_bytes())
                .finalize();
            counter += 1;
            // One digest in 2^128 is not a key; the next is tried then.
            let Ok(key) = SigningKey::from_slice(&digest) else { continue };
            let point = key.verifying_key().to_encoded_point(false);
            let address = Address::from_raw_public_key(&point.as_bytes()[1..]);
            signers.push((key, address));
        }
        Self { signers, chain_id, calldata }
    }

    /// Transfers number `first` to `first + count` of a block, signed. `nonces` holds the next nonce of each account and
    /// is moved on.
    pub(crate) fn transfers(&self, count: usize, base_fee: u64, nonces: &mut [u64; ACCOUNTS]) -> Vec<TxEnvelope> {
        (0..count)
            .map(|position| {
                let from = position % ACCOUNTS;
                let (_, to) = self.signers[(from + 1 + position / ACCOUNTS) % ACCOUNTS];
                let transaction = TxEip1559 {
                    chain_id: self.chain_id,
                    nonce: nonces[from],
                    gas_limit: gas_of(self.calldata),
                    max_fee_per_gas: 2 * u128::from(base_fee) + GWEI,
                    max_priority_fee_per_gas: GWEI,
                    to: TxKind::Call(to),
                    value: U256::from(1_000 + position),
                    access_list: Default::default(),
                    input: self.data(nonces[from], position),
                };
                nonces[from] += 1;
                let signature = self.sign(from, &transaction);
                transaction.into_signed(signature).into()
            })
            .collect()
    }

    /// Bytes that differ from transaction to transaction, none of them zero.
    fn data(&self, nonce: u64, position: usize) -> Bytes {
        let start = nonce as usize + position;
        (start..start + self.calldata).map(|place| (place % 255) as u8 + 1).collect()
    }

    fn sign(&self, from: usize, transaction: &TxEip1559) -> Signature {
        let (signature, recovery) = self.signers[from]
            .0
            .sign_prehash_recoverable(transaction.signature_hash().as_slice())
            .expect("RFC 6979 signing of a 32-byte prehash cannot fail");
        let (r, s) = (signature.r().to_bytes(), signature.s().to_bytes());
        Signature::new(U256::from_be_slice(&r), U256::from_be_slice(&s), recovery.is_y_odd())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_consensus::Transaction as _;
    use k256::ecdsa::{RecoveryId, VerifyingKey};

    #[test]
    fn transfers_are_signed_by_their_senders_with_rising_nonces() {
        let accounts = Accounts::new(7, 1337, 3);
        let mut nonces = [0; ACCOUNTS];
        let transfers = accounts.transfers(20, 5, &mut nonces);
        for (position, transfer) in transfers.iter().enumerate() {
            let TxEnvelope::Eip1559(signed) = transfer else { panic!("{transfer:?}") };
            let signature = signed.signature();
            let bytes = [signature.r().to_be_bytes::<32>(), signature.s().to_be_bytes::<32>()].concat();
            let key = VerifyingKey::recover_from_prehash(
                signed.signature_hash().as_slice(),
                &k256::ecdsa::Signature::from_slice(&bytes).unwrap(),
                RecoveryId::new(signature.v(), false),
            )
            .unwrap();
            assert_eq!(&key, accounts.signers[position % ACCOUNTS].0.verifying_key());
            assert_eq!(transfer.nonce(), (position / ACCOUNTS) as u64);
            assert_eq!((transfer.input().len(), transfer.gas_limit()), (3, 21_120));
            assert!(transfer.input().iter().all(|byte| *byte != 0));
        }
        assert_eq!((nonces[0], nonces[ACCOUNTS - 1]), (2, 1));
    }
}
