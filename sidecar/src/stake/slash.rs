//! `quintet-sidecar slash submit`: evidence of equivocation, as gateways serve it, to the contract.

use std::{io::Read as _, path::PathBuf};

use alloy_primitives::utils::format_ether;
use anyhow::{Context as _, bail, ensure};
use clap::{Args, Subcommand};
use quintet_api::{Data, EvidenceView};
use quintet_staking::{
    bindings::ProverRegistry,
    calls,
    cli::{Done, carry_out},
    tx::TxError,
};
use quintet_types::{EquivocationEvidence, PublicKeyBytes};

use super::With;

/// Largest file of evidence taken, bytes.
const MAX_EVIDENCE: u64 = 64 << 20;

/// Evidence of equivocation.
#[derive(Debug, Args)]
pub(crate) struct Slash {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Show evidence to the contract, which slashes the prover and pays a part of it to the sender.
    Submit(Box<Submit>),
}

#[derive(Debug, Args)]
struct Submit {
    /// The evidence: an answer of `/v1/evidence`, or one equivocation out of it. `-` for standard input.
    #[arg(long, value_name = "FILE")]
    evidence: PathBuf,
    /// Only against this prover.
    #[arg(long, value_name = "PUBKEY")]
    prover: Option<PublicKeyBytes>,
    #[command(flatten)]
    with: With,
}

impl Slash {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let Action::Submit(submit) = self.action;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(submit.run())
    }
}

impl Submit {
    async fn run(self) -> anyhow::Result<()> {
        let mut evidence = parse(&self.read()?).with_context(|| format!("reading {}", self.evidence.display()))?;
        evidence.retain(|one| one.is_slashable() && self.prover.is_none_or(|prover| one.header_1.prover == prover));
        ensure!(!evidence.is_empty(), "no slashable equivocation in {}", self.evidence.display());
        let (deployment, sender) = self.with.chain.sender(&self.with.account, &self.with.send).await?;
        let registry = deployment.prover_registry;
        let mut slashed = 0;
        for one in &evidence {
            let request = calls::slash_equivocation(registry, one)?;
            let done = match carry_out(&sender, &request, &self.with.send).await {
                // Somebody was faster; that is what was wanted.
                Err(quintet_staking::cli::DialogueError::Tx(TxError::WouldRevert(reason)))
                    if ProverRegistry::AlreadySlashed::is(&reason.data) =>
                {
                    eprintln!("{reason}");
                    continue;
                }
                done => done?,
            };
            let Done::Sent(receipt) = done else { continue };
            let Some(event) = receipt.event::<ProverRegistry::Slashed>(registry) else {
                bail!("{} is in the chain and slashed nobody", receipt.hash);
            };
            slashed += 1;
            eprintln!(
                "prover {} was slashed: {} ETH burned, {} ETH to {}, {} ETH to the pool, {} ETH of stake left",
                event.index,
                format_ether(event.burned),
                format_ether(event.reporterReward),
                event.reporter,
                format_ether(event.toPool),
                format_ether(event.stake)
            );
        }
        if !self.with.send.dry_run {
            eprintln!("{slashed} of {} equivocations were slashed by this", evidence.len());
        }
        Ok(())
    }

    fn read(&self) -> anyhow::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let read = if self.evidence.as_os_str() == "-" {
            std::io::stdin().take(MAX_EVIDENCE + 1).read_to_end(&mut bytes)
        } else {
            let file = std::fs::File::open(&self.evidence).with_context(|| format!("opening {}", self.evidence.display()))?;
            file.take(MAX_EVIDENCE + 1).read_to_end(&mut bytes)
        };
        read.with_context(|| format!("reading {}", self.evidence.display()))?;
        ensure!(bytes.len() as u64 <= MAX_EVIDENCE, "{} is larger than {MAX_EVIDENCE} bytes", self.evidence.display());
        Ok(bytes)
    }
}

/// An error's selector tells it apart from all others.
trait Is {
    fn is(data: &[u8]) -> bool;
}

impl<E: alloy_sol_types::SolError> Is for E {
    fn is(data: &[u8]) -> bool {
        data.starts_with(&E::SELECTOR)
    }
}

/// The equivocations of an answer, of a bare view, of a list, or a single one.
fn parse(text: &[u8]) -> anyhow::Result<Vec<EquivocationEvidence>> {
    if let Ok(answer) = serde_json::from_slice::<Data<EvidenceView>>(text) {
        return Ok(answer.data.equivocations);
    }
    if let Ok(view) = serde_json::from_slice::<EvidenceView>(text) {
        return Ok(view.equivocations);
    }
    if let Ok(list) = serde_json::from_slice::<Vec<EquivocationEvidence>>(text) {
        return Ok(list);
    }
    let one = serde_json::from_slice(text).context("neither an answer of /v1/evidence nor an equivocation out of it")?;
    Ok(vec![one])
}

#[cfg(test)]
mod tests {
    use super::*;
    use quintet_types::{Phase, Root, SignatureBytes, SubmissionHeader};

    #[test]
    fn evidence_is_read_in_every_form_that_it_is_passed_on_in() {
        let header = |byte| SubmissionHeader {
            job_root: Root::ZERO,
            phase: Phase::T1,
            prover: PublicKeyBytes::repeat_byte(1),
            body_root: Root::repeat_byte(byte),
        };
        let signed = |byte| (header(byte), SignatureBytes::repeat_byte(byte));
        let one = EquivocationEvidence::new(signed(1), signed(2)).unwrap();
        let view = EvidenceView { equivocations: vec![one.clone()], ..EvidenceView::default() };
        for text in [
            serde_json::to_vec(&one).unwrap(),
            serde_json::to_vec(&[&one]).unwrap(),
            serde_json::to_vec(&view).unwrap(),
            serde_json::to_vec(&serde_json::json!({ "data": view })).unwrap(),
        ] {
            assert_eq!(parse(&text).unwrap(), std::slice::from_ref(&one));
        }
        assert!(parse(b"{}").is_err());
    }
}
