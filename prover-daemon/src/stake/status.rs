//! `quintet-prover stake status`: what the contracts say of a prover.

use alloy_primitives::{Address, U256, utils::format_ether};
use clap::Args;
use quintet_staking::{
    bindings::{ProverRegistry, Settlement},
    cli::ChainFlags,
};
use serde::Serialize;

use super::Which;

/// An epoch that never comes.
const NEVER: u64 = u64::MAX;

#[derive(Debug, Args)]
pub(super) struct Status {
    #[command(flatten)]
    prover: Which,
    #[command(flatten)]
    chain: ChainFlags,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// What is printed. Amounts in wei.
#[derive(Debug, Serialize)]
struct Found {
    index: u64,
    owner: Address,
    withdrawal_address: Address,
    stake_wei: String,
    minimum_stake_wei: String,
    current_epoch: u64,
    state: State,
    /// In words.
    standing: String,
    slashed: bool,
    paid_wei: String,
    penalties_taken_wei: String,
    penalties_owed_wei: String,
    settlements: u64,
}

/// Where a prover stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Pending,
    Active,
    Paused,
    Underfunded,
    Exiting,
    Exited,
    Withdrawable,
    Withdrawn,
}

/// State and sentence, from what the registry keeps.
fn standing(prover: &ProverRegistry::Prover, epoch: u64, minimum: U256) -> (State, String) {
    let ProverRegistry::Prover { activationEpoch, exitEpoch, withdrawableEpoch, pauseFrom, pauseUntil, .. } = *prover;
    if prover.withdrawn {
        (State::Withdrawn, "the stake was paid out".to_owned())
    } else if epoch >= withdrawableEpoch {
        (State::Withdrawable, "the stake can be withdrawn".to_owned())
    } else if epoch >= exitEpoch {
        (State::Exited, format!("is not drawn any more; the stake can be withdrawn from epoch {withdrawableEpoch} on"))
    } else if exitEpoch != NEVER {
        let until = format!("is drawn until epoch {exitEpoch}");
        (State::Exiting, format!("{until}; the stake can be withdrawn from epoch {withdrawableEpoch} on"))
    } else if prover.stake < minimum {
        (State::Underfunded, format!("is not drawn: the stake is below the minimum of {} ETH", format_ether(minimum)))
    } else if epoch < activationEpoch {
        (State::Pending, format!("can be drawn from epoch {activationEpoch} on"))
    } else if pauseFrom <= epoch && epoch < pauseUntil {
        let end = if pauseUntil == NEVER { "until `resume`".to_owned() } else { format!("until epoch {pauseUntil}") };
        (State::Paused, format!("is paused {end}"))
    } else if pauseFrom != NEVER && epoch < pauseFrom {
        (State::Active, format!("can be drawn; the pause begins with epoch {pauseFrom}"))
    } else {
        (State::Active, "can be drawn".to_owned())
    }
}

impl Status {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let (deployment, reader) = self.chain.open()?;
        reader.check_chain().await?;
        let registry = deployment.prover_registry;
        let index = self.prover.index(&reader, registry).await?.0;
        let prover = reader.call(registry, &ProverRegistry::getProverCall { index }).await?;
        let epoch = reader.call(registry, &ProverRegistry::currentEpochCall {}).await?;
        let minimum = reader.call(registry, &ProverRegistry::MIN_STAKECall {}).await?;
        let settlement = deployment.settlement;
        let account = reader.call(settlement, &Settlement::getAccountCall { kind: 0, index }).await?;
        let settlements = reader.call(settlement, &Settlement::countCall {}).await?;
        let unit = reader.call(settlement, &Settlement::WEI_PER_UNITCall {}).await?;
        let topic = quintet_staking::calls::index_topic(index);
        let slashes: Vec<ProverRegistry::Slashed> = reader.events(registry, deployment.deployed_at_block, topic).await?;

        let (state, words) = standing(&prover, epoch, minimum);
        let owed = U256::from(account.penalties) * unit - account.taken;
        let found = Found {
            index,
            owner: prover.owner,
            withdrawal_address: prover.withdrawalAddress,
            stake_wei: prover.stake.to_string(),
            minimum_stake_wei: minimum.to_string(),
            current_epoch: epoch,
            state,
            standing: words,
            slashed: !slashes.is_empty(),
            paid_wei: account.paid.to_string(),
            penalties_taken_wei: account.taken.to_string(),
            penalties_owed_wei: owed.to_string(),
            settlements,
        };
        if self.json {
            quintet_node::outln!("{}", serde_json::to_string_pretty(&found)?);
            return Ok(());
        }
        quintet_node::outln!("prover {index}  owner {}  pays to {}", found.owner, found.withdrawal_address);
        quintet_node::outln!("stake  {} ETH, {} in epoch {epoch}", format_ether(prover.stake), found.standing);
        for slash in &slashes {
            quintet_node::outln!(
                "slashed for two bodies in T{} of job {}; reported by {}",
                slash.phase,
                slash.jobRoot,
                slash.reporter
            );
        }
        quintet_node::outln!(
            "paid   {} ETH in {settlements} settlements; penalties {} ETH taken, {} ETH owed",
            format_ether(account.paid),
            format_ether(account.taken),
            format_ether(owed)
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prover() -> ProverRegistry::Prover {
        ProverRegistry::Prover {
            owner: Address::ZERO,
            activationEpoch: 5,
            withdrawn: false,
            withdrawalAddress: Address::ZERO,
            exitEpoch: NEVER,
            withdrawableEpoch: NEVER,
            pauseFrom: NEVER,
            pauseUntil: NEVER,
            stake: U256::from(10),
            key: ProverRegistry::G1Point {
                xHi: Default::default(),
                xLo: Default::default(),
                yHi: Default::default(),
                yLo: Default::default(),
            },
        }
    }

    #[test]
    fn every_state_has_its_sentence() {
        let at = |prover: &ProverRegistry::Prover, epoch| standing(prover, epoch, U256::from(10)).0;
        let plain = prover();
        assert_eq!((at(&plain, 4), at(&plain, 5)), (State::Pending, State::Active));
        let paused = ProverRegistry::Prover { pauseFrom: 7, pauseUntil: 9, ..prover() };
        assert_eq!([6, 7, 8, 9].map(|epoch| at(&paused, epoch)), [State::Active, State::Paused, State::Paused, State::Active]);
        let leaving = ProverRegistry::Prover { exitEpoch: 8, withdrawableEpoch: 20, ..prover() };
        assert_eq!(
            [7, 8, 19, 20].map(|epoch| at(&leaving, epoch)),
            [State::Exiting, State::Exited, State::Exited, State::Withdrawable]
        );
        assert_eq!(at(&ProverRegistry::Prover { withdrawn: true, ..leaving }, 30), State::Withdrawn);
        assert_eq!(at(&ProverRegistry::Prover { stake: U256::from(9), ..prover() }, 6), State::Underfunded);
        assert!(standing(&paused, 7, U256::ZERO).1.contains("until epoch 9"));
    }
}
