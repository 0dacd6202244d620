//! Values that the protocol cannot run with are named when a file is read, not when they bite.

use super::Spec;
use crate::TypesError;

impl Spec {
    /// Checks all parameters.
    ///
    /// # Errors
    /// Names the first parameter that has an impossible value, and what it must be.
    pub fn check(&self) -> Result<(), TypesError> {
        self.check_signs()?;
        for (key, value, least, most, rule) in [
            ("PROVERS_PER_PROOF", self.provers_per_proof, 1, 4096, "1 to 4096"),
            ("PROVERS_PER_AGGPROOF", self.provers_per_aggproof, 0, 64, "0 to 64"),
            ("T1_DELAY_SLOTS", self.t1_delay_slots, 0, 1024, "0 to 1024"),
            ("PHASE_SLOTS", self.phase_slots, 1, 1024, "1 to 1024"),
            ("ARRIVAL_TOLERANCE_MS", self.arrival_tolerance_ms, 0, self.slot_duration_ms / 2, "at most half a slot"),
            ("HOLES_ANNOUNCED_BPS", self.holes_announced_bps, 1, 9999, "1 to 9999"),
            ("MIN_PROVERS", self.min_provers, 1, self.provers_per_proof, "1 to PROVERS_PER_PROOF"),
            ("REDUNDANCY_FACTOR", self.redundancy_factor, 1, 4096, "1 to 4096"),
            ("T1_REDUNDANCY", self.t1_redundancy, self.redundancy_factor, 4096, "REDUNDANCY_FACTOR to 4096"),
            ("MAX_ATTEMPTS", self.max_attempts, 1, 255, "1 to 255"),
            (
                "MAX_OPEN_FULL_PROOFS",
                self.max_open_full_proofs,
                0,
                4096 - self.provers_per_proof.min(4096),
                "with PROVERS_PER_PROOF at most 4096",
            ),
            ("ATTESTER_SHARE_BPS", self.attester_share_bps, 0, 10_000, "at most 10000"),
            ("SUB_BLOCK_GAS", self.sub_block_gas, 1, u64::MAX, "at least 1"),
            ("MAX_SUB_BLOCKS", self.max_sub_blocks, 1, 64, "1 to 64"),
            (
                "REGISTRY_DELAY_EPOCHS",
                self.registry_delay_epochs,
                self.registry_lookback_epochs.saturating_add(1),
                u64::MAX,
                "more than REGISTRY_LOOKBACK_EPOCHS",
            ),
            ("SHUFFLE_ROUND_COUNT", self.shuffle_round_count, 1, 255, "1 to 255"),
            ("HISTORY_SHIFT", self.history_shift, 0, 16, "at most 16"),
            ("K_MIN", self.k_min, 4, 27, "4 to 27"),
            ("K_MAX", self.k_max, self.k_min, 27, "K_MIN to 27"),
            ("MAX_INSTANCES", self.max_instances, 1, 65_536, "1 to 65536"),
            ("MAX_PARTIAL_PROOF_BYTES", self.max_partial_proof_bytes, 1, 32_768, "1 to 32768"),
            ("MAX_FULL_PROOF_BYTES", self.max_full_proof_bytes, 1, 8_388_608, "1 to 8388608"),
            ("SLOT_DURATION_MS", self.slot_duration_ms, 100, 600_000, "100 to 600000"),
            ("SLOTS_PER_EPOCH", self.slots_per_epoch, 1, 1024, "1 to 1024"),
        ] {
            if !(least..=most).contains(&value) {
                return Err(TypesError::BadParameter { key, value: value.to_string(), rule });
            }
        }
        Ok(())
    }

    /// Rewards are not negative, penalties not positive, and none so large that sums come near overflow.
    fn check_signs(&self) -> Result<(), TypesError> {
        let table = serde_json::to_value(self).map_err(|e| TypesError::Spec(e.to_string()))?;
        for info in Self::PARAMETERS {
            let number = || table.get(info.key)?.as_str()?.parse::<i64>().ok();
            let rule = if info.key.starts_with("REWARD_") {
                number().is_some_and(|n| !(0..=1_000_000).contains(&n)).then_some("a reward is 0 to 1000000")
            } else if info.key.starts_with("PENALTY_") {
                number().is_some_and(|n| !(-1_000_000..=0).contains(&n)).then_some("a penalty is -1000000 to 0")
            } else {
                None
            };
            if let (Some(rule), Some(value)) = (rule, number()) {
                return Err(TypesError::BadParameter { key: info.key, value: value.to_string(), rule });
            }
        }
        Ok(())
    }
}
