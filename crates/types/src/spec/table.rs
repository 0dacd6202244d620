//! The table of parameters: one line each with its default (mainnet) and its meaning.

use alloy_primitives::{FixedBytes, fixed_bytes};
use serde::{Deserialize, Serialize};

use super::RetryPolicy;
use crate::Root;

/// What is known about a parameter besides its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParameterInfo {
    /// The name in files and in `/v1/spec`.
    pub key: &'static str,
    /// Whether the name is from the source; otherwise it is ours.
    pub from_source: bool,
    /// What it means.
    pub meaning: &'static str,
}

macro_rules! parameters {
    (
        source { $($s_doc:literal $s:ident $s_key:literal: $s_ty:ty = $s_val:expr;)* }
        ours { $($o_doc:literal $o:ident $o_key:literal: $o_ty:ty = $o_val:expr;)* }
        ours_not_integers { $($n_doc:literal $n:ident $n_key:literal: $n_ty:ty = $n_val:expr;)* }
    ) => {
        /// All parameters of a network. Rewards and penalties are in units of the source's table.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct Spec {
            $(#[doc = $n_doc] #[serde(rename = $n_key)] pub $n: $n_ty,)*
            $(#[doc = $s_doc] #[serde(rename = $s_key, with = "crate::quoted")] pub $s: $s_ty,)*
            $(#[doc = $o_doc] #[serde(rename = $o_key, with = "crate::quoted")] pub $o: $o_ty,)*
        }

        impl Default for Spec {
            /// Mainnet.
            fn default() -> Self {
                Self { $($n: $n_val,)* $($s: $s_val,)* $($o: $o_val,)* }
            }
        }

        impl Spec {
            /// All parameters, in the order of the table.
            pub const PARAMETERS: &'static [ParameterInfo] = &[
                $(ParameterInfo { key: $s_key, from_source: true, meaning: $s_doc },)*
                $(ParameterInfo { key: $o_key, from_source: false, meaning: $o_doc },)*
                $(ParameterInfo { key: $n_key, from_source: false, meaning: $n_doc },)*
            ];
        }
    };
}

parameters! {
    source {
        "Most provers selected for one proof." provers_per_proof "PROVERS_PER_PROOF": u64 = 200;
        "Provers selected to aggregate sub-blocks." provers_per_aggproof "PROVERS_PER_AGGPROOF": u64 = 5;

        "T1, valid full proof: each selected prover." reward_full_proof_prover_t1 "REWARD_FULL_PROOF_PROVER_T1": i64 = 9000;
        "T1, valid full proof: its sender." reward_full_proof_sender_t1 "REWARD_FULL_PROOF_SENDER_T1": i64 = 50;
        "T1, valid full proof: the validator." reward_full_proof_validator_t1 "REWARD_FULL_PROOF_VALIDATOR_T1": i64 = 1000;
        "T1: the validator, for each valid commitment." reward_t1_validator "REWARD_T1_VALIDATOR": i64 = 3;
        "T1: a prover that fails to commit." penalty_t1_prover "PENALTY_T1_PROVER": i64 = -1;

        "T2, valid full proof: each selected prover." reward_full_proof_prover_t2 "REWARD_FULL_PROOF_PROVER_T2": i64 = 8000;
        "T2, valid full proof: its sender." reward_full_proof_sender_t2 "REWARD_FULL_PROOF_SENDER_T2": i64 = 40;
        "T2, valid full proof: the validator." reward_full_proof_validator_t2 "REWARD_FULL_PROOF_VALIDATOR_T2": i64 = 900;
        "T2: the validator, for each valid submission of partials." reward_t2_validator "REWARD_T2_VALIDATOR": i64 = 3;
        "T2: a prover that submits valid partials. The source names it and gives no value; 400 is ours."
            reward_t2_prover "REWARD_T2_PROVER": i64 = 400;
        "T2: a prover that fails to submit valid partials." penalty_t2_prover "PENALTY_T2_PROVER": i64 = -3;

        "T3: for each partial of others that one's full proof reuses." reward_prover_reusing_t3 "REWARD_PROVER_REUSING_T3": i64 = 40;
        "T3: for each time that others reuse one's partial." reward_prover_reused_t3 "REWARD_PROVER_REUSED_T3": i64 = 40;
        "T3: for a valid full proof." reward_prover_t3 "REWARD_PROVER_T3": i64 = 50;
        "T3: the validator, for each valid full proof." reward_validator_t3 "REWARD_VALIDATOR_T3": i64 = 1;
        "T3: selected and no valid full proof." penalty_prover_t3 "PENALTY_PROVER_T3": i64 = -1;
        "T3: for each time that others do not reuse one's partial." penalty_prover_notreused_t3 "PENALTY_PROVER_NOTREUSED_T3": i64 = -1;

        "T4: as in T3." reward_prover_reusing_t4 "REWARD_PROVER_REUSING_T4": i64 = 30;
        "T4: as in T3." reward_prover_reused_t4 "REWARD_PROVER_REUSED_T4": i64 = 30;
        "T4: as in T3." reward_prover_t4 "REWARD_PROVER_T4": i64 = 40;
        "T4: as in T3." reward_validator_t4 "REWARD_VALIDATOR_T4": i64 = 1;
        "T4: as in T3." penalty_prover_t4 "PENALTY_PROVER_T4": i64 = -2;
        "T4: as in T3." penalty_prover_notreused_t4 "PENALTY_PROVER_NOTREUSED_T4": i64 = -1;

        "T5: as in T3." reward_prover_reusing_t5 "REWARD_PROVER_REUSING_T5": i64 = 20;
        "T5: as in T3." reward_prover_reused_t5 "REWARD_PROVER_REUSED_T5": i64 = 20;
        "T5: as in T3." reward_prover_t5 "REWARD_PROVER_T5": i64 = 40;
        "T5: as in T3." reward_validator_t5 "REWARD_VALIDATOR_T5": i64 = 1;
        "T5: as in T3." penalty_prover_t5 "PENALTY_PROVER_T5": i64 = -4;
        "T5: as in T3." penalty_prover_notreused_t5 "PENALTY_PROVER_NOTREUSED_T5": i64 = -1;

        "Gigagas: each aggregator, once the aggregation is valid." reward_agg_proof_prover "REWARD_AGG_PROOF_PROVER": i64 = 50;
        "Gigagas: each validator that includes an AggProof." reward_agg_proof_validator "REWARD_AGG_PROOF_VALIDATOR": i64 = 3;
    }
    ours {
        "Slots between a block's slot and the start of T1." t1_delay_slots "T1_DELAY_SLOTS": u64 = 1;
        "Slots that a phase lasts." phase_slots "PHASE_SLOTS": u64 = 1;
        "Milliseconds after a deadline within which submissions still count as in time." arrival_tolerance_ms "ARRIVAL_TOLERANCE_MS": u64 = 500;
        "Share of T1, in 1/10,000, after which uncommitted instances are announced." holes_announced_bps "HOLES_ANNOUNCED_BPS": u64 = 6667;
        "Unselected provers drawn as reserves, who fill holes in D." hole_fillers "HOLE_FILLERS": u64 = 4;
        "A job is opened for the first block at or after each multiple of this slot; 0: one job at a time." job_interval_slots "JOB_INTERVAL_SLOTS": u64 = 1;
        "Fewest provers of a job; below, it is unserved." min_provers "MIN_PROVERS": u64 = 2;
        "Gas of a block for each selected prover; 0: the number does not depend on gas." gas_per_prover "GAS_PER_PROVER": u64 = 180_000;
        "Provers assigned to prove each instance." redundancy_factor "REDUNDANCY_FACTOR": u64 = 3;
        "Provers assigned to commit to each instance, those that prove it included." t1_redundancy "T1_REDUNDANCY": u64 = 8;
        "Times that a phase may end without a certificate before the attempt is given up." max_uncertified "MAX_UNCERTIFIED": u64 = 32;
        "Attempts at a job, the first included." max_attempts "MAX_ATTEMPTS": u64 = 3;
        "Full proofs of provers that were not selected, for each of T3, T4 and T5." max_open_full_proofs "MAX_OPEN_FULL_PROOFS": u64 = 8;
        "Share of validator rewards, in 1/10,000, that goes to the signers of the certificate." attester_share_bps "ATTESTER_SHARE_BPS": u64 = 2000;

        "A digest that recomputation contradicts." penalty_wrong_digest "PENALTY_WRONG_DIGEST": i64 = -500;
        "A submitted full proof that does not verify." penalty_false_full_proof "PENALTY_FALSE_FULL_PROOF": i64 = -50;
        "Two different bodies signed for one job and phase." penalty_equivocation "PENALTY_EQUIVOCATION": i64 = -1000;

        "Gas for each sub-block that a block is split into." sub_block_gas "SUB_BLOCK_GAS": u64 = 100_000_000;
        "Most sub-blocks of a block; 1 as long as no guest proves parts of a block." max_sub_blocks "MAX_SUB_BLOCKS": u64 = 1;

        "Least stake of a prover, in gwei." min_prover_stake_gwei "MIN_PROVER_STAKE_GWEI": u64 = 1_000_000_000;
        "The registry counts as it stood so many epochs before the block, on the block's own chain." registry_lookback_epochs "REGISTRY_LOOKBACK_EPOCHS": u64 = 4;
        "Epochs until an activation, exit or pause takes effect." registry_delay_epochs "REGISTRY_DELAY_EPOCHS": u64 = 5;
        "Rounds of the swap-or-not shuffle." shuffle_round_count "SHUFFLE_ROUND_COUNT": u64 = 90;
        "The history is a moving average over about 2 to this power duties." history_shift "HISTORY_SHIFT": u64 = 5;

        "Smallest circuit height of a plan, as log₂." k_min "K_MIN": u64 = 14;
        "Largest circuit height of a plan, as log₂." k_max "K_MAX": u64 = 20;
        "Most instances of a plan." max_instances "MAX_INSTANCES": u64 = 4096;
        "Most bytes of one partial proof." max_partial_proof_bytes "MAX_PARTIAL_PROOF_BYTES": u64 = 32_768;
        "Most bytes of all partial proofs of a full proof." max_full_proof_bytes "MAX_FULL_PROOF_BYTES": u64 = 4_194_304;

        "Length of a slot in milliseconds." slot_duration_ms "SLOT_DURATION_MS": u64 = 12_000;
        "Slots of an epoch." slots_per_epoch "SLOTS_PER_EPOCH": u64 = 32;
        "Genesis of the beacon chain, Unix time in seconds; 0: as the beacon node says." genesis_time "GENESIS_TIME": u64 = 1_606_824_023;
        "Chain id of the execution layer; 0: as the node says." deposit_chain_id "DEPOSIT_CHAIN_ID": u64 = 1;
    }
    ours_not_integers {
        "Name of the network." config_name "CONFIG_NAME": String = "mainnet".into();
        "Genesis fork version, part of every signing domain." genesis_fork_version "GENESIS_FORK_VERSION": FixedBytes<4> = fixed_bytes!("00000000");
        "Genesis validators root, part of every signing domain; zero: as the beacon node says." genesis_validators_root "GENESIS_VALIDATORS_ROOT": Root =
            fixed_bytes!("4b363db94e286120d76eb905340fdd4e54bfe9f06bf33ff6cf5ad27f511bfe95");
        "Whom a retry is given to: same_set, or new_set, which sidecars that agree with others refuse." retry_policy "RETRY_POLICY": RetryPolicy = RetryPolicy::SameSet;
        "Whether a leader may close a phase once every due submission is in." early_close "EARLY_CLOSE": bool = false;
    }
}
