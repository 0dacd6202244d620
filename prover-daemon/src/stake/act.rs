//! What owners do with a stake: register, add, pause, leave, withdraw.

use alloy_primitives::Address;
use quintet_staking::{
    bindings::ProverRegistry as Abi,
    calls,
    cli::carry_out,
    tx::{Receipt, Request},
};
use quintet_types::ProverIndex;

use super::{Act, Deposit, TopUp, stake_key};

impl Deposit {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let key = stake_key(&self.stake_key, &self.password_file)?;
        let (deployment, sender) = self.with.chain.sender(&self.with.account, &self.with.send).await?;
        let (registry, owner) = (deployment.prover_registry, sender.account());
        let to = self.withdrawal_address.unwrap_or(owner);
        let request = calls::register(registry, deployment.chain_id, owner, &key, to, self.amount);
        let done = carry_out(&sender, &request, &self.with.send).await?;
        if let Some(registered) = done.receipt().and_then(|receipt| receipt.event::<Abi::Registered>(registry)) {
            eprintln!(
                "prover {} is registered; it can be drawn from epoch {} on",
                registered.index, registered.activationEpoch
            );
        }
        Ok(())
    }
}

impl TopUp {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let (deployment, sender) = self.with.chain.sender(&self.with.account, &self.with.send).await?;
        let registry = deployment.prover_registry;
        let index = self.prover.index(&sender.reader(), registry).await?;
        let done = carry_out(&sender, &calls::top_up(registry, index, self.amount), &self.with.send).await?;
        tell(done.receipt(), registry);
        Ok(())
    }
}

impl Act {
    pub(super) async fn run(self, request: impl Fn(Address, ProverIndex) -> Request) -> anyhow::Result<()> {
        let (deployment, sender) = self.with.chain.sender(&self.with.account, &self.with.send).await?;
        let registry = deployment.prover_registry;
        let index = self.prover.index(&sender.reader(), registry).await?;
        let done = carry_out(&sender, &request(registry, index), &self.with.send).await?;
        tell(done.receipt(), registry);
        Ok(())
    }
}

/// What the contract says about when it counts.
fn tell(receipt: Option<&Receipt>, registry: Address) {
    let Some(receipt) = receipt else { return };
    let ether = alloy_primitives::utils::format_ether;
    if let Some(event) = receipt.event::<Abi::ToppedUp>(registry) {
        eprintln!("the stake is {} ETH; it can be drawn from epoch {} on", ether(event.stake), event.activationEpoch);
    } else if let Some(event) = receipt.event::<Abi::ExitScheduled>(registry) {
        eprintln!(
            "not drawn from epoch {} on; keep the daemon running until then. The stake can be withdrawn from epoch {} on",
            event.exitEpoch, event.withdrawableEpoch
        );
    } else if let Some(event) = receipt.event::<Abi::Withdrawn>(registry) {
        eprintln!("{} ETH paid to {}", ether(event.amount), event.to);
    } else if let Some(event) = receipt.event::<Abi::Paused>(registry) {
        eprintln!("not drawn from epoch {} on; keep the daemon running until then", event.fromEpoch);
    } else if let Some(event) = receipt.event::<Abi::Resumed>(registry) {
        eprintln!("can be drawn again from epoch {} on", event.untilEpoch);
    }
}
