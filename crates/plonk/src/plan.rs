//! Which instances make up a proof, and the rules that a plan has to keep for the proof to mean anything: soundness never rests on the plan being
//! honest.

use std::collections::BTreeMap;

use crate::{AirKind, InstanceId, MachineKeys, ProgramKey, Rejection};

/// The instances of a proof, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanShape {
    /// Log₂ of the number of rows of every instance.
    pub k: u32,
    /// The instances.
    pub instances: Vec<InstanceId>,
}

impl PlanShape {
    /// Largest number of instances: bounds the multiplicities and messages that the bus argument's error counts.
    pub const MAX_INSTANCES: usize = 4096;

    /// Checks the plan against machine and program:
    /// * of their size, with 1 to [`Self::MAX_INSTANCES`] entries in strictly increasing order, so none twice;
    /// * only AIRs of the machine; those of execution numbered without gaps;
    /// * of tables that initialise something exactly the program's instances, of tables that are looked up only such.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn check(&self, keys: &MachineKeys, program: &ProgramKey) -> Result<(), Rejection> {
        if program.k() != keys.k() {
            return Err(Rejection::Size { expected: keys.k(), got: program.k() });
        }
        if self.k != keys.k() {
            return Err(Rejection::Size { expected: keys.k(), got: self.k });
        }
        if self.instances.is_empty() || self.instances.len() > Self::MAX_INSTANCES {
            return Err(Rejection::PlanLength(self.instances.len()));
        }
        if let Some(pair) = self.instances.windows(2).find(|pair| pair[0] >= pair[1]) {
            return Err(Rejection::PlanOrder(pair[1]));
        }
        let mut counts: BTreeMap<u16, usize> = BTreeMap::new();
        for &id in &self.instances {
            let key = keys.air(id.air).ok_or(Rejection::UnknownAir(id.air))?;
            let count = counts.entry(id.air).or_default();
            if !program.has(key.kind, id) {
                return Err(Rejection::PlanRange(id));
            }
            if key.kind != AirKind::Selection && *count != id.index as usize {
                return Err(Rejection::PlanGap(id));
            }
            *count += 1;
        }
        for key in keys.airs().filter(|key| key.kind == AirKind::Whole) {
            let air = key.spec.id;
            let (expected, got) = (program.instances(air), counts.get(&air).copied().unwrap_or(0));
            if expected != got {
                return Err(Rejection::PlanIncomplete { air, expected, got });
            }
        }
        Ok(())
    }

    /// Place of an instance.
    pub fn place(&self, id: InstanceId) -> Option<usize> {
        self.instances.binary_search(&id).ok()
    }
}
