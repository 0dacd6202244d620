//! What a transaction may cost, and by how much a replacement pays more.

/// Fees of EIP-1559, wei per gas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fees {
    /// Most that is paid in all.
    pub max: u128,
    /// Most that goes to the proposer.
    pub priority: u128,
}

/// Bounds of what is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeePolicy {
    /// Never more than this, wei per gas; also for replacements.
    pub cap: u128,
    /// The proposer's part at least, wei per gas.
    pub least_priority: u128,
}

impl Default for FeePolicy {
    fn default() -> Self {
        Self { cap: 200_000_000_000, least_priority: 10_000_000 }
    }
}

/// What nodes ask of a replacement at least: 10 %; an eighth leaves room for their rounding.
const BUMP_DENOMINATOR: u128 = 8;

impl FeePolicy {
    /// What the chain suggests, with this policy's least priority fee. `None` if that is above the cap.
    pub(super) fn first(&self, suggested: Fees) -> Result<Fees, u128> {
        let priority = suggested.priority.max(self.least_priority);
        let wanted = suggested.max.saturating_add(priority - suggested.priority).max(priority);
        // Twice the base fee is a margin that may be cut; less than one block's fee plus the proposer's part is hopeless.
        let needed = (wanted - priority) / 2 + priority;
        if needed > self.cap {
            return Err(needed);
        }
        Ok(Fees { max: wanted.min(self.cap), priority: priority.min(self.cap) })
    }

    /// Fees with which a transaction replaces one that paid `before`: an eighth more of both, or what the chain suggests if that is higher.
    /// `None` if the cap leaves no room for that.
    pub(super) fn bumped(&self, before: Fees, suggested: Fees) -> Option<Fees> {
        let eighth = |fee: u128| fee.saturating_add((fee / BUMP_DENOMINATOR).max(1));
        let least = Fees { max: eighth(before.max), priority: eighth(before.priority) };
        if least.max > self.cap {
            return None;
        }
        let priority = least.priority.max(suggested.priority).min(self.cap);
        Some(Fees { max: least.max.max(suggested.max).min(self.cap).max(priority), priority })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const POLICY: FeePolicy = FeePolicy { cap: 100, least_priority: 2 };

    #[test]
    fn the_cap_cuts_the_margin_but_not_the_need() {
        assert_eq!(POLICY.first(Fees { max: 62, priority: 2 }), Ok(Fees { max: 62, priority: 2 }));
        assert_eq!(POLICY.first(Fees { max: 162, priority: 2 }), Ok(Fees { max: 100, priority: 2 }));
        assert_eq!(POLICY.first(Fees { max: 402, priority: 2 }), Err(202));
        assert_eq!(POLICY.first(Fees { max: 60, priority: 0 }), Ok(Fees { max: 62, priority: 2 }));
    }

    proptest! {
        #[test]
        fn a_replacement_pays_a_tenth_more_of_both_and_never_above_the_cap(
            max in 1u128..1 << 60, priority in 1u128..1 << 40, now in 0u128..1 << 60, tip in 0u128..1 << 40, cap in 1u128..1 << 60,
        ) {
            let policy = FeePolicy { cap, least_priority: 0 };
            let before = Fees { max: max.max(priority), priority };
            let suggested = Fees { max: now.max(tip), priority: tip };
            if let Some(after) = policy.bumped(before, suggested) {
                prop_assert!(after.max <= cap && after.priority <= after.max);
                prop_assert!(after.max * 10 >= before.max * 11 && after.priority * 10 >= before.priority * 11);
            } else {
                prop_assert!(before.max + (before.max / 8).max(1) > cap);
            }
        }
    }
}
