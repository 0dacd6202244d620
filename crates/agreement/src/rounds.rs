//! The clock of an agreement: rounds are ranks, and a phase that ends without a certificate goes on with further ranks.
//!
//! Round r belongs to *extension* `r / n` and rank `r mod n`, with n rounds to a PHASE_SLOTS. Extension 0 is the phase's own
//! deadline, extension e the one e·PHASE_SLOTS later. The leader of a rank may propose from that deadline + rank · stagger on.

use quintet_types::{Slot, Spec};

/// How long the engine waits. Safety does not depend on any of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// Between the times at which two ranks may propose, in ms.
    pub stagger_ms: u64,
    /// Wait for a proposal in a round of rank 0, in ms.
    pub propose_ms: u64,
    /// Wait for further votes once more than two thirds have voted, in ms.
    pub vote_ms: u64,
    /// How much each wait grows with each rank, and with each extension as with two ranks, in ms.
    pub growth_ms: u64,
    /// Between two broadcasts of what this validator has last said, in ms.
    pub resend_ms: u64,
}

impl Default for Timing {
    /// For slots of twelve seconds and delays of up to a second.
    fn default() -> Self {
        Self { stagger_ms: 1000, propose_ms: 1000, vote_ms: 400, growth_ms: 300, resend_ms: 2000 }
    }
}

/// By how many steps waits grow with an extension. They must not stay below the network's delays for good: what a phase's
/// last ranks waited for is waited for again where its extensions have come to as much.
const EXTENSION_STEPS: u64 = 2;

/// When rounds begin, and whose they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rounds {
    deadline: Slot,
    deadline_ms: u64,
    phase_slots: u64,
    phase_ms: u64,
    per_extension: u32,
    timing: Timing,
}

impl Rounds {
    /// The rounds of a phase that ends at the start of `deadline`, on a chain that started at `genesis_time` (seconds).
    pub fn new(deadline: Slot, genesis_time: u64, timing: Timing, spec: &Spec) -> Self {
        let deadline_ms = genesis_time.saturating_mul(1000).saturating_add(deadline.0.saturating_mul(spec.slot_duration_ms));
        let phase_slots = spec.phase_slots.max(1);
        let phase_ms = phase_slots.saturating_mul(spec.slot_duration_ms).max(1);
        // A rank has 16 bits in a bundle; more than a hundred leaders in turn are of no use.
        let per_extension = (phase_ms / timing.stagger_ms.max(1)).clamp(1, 100) as u32;
        Self { deadline, deadline_ms, phase_slots, phase_ms, per_extension, timing }
    }

    /// How long the engine waits.
    pub const fn timing(&self) -> &Timing {
        &self.timing
    }

    /// Rounds to an extension.
    pub const fn per_extension(&self) -> u32 {
        self.per_extension
    }

    /// The extension that a round belongs to.
    pub const fn extension(&self, round: u32) -> u32 {
        round / self.per_extension
    }

    /// The rank whose round it is.
    pub const fn rank(&self, round: u32) -> u16 {
        (round % self.per_extension) as u16
    }

    /// First round of an extension.
    pub const fn first_round(&self, extension: u32) -> u32 {
        extension.saturating_mul(self.per_extension)
    }

    /// The deadline slot that a bundle made in this extension closes the phase at.
    pub const fn slot(&self, extension: u32) -> Slot {
        self.deadline.plus(self.phase_slots.saturating_mul(extension as u64))
    }

    /// The extension that has this deadline slot, if one has.
    pub fn extension_of_slot(&self, slot: Slot) -> Option<u32> {
        let slots = slot.0.checked_sub(self.deadline.0)?;
        (slots % self.phase_slots == 0).then(|| u32::try_from(slots / self.phase_slots).ok()).flatten()
    }

    /// Start of an extension's deadline slot, Unix ms.
    pub const fn deadline_ms(&self, extension: u32) -> u64 {
        self.deadline_ms.saturating_add(self.phase_ms.saturating_mul(extension as u64))
    }

    /// From when on the leader of a round may propose, Unix ms.
    pub fn start_ms(&self, round: u32) -> u64 {
        let wait = self.timing.stagger_ms.saturating_mul(self.rank(round).into());
        self.deadline_ms(self.extension(round)).saturating_add(wait)
    }

    /// The extension that runs at a time; 0 before the deadline.
    pub fn extension_at(&self, now_ms: u64) -> u32 {
        let past = now_ms.saturating_sub(self.deadline_ms) / self.phase_ms;
        // Rounds must stay countable: 2^32 rounds are not.
        u32::try_from(past).unwrap_or(u32::MAX).min(u32::MAX / self.per_extension - 2)
    }

    /// Wait for a proposal.
    pub fn propose_ms(&self, round: u32) -> u64 {
        self.timing.propose_ms + self.growth(round)
    }

    /// Wait for further votes.
    pub fn vote_ms(&self, round: u32) -> u64 {
        self.timing.vote_ms + self.growth(round)
    }

    /// Ranks and extensions both make waits longer, up to what the last rank of the deadline has.
    fn growth(&self, round: u32) -> u64 {
        let steps = u64::from(self.rank(round)).saturating_add(EXTENSION_STEPS.saturating_mul(self.extension(round).into()));
        self.timing.growth_ms.saturating_mul(steps.min(u64::from(self.per_extension) - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twelve_ranks_fit_a_slot_and_the_next_deadline_starts_over() {
        let rounds = Rounds::new(Slot(10), 100, Timing::default(), &Spec::default());
        assert_eq!((rounds.per_extension(), rounds.start_ms(0), rounds.start_ms(11)), (12, 220_000, 231_000));
        assert_eq!((rounds.extension(12), rounds.rank(12), rounds.start_ms(12)), (1, 0, 232_000));
        assert_eq!((rounds.slot(0), rounds.slot(2)), (Slot(10), Slot(12)));
        assert_eq!((rounds.extension_of_slot(Slot(12)), rounds.extension_of_slot(Slot(9))), (Some(2), None));
        assert_eq!([219_999, 220_000, 231_999, 232_000].map(|now| rounds.extension_at(now)), [0, 0, 0, 1]);
        assert!(rounds.propose_ms(3) > rounds.propose_ms(2));
        // Of each extension too, up to the last rank's.
        assert_eq!(rounds.vote_ms(rounds.first_round(1)), rounds.vote_ms(2));
        assert_eq!(rounds.propose_ms(rounds.first_round(1) + 3), rounds.propose_ms(5));
        assert_eq!(rounds.vote_ms(rounds.first_round(100) + 3), rounds.vote_ms(11));
    }

    #[test]
    fn short_slots_have_one_round_at_least() {
        let spec = Spec { slot_duration_ms: 500, ..Spec::default() };
        assert_eq!(Rounds::new(Slot(1), 0, Timing::default(), &spec).per_extension(), 1);
        let far = Rounds::new(Slot(1), 0, Timing::default(), &spec);
        assert!(far.first_round(far.extension_at(u64::MAX)) < u32::MAX);
    }
}
