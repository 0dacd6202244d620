//! `quintet-sidecar provers`.

use clap::Args;
use quintet_api::ProverView;

use super::{Ask, name, table::table};

/// Provers with stake, selection weight and balance.
#[derive(Debug, Args)]
pub(crate) struct Provers {
    #[command(flatten)]
    ask: Ask,
}

impl Provers {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        self.ask.run(async |client| client.provers().await, |provers| show(provers))
    }
}

fn show(provers: &[ProverView]) -> String {
    let rows = provers.iter().map(|prover| {
        [
            prover.index.to_string(),
            prover.pubkey.to_string(),
            name(&prover.status),
            format!("{:.3}", prover.stake_gwei as f64 / 1e9),
            format!("{:.3}", prover.weight as f64 / 65_536.0),
            prover.balance.to_string(),
        ]
    });
    table(["prover", "key", "status", "stake (ETH)", "weight", "balance"], rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use quintet_api::ProverStatus;
    use quintet_types::{Balance, ProverIndex, PublicKeyBytes};

    #[test]
    fn provers_are_shown_with_stake_in_ether() {
        let prover = ProverView {
            index: ProverIndex(3),
            pubkey: PublicKeyBytes::repeat_byte(2),
            stake_gwei: 1_500_000_000,
            status: ProverStatus::Busy,
            weight: 98_304,
            balance: Balance(-5_000_000_000),
        };
        let text = show(&[prover]);
        assert!(text.contains("busy") && text.contains("1.500") && text.trim_end().ends_with("-5"), "{text}");
    }
}
