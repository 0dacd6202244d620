//! Settlements of the ledger as the gateway shows them, and the validators' signatures under them.

use quintet_types::{Account, Balance, Epoch, FixedBytes, Root, SignatureBytes, ValidatorIndex};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Address of a contract.
pub type Address = FixedBytes<20>;

/// How far a settlement is.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, PartialEq, Eq, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SettlementState {
    /// Signatures come in.
    Collecting,
    /// The contract has it, in a final block: accounts can claim.
    Posted,
    /// The contract has another one with this number: this sidecar's ledger is not that of two thirds of the validators.
    Differs,
}

/// A line in the list of settlements.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq, ToSchema)]
pub struct SettlementSummary {
    /// 1 for the first.
    #[serde(with = "quintet_types::quoted")]
    #[schema(value_type = String)]
    pub number: u64,
    /// Everything before this epoch is in it.
    #[schema(value_type = String)]
    pub end_epoch: Epoch,
    /// How far it is.
    pub state: SettlementState,
    /// Root of the leaves.
    #[schema(value_type = String)]
    pub leaves_root: Root,
    /// Root of the ledger up to `end_epoch`.
    #[schema(value_type = String)]
    pub ledger_root: Root,
    /// Sum of all leaves' rewards, in 10⁻⁹ of the source's unit.
    #[schema(value_type = String)]
    pub total_rewards: Balance,
    /// Sum of all leaves' penalties, in 10⁻⁹ of the source's unit.
    #[schema(value_type = String)]
    pub total_penalties: Balance,
    /// Hash tree root of what validators sign, before the domain.
    #[schema(value_type = String)]
    pub statement_root: Root,
    /// What validators sign.
    #[schema(value_type = String)]
    pub signing_root: Root,
    /// Number of accounts.
    #[serde(with = "quintet_types::quoted")]
    #[schema(value_type = String)]
    pub num_leaves: u64,
    /// What the signers weigh that are here, gwei.
    #[schema(value_type = String)]
    pub signed_gwei: Balance,
    /// What all enrolled validators weigh, gwei; two thirds of it must sign.
    #[schema(value_type = String)]
    pub total_gwei: Balance,
}

/// `GET /v1/ledger/settlements/{n}`.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq, ToSchema)]
pub struct SettlementDetail {
    /// As in the list.
    #[serde(flatten)]
    pub settlement: SettlementSummary,
    /// The execution chain.
    #[serde(with = "quintet_types::quoted")]
    #[schema(value_type = String)]
    pub chain_id: u64,
    /// The settlement contract.
    #[schema(value_type = String)]
    pub contract: Address,
    /// Who signed, by index.
    pub signers: Vec<SettlementSignature>,
    /// Leaves in order, as many as were asked for.
    pub leaves: Vec<LeafView>,
}

/// One account's cumulative amounts, and what proves them.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq, ToSchema)]
pub struct LeafView {
    /// `prover` or `validator`, and the index.
    #[schema(value_type = Object)]
    pub account: Account,
    /// Rewards ever earned, in 10⁻⁹ of the source's unit.
    #[schema(value_type = String)]
    pub rewards: Balance,
    /// Penalties ever incurred, in 10⁻⁹ of the source's unit.
    #[schema(value_type = String)]
    pub penalties: Balance,
    /// Siblings from the bottom up, for the contract's `claim` and `collect`.
    #[schema(value_type = Vec<String>)]
    pub proof: Vec<Root>,
}

/// `GET /v1/provers/{pubkey}/claim`: all that the contract's `claim` takes.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq, ToSchema)]
pub struct ClaimView {
    /// The execution chain.
    #[serde(with = "quintet_types::quoted")]
    #[schema(value_type = String)]
    pub chain_id: u64,
    /// The settlement contract.
    #[schema(value_type = String)]
    pub contract: Address,
    /// Number of the settlement.
    #[serde(with = "quintet_types::quoted")]
    #[schema(value_type = String)]
    pub settlement: u64,
    /// Root of its leaves.
    #[schema(value_type = String)]
    pub leaves_root: Root,
    /// The account's leaf.
    pub leaf: LeafView,
}

/// One validator's signature under a settlement.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq, ToSchema)]
pub struct SettlementSignature {
    /// The validator.
    #[schema(value_type = String)]
    pub validator: ValidatorIndex,
    /// Its signature over the signing root.
    #[schema(value_type = String)]
    pub signature: SignatureBytes,
}

/// `POST /v1/ledger/settlements/{n}/signatures`.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SettlementSignatures {
    /// Hash tree root of the statement that was signed: a gateway with another one says so.
    #[schema(value_type = String)]
    pub statement_root: Root,
    /// The signatures, at most [`MAX_SETTLEMENT_SIGNATURES`].
    pub signatures: Vec<SettlementSignature>,
}

/// Most signatures in one request.
pub const MAX_SETTLEMENT_SIGNATURES: usize = 256;

/// What became of the signatures of a request. Those that were taken are on disk.
#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq, Eq, ToSchema)]
pub struct SignaturesTaken {
    /// New ones.
    #[schema(value_type = Vec<String>)]
    pub accepted: Vec<ValidatorIndex>,
    /// Refused ones, and why. A request of which nothing was taken is answered with the first of these as its error.
    pub refused: Vec<SignatureRefused>,
}

/// A signature that was not taken.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq, ToSchema)]
pub struct SignatureRefused {
    /// The validator that it was said to be of.
    #[schema(value_type = String)]
    pub validator: ValidatorIndex,
    /// `not_enrolled`, `duplicate`, `signature`.
    pub reason: String,
    /// In words.
    pub message: String,
}
