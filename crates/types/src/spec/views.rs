//! The reward table by phase, as amounts.

use super::Spec;
use crate::{Phase, Reward, TypesError};

/// Rewards for a self-made full proof, in T1 or T2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SelfMadeRewards {
    /// Each selected prover.
    pub prover: Reward,
    /// Each sender of a valid one.
    pub sender: Reward,
    /// The validators, once a job.
    pub validator: Reward,
}

/// Rewards and penalties of T3, T4 or T5.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AggregationRewards {
    /// For each reused partial of others.
    pub reusing: Reward,
    /// For each time that others reuse one's partial.
    pub reused: Reward,
    /// For a valid full proof.
    pub prover: Reward,
    /// The validators, for each valid full proof.
    pub validator: Reward,
    /// Non-participation (negative).
    pub penalty: Reward,
    /// For each time that others do not reuse one's partial (negative).
    pub not_reused: Reward,
}

impl Spec {
    /// Rewards for a self-made full proof in `phase`.
    ///
    /// # Errors
    /// If `phase` is not T1 or T2.
    pub fn self_made(&self, phase: Phase) -> Result<SelfMadeRewards, TypesError> {
        let (prover, sender, validator) = match phase {
            Phase::T1 => {
                (self.reward_full_proof_prover_t1, self.reward_full_proof_sender_t1, self.reward_full_proof_validator_t1)
            }
            Phase::T2 => {
                (self.reward_full_proof_prover_t2, self.reward_full_proof_sender_t2, self.reward_full_proof_validator_t2)
            }
            _ => return Err(TypesError::WrongPhase { body: "a self-made full proof", phase }),
        };
        Ok(SelfMadeRewards {
            prover: Reward::from_units(prover),
            sender: Reward::from_units(sender),
            validator: Reward::from_units(validator),
        })
    }

    /// Rewards and penalties of aggregation in `phase`. The source gives T4 and T5 explicit values, which win
    /// over its "adjusted by a defined percentage".
    ///
    /// # Errors
    /// If `phase` is not T3, T4 or T5.
    pub fn aggregation(&self, phase: Phase) -> Result<AggregationRewards, TypesError> {
        let [reusing, reused, prover, validator, penalty, not_reused] = match phase {
            Phase::T3 => [
                self.reward_prover_reusing_t3,
                self.reward_prover_reused_t3,
                self.reward_prover_t3,
                self.reward_validator_t3,
                self.penalty_prover_t3,
                self.penalty_prover_notreused_t3,
            ],
            Phase::T4 => [
                self.reward_prover_reusing_t4,
                self.reward_prover_reused_t4,
                self.reward_prover_t4,
                self.reward_validator_t4,
                self.penalty_prover_t4,
                self.penalty_prover_notreused_t4,
            ],
            Phase::T5 => [
                self.reward_prover_reusing_t5,
                self.reward_prover_reused_t5,
                self.reward_prover_t5,
                self.reward_validator_t5,
                self.penalty_prover_t5,
                self.penalty_prover_notreused_t5,
            ],
            _ => return Err(TypesError::WrongPhase { body: "an aggregated full proof", phase }),
        }
        .map(Reward::from_units);
        Ok(AggregationRewards { reusing, reused, prover, validator, penalty, not_reused })
    }
}
