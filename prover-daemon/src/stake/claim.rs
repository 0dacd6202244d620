//! `quintet-prover stake claim`: the leaf comes from a gateway, the contract checks it.

use std::time::Duration;

use alloy_sol_types::SolValue as _;
use anyhow::{Context as _, bail, ensure};
use clap::Args;
use quintet_api::GatewayClient;
use quintet_keys::PublicKey;
use quintet_staking::{
    AccountKind, Leaf,
    bindings::{ProverRegistry, Settlement},
    calls,
    cli::carry_out,
};

use super::{Prover, Which, With};

/// How long a gateway may take.
const TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Debug, Args)]
pub(super) struct Claim {
    #[command(flatten)]
    prover: Which,
    /// Gateway that has the settlement's leaves.
    #[arg(long, value_name = "URL", env = "QUINTET_GATEWAYS", value_delimiter = ',', required = true)]
    gateway: Vec<String>,
    /// Number of the settlement; the newest that was posted if absent.
    #[arg(long, value_name = "NUMBER")]
    settlement: Option<u64>,
    #[command(flatten)]
    with: With,
}

impl Claim {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let (deployment, sender) = self.with.chain.sender(&self.with.account, &self.with.send).await?;
        let reader = sender.reader();
        let index = self.prover.index(&reader, deployment.prover_registry).await?;
        let key = match &self.prover.prover {
            Prover::Key(key) => *key,
            Prover::Index(_) => {
                let call = ProverRegistry::getProverCall { index: index.0 };
                key_of(&reader.call(deployment.prover_registry, &call).await?.key)?
            }
        };
        let mut refusal = None;
        let mut found = None;
        for url in &self.gateway {
            match GatewayClient::new(url, TIMEOUT)?.claim(&key.into(), self.settlement).await {
                Ok(claim) => {
                    found = Some(claim);
                    break;
                }
                Err(error) => refusal = Some(error),
            }
        }
        let Some(claim) = found else {
            bail!(refusal.map_or_else(|| anyhow::anyhow!("no gateway is named"), anyhow::Error::from));
        };
        ensure!(
            claim.chain_id == deployment.chain_id && claim.contract.0 == deployment.settlement.0.0,
            "the gateway settles on chain {} with contract {}, not on {} with {}",
            claim.chain_id,
            claim.contract,
            deployment.chain_id,
            deployment.settlement
        );
        let amount = |value: i128| u128::try_from(value).context("the gateway gives a negative amount");
        let leaf = Leaf {
            kind: AccountKind::Prover,
            index: index.0,
            rewards: amount(claim.leaf.rewards.0)?,
            penalties: amount(claim.leaf.penalties.0)?,
        };
        let proof = claim.leaf.proof.iter().map(|root| root.0.into()).collect();
        let request = calls::claim(deployment.settlement, claim.settlement, &leaf, proof);
        let done = carry_out(&sender, &request, &self.with.send).await?;
        let Some(receipt) = done.receipt() else { return Ok(()) };
        let ether = alloy_primitives::utils::format_ether;
        if let Some(event) = receipt.event::<Settlement::Claimed>(deployment.settlement) {
            eprintln!(
                "{} ETH paid to {}; {} ETH were set off against penalties",
                ether(event.amount),
                event.to,
                ether(event.setOff)
            );
        }
        if let Some(event) = receipt.event::<Settlement::PenaltyCollected>(deployment.settlement) {
            eprintln!(
                "{} ETH of penalties taken from the stake, {} ETH still owed",
                ether(event.amount),
                ether(event.stillOwed)
            );
        }
        Ok(())
    }
}

/// The key of a point as the contract keeps it: 64 bytes a coordinate, of which the first 16 are zero.
fn key_of(point: &ProverRegistry::G1Point) -> anyhow::Result<PublicKey> {
    let words = point.abi_encode();
    let plain: Vec<u8> = words.chunks_exact(64).flat_map(|padded| &padded[16..]).copied().collect();
    // One of the two points with this x; the flag says which, and the compressed form has no other trace of y.
    let candidates = [0x80, 0xa0].into_iter().filter_map(|flags| {
        let mut bytes: [u8; 48] = plain.get(..48)?.try_into().ok()?;
        bytes[0] |= flags;
        PublicKey::from_bytes(&bytes).ok()
    });
    let mut candidates = candidates.filter(|key| key.to_uncompressed()[..] == plain);
    candidates.next().context("the contract's point is no key")
}

#[cfg(test)]
mod tests {
    use super::*;
    use quintet_keys::SecretKey;
    use quintet_staking::g1_words;

    #[test]
    fn a_point_of_the_contract_is_its_key() {
        for byte in 1..9 {
            let key = SecretKey::from_bytes(&[byte; 32]).unwrap().public_key();
            let point = ProverRegistry::G1Point::abi_decode(&g1_words(&key)).unwrap();
            assert_eq!(key_of(&point).unwrap(), key);
        }
    }
}
