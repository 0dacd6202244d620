//! `quintet-sidecar validator`: who signs settlements, and what was signed.

use std::path::{Path, PathBuf};

use alloy_primitives::{Address, utils::format_units};
use anyhow::{Context as _, bail, ensure};
use clap::{Args, Subcommand};
use quintet_keys::{Keystore, Password};
use quintet_staking::{
    bindings::ValidatorSet,
    calls::{self, ValidatorProof},
    cli::{ChainFlags, carry_out},
};
use serde::Serialize;

use super::With;

/// Largest proof file taken, bytes.
const MAX_PROOF: u64 = 64 * 1024;

/// Validators: those that sign settlements, and what their keys have signed.
#[derive(Debug, Args)]
pub(crate) struct Validator {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Enrol a validator: it signs settlements and earns. The paying account becomes its owner.
    Enrol(Box<Enrol>),
    /// Make the proof that `enrol` and `remove` show, from a beacon node's state.
    Prove(super::prove::Prove),
    /// What the contract says of a validator and of the set.
    Status(Status),
    /// Take a validator out of the set: by its owner, or by anyone who proves that it has exited or was slashed.
    Remove(Box<Remove>),
    /// What validators' keys have signed: take it along, merge it, go on with a copy.
    Record(super::record::Record),
}

#[derive(Debug, Args)]
struct Enrol {
    /// Keystore with the validator's signing key.
    #[arg(long, value_name = "KEYSTORE")]
    validator_key: PathBuf,
    /// File with that keystore's password, in its first line.
    #[arg(long, value_name = "FILE")]
    password_file: PathBuf,
    /// The validator's record with its way to a beacon block root, as `prove` writes it.
    #[arg(long, value_name = "FILE")]
    proof: PathBuf,
    /// Where rewards go; the paying account if absent.
    #[arg(long, value_name = "ADDRESS")]
    payout: Option<Address>,
    #[command(flatten)]
    with: With,
}

#[derive(Debug, Args)]
struct Status {
    /// Index of the validator on the beacon chain; the set alone if absent.
    #[arg(long, value_name = "INDEX")]
    index: Option<u64>,
    #[command(flatten)]
    chain: ChainFlags,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Remove {
    /// Index of the validator on the beacon chain.
    #[arg(long, value_name = "INDEX", required_unless_present = "proof", conflicts_with = "proof")]
    index: Option<u64>,
    /// Its record, exited or slashed, with its way to a beacon block root: anyone may show that, and it works at once.
    #[arg(long, value_name = "FILE")]
    proof: Option<PathBuf>,
    #[command(flatten)]
    with: With,
}

fn read_proof(path: &Path) -> anyhow::Result<ValidatorProof> {
    let shown = || format!("reading {}", path.display());
    let text = quintet_keys::read_capped(path, MAX_PROOF).with_context(shown)?;
    let proof: ValidatorProof = serde_json::from_slice(&text).with_context(shown)?;
    ensure!(proof.branch.len() == 50, "{}: a proof has 50 hashes, this one {}", path.display(), proof.branch.len());
    Ok(proof)
}

impl Validator {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            match self.action {
                Action::Enrol(command) => command.run().await,
                Action::Prove(command) => command.run().await,
                Action::Status(command) => command.run().await,
                Action::Remove(command) => command.run().await,
                Action::Record(command) => command.run().await,
            }
        })
    }
}

impl Enrol {
    async fn run(self) -> anyhow::Result<()> {
        let password = Password::from_file(&self.password_file)
            .with_context(|| format!("reading the password from {}", self.password_file.display()))?;
        let key = Keystore::read(&self.validator_key)?.decrypt(&password)?;
        let proof = read_proof(&self.proof)?;
        let public = key.public_key();
        if proof.validator.pubkey.0 != public.to_bytes() {
            bail!("the proof is of the validator with key {}, the keystore holds {public}", proof.validator.pubkey);
        }
        let (deployment, sender) = self.with.chain.sender(&self.with.account, &self.with.send).await?;
        let (set, owner) = (deployment.validator_set, sender.account());
        let payout = self.payout.unwrap_or(owner);
        let request = calls::enrol(set, deployment.chain_id, owner, &key, payout, &proof);
        let done = carry_out(&sender, &request, &self.with.send).await?;
        if let Some(event) = done.receipt().and_then(|receipt| receipt.event::<ValidatorSet::Enrolled>(set)) {
            eprintln!("validator {} weighs {} ETH from epoch {} on", event.index, eth(event.weight), event.fromEpoch);
        }
        Ok(())
    }
}

impl Remove {
    async fn run(self) -> anyhow::Result<()> {
        let (deployment, sender) = self.with.chain.sender(&self.with.account, &self.with.send).await?;
        let set = deployment.validator_set;
        let request = match (&self.proof, self.index) {
            (Some(path), _) => calls::refresh(set, &read_proof(path)?),
            (None, Some(index)) => calls::request_leave(set, index),
            (None, None) => bail!("name --index or --proof"),
        };
        let done = carry_out(&sender, &request, &self.with.send).await?;
        let Some(receipt) = done.receipt() else { return Ok(()) };
        if let Some(event) = receipt.event::<ValidatorSet::LeaveRequested>(set) {
            eprintln!("validator {} counts until epoch {}", event.index, event.fromEpoch);
        } else if let Some(event) = receipt.event::<ValidatorSet::Removed>(set) {
            eprintln!("validator {} does not count any more", event.index);
        } else if let Some(event) = receipt.event::<ValidatorSet::WeightChanged>(set) {
            eprintln!("validator {} is active and stays; it weighs {} ETH now", event.index, eth(event.to));
        }
        Ok(())
    }
}

/// Gwei as ETH.
fn eth(gwei: u64) -> String {
    format_units(gwei, "gwei").unwrap_or_else(|_| format!("{gwei} gwei"))
}

/// What is printed.
#[derive(Debug, Serialize)]
struct Found {
    members: u64,
    least_members: u64,
    total_weight_gwei: String,
    least_weight_gwei: u64,
    pending_changes: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    validator: Option<Member>,
}

#[derive(Debug, Serialize)]
struct Member {
    index: u64,
    status: &'static str,
    owner: Address,
    payout: Address,
    weight_gwei: u64,
    proven_at: u64,
}

/// Names of the contract's `Status`.
const STATUSES: [&str; 5] = ["none", "joining", "member", "leaving", "gone"];

impl Status {
    async fn run(self) -> anyhow::Result<()> {
        let (deployment, reader) = self.chain.open()?;
        reader.check_chain().await?;
        let set = deployment.validator_set;
        let validator = match self.index {
            None => None,
            Some(index) => {
                let member = reader.call(set, &ValidatorSet::getMemberCall { index }).await?;
                Some(Member {
                    index,
                    status: STATUSES.get(usize::from(member.status)).copied().unwrap_or("unknown"),
                    owner: member.owner,
                    payout: member.payout,
                    weight_gwei: member.weight,
                    proven_at: member.provenAt,
                })
            }
        };
        let found = Found {
            members: reader.call(set, &ValidatorSet::memberCountCall {}).await?,
            least_members: reader.call(set, &ValidatorSet::MIN_MEMBERSCall {}).await?,
            total_weight_gwei: reader.call(set, &ValidatorSet::totalWeightCall {}).await?.to_string(),
            least_weight_gwei: reader.call(set, &ValidatorSet::MIN_TOTAL_WEIGHTCall {}).await?,
            pending_changes: reader.call(set, &ValidatorSet::pendingChangesCall {}).await?.to_string(),
            validator,
        };
        if self.json {
            quintet_node::outln!("{}", serde_json::to_string_pretty(&found)?);
            return Ok(());
        }
        quintet_node::outln!(
            "set        {} members of {} at least, {} gwei of {} at least, {} changes to come",
            found.members,
            found.least_members,
            found.total_weight_gwei,
            found.least_weight_gwei,
            found.pending_changes
        );
        if let Some(Member { index, status, owner, payout, weight_gwei, .. }) = &found.validator {
            quintet_node::outln!(
                "validator  {index}  {status}  weighs {} ETH  owner {owner}  pays to {payout}",
                eth(*weight_gwei)
            );
        }
        Ok(())
    }
}
