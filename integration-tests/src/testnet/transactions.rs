//! Signed transactions for the execution client: transfers, and a contract that is created once and called in every slot.

use std::time::Duration;

use alloy_consensus::{SignableTransaction as _, TxEip1559, TxEnvelope};
use alloy_eips::Encodable2718 as _;
use alloy_primitives::{Address, Bytes, Signature, TxKind, U256, hex};
use anyhow::Context as _;
use k256::ecdsa::SigningKey;
use reqwest::Client;
use serde_json::json;

use super::rpc::{call, http, quantity};

/// The key of the first account of Ethereum's development tools, which the genesis files endow.
const DEVELOPMENT_KEY: [u8; 32] = hex!("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80");
/// Creates a contract that adds one to its first storage slot when called:
/// ten bytes of `SSTORE(0, SLOAD(0) + 1)`, and the code that returns them.
const COUNTER: [u8; 19] = hex!("6960005460010160005500600052600a6016f3");
/// Half slots after which waiting transactions count as lost.
const LONG_WAIT: u32 = 32;
const GWEI: u128 = 1_000_000_000;

/// What is sent.
#[derive(Clone, Copy, Debug)]
pub struct Traffic {
    /// Transfers in each slot, besides one call of the contract.
    pub transfers: u64,
    /// Length of a slot.
    pub slot: Duration,
}

#[derive(Debug)]
struct Sender {
    http: Client,
    url: String,
    key: SigningKey,
    address: Address,
    chain_id: u64,
    next_nonce: u64,
    /// Half slots for which too many transactions waited.
    held_back: u32,
    contract: Option<Address>,
}

/// Sends for ever, half of a slot's transactions every half slot. An execution client that does not answer is tried again.
///
/// # Errors
/// Only if there can be no HTTP client.
pub(super) async fn send(url: String, traffic: Traffic) -> anyhow::Result<()> {
    let key = SigningKey::from_slice(&DEVELOPMENT_KEY).context("the development key is one")?;
    let address = Address::from_raw_public_key(&key.verifying_key().to_encoded_point(false).as_bytes()[1..]);
    let mut sender = Sender { http: http()?, url, key, address, chain_id: 0, next_nonce: 0, held_back: 0, contract: None };
    let mut ticks = tokio::time::interval(traffic.slot / 2);
    for half in 0u64.. {
        ticks.tick().await;
        let transfers = (traffic.transfers + half % 2) / 2;
        if let Err(error) = sender.send(transfers, half % 2 == 0, 2 * traffic.transfers).await {
            tracing::debug!(%error, "transactions not sent");
        }
    }
    Ok(())
}

impl Sender {
    /// Sends transfers, and a call of the contract if `call_contract`, unless more than `most_waiting` transactions wait for a
    /// block. If they wait for long, some got lost, and all are sent again.
    async fn send(&mut self, transfers: u64, call_contract: bool, most_waiting: u64) -> anyhow::Result<()> {
        if self.chain_id == 0 {
            self.chain_id = quantity(&call(&self.http, &self.url, "eth_chainId", json!([])).await?)?;
        }
        let params = json!([self.address, "latest"]);
        let mined = quantity(&call(&self.http, &self.url, "eth_getTransactionCount", params).await?)?;
        if self.next_nonce > mined + most_waiting && self.held_back < LONG_WAIT {
            self.held_back += 1;
            return Ok(());
        }
        if self.next_nonce < mined || self.held_back == LONG_WAIT {
            self.next_nonce = mined;
        }
        self.held_back = 0;
        for number in 0..transfers {
            let to = Address::with_last_byte(0x80 | (number % 8) as u8);
            self.post(TxKind::Call(to), U256::from(1_000 + number), &[], 21_000).await?;
        }
        match self.contract {
            Some(contract) if call_contract => self.post(TxKind::Call(contract), U256::ZERO, &[], 60_000).await,
            Some(_) => Ok(()),
            None => {
                self.contract = Some(self.address.create(self.next_nonce));
                self.post(TxKind::Create, U256::ZERO, &COUNTER, 200_000).await
            }
        }
    }

    async fn post(&mut self, to: TxKind, value: U256, input: &[u8], gas_limit: u64) -> anyhow::Result<()> {
        let nonce = self.next_nonce;
        self.next_nonce += 1;
        let transaction = TxEip1559 {
            chain_id: self.chain_id,
            nonce,
            gas_limit,
            max_fee_per_gas: 20 * GWEI,
            max_priority_fee_per_gas: GWEI,
            to,
            value,
            access_list: Default::default(),
            input: Bytes::copy_from_slice(input),
        };
        let (signature, recovery) = self.key.sign_prehash_recoverable(transaction.signature_hash().as_slice())?;
        let (r, s) = (signature.r().to_bytes(), signature.s().to_bytes());
        let signature = Signature::new(U256::from_be_slice(&r), U256::from_be_slice(&s), recovery.is_y_odd());
        let signed: TxEnvelope = transaction.into_signed(signature).into();
        let raw = hex::encode_prefixed(signed.encoded_2718());
        if let Err(error) = call(&self.http, &self.url, "eth_sendRawTransaction", json!([raw])).await {
            tracing::debug!(nonce, %error, "transaction refused");
        }
        Ok(())
    }
}
