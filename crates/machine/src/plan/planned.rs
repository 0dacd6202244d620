//! An execution with its plan: gives the records of any one instance.

use quintet_types::{Plan, Root};

use super::{
    capacity::{SUPPORTED_K, capacity},
    instances::{instances, operation_range},
};
use crate::{AirId, Execution, InstanceEvents, PlanError, exec::Window};

/// What a plan pins beside the execution; the proof system and the job know these.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlanIds {
    /// Commitments to program and image.
    pub program_id: Root,
    /// Hash of all verifying keys.
    pub machine_id: Root,
    /// The canonical encoding of the input.
    pub input_root: Root,
}

/// An execution cut into instances.
#[derive(Debug)]
pub struct Planned {
    execution: Execution,
    plan: Plan,
}

impl Planned {
    /// Cuts an execution into instances of 2^k rows.
    ///
    /// # Errors
    /// [`PlanError::UnsupportedK`], and [`PlanError::TooManyInstances`] if the plan's list cannot hold them.
    pub fn new(execution: Execution, k: u32, ids: PlanIds) -> Result<Self, PlanError> {
        let entries = instances(&execution, k)?;
        let count = entries.len();
        let plan = Plan {
            // `instances` has checked k.
            k: k as u8,
            program_id: ids.program_id,
            machine_id: ids.machine_id,
            input_root: ids.input_root,
            entries: entries.try_into().map_err(|_| PlanError::TooManyInstances { count })?,
            outputs: execution.outputs().to_vec().try_into().map_err(|_| PlanError::TooManyInstances { count })?,
            exit_code: execution.exit_code(),
            cycles: execution.cycles(),
        };
        debug_assert!(SUPPORTED_K.contains(&k));
        Ok(Self { execution, plan })
    }

    /// The plan; its hash tree root is the `plan_root`.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The execution behind it.
    pub fn execution(&self) -> &Execution {
        &self.execution
    }

    /// log₂ of the circuits' height.
    pub fn k(&self) -> u32 {
        self.plan.k.into()
    }

    /// The records of one instance, by executing again from the last checkpoint before it.
    ///
    /// # Errors
    /// [`PlanError::NoInstance`] for what is not in the plan. The other errors mean that memory was damaged since the
    /// first execution.
    pub fn instance_events(&self, air: AirId, index: u32) -> Result<InstanceEvents, PlanError> {
        let planned = self.plan.entries.iter().any(|entry| entry.air == air.number() && entry.index == index);
        if !planned {
            return Err(PlanError::NoInstance { air, index });
        }
        let operations = self.execution.operations(air);
        let range = operation_range(air, index, self.k(), operations);
        let words = range.start as usize..range.end as usize;
        match air {
            AirId::Program => Ok(InstanceEvents::Program(self.execution.executed()[words].to_vec())),
            AirId::Image => Ok(InstanceEvents::Image(self.execution.image_words(words))),
            AirId::Memory => {
                // The word before the instance is needed for its address.
                let first = words.start.saturating_sub(1);
                let mut events = self.execution.memory_words(first..words.end);
                let previous = (words.start > 0).then(|| events.remove(0).addr);
                Ok(InstanceEvents::Memory { previous, is_last: range.end == operations, words: events })
            }
            _ => self.replay(air, index, range.start, range.end - range.start),
        }
    }

    fn replay(&self, air: AirId, index: u32, start: u64, wanted: u64) -> Result<InstanceEvents, PlanError> {
        let execution = &self.execution;
        let (mut events, missing) = match air {
            AirId::Cpu => execution.replay(air, start, |skip| Window::<true>::new(air, skip, wanted))?.finish(),
            _ => execution.replay(air, start, |skip| Window::<false>::new(air, skip, wanted))?.finish(),
        };
        if missing != 0 {
            return Err(PlanError::Diverged { air, index, found: wanted - missing, expected: wanted });
        }
        if let InstanceEvents::Cpu(events) = &mut events {
            let program = self.execution.program();
            for event in events {
                // Only instructions that have a row are executed.
                event.row = program.row_at(event.pc).unwrap_or(event.row);
            }
        }
        Ok(events)
    }

    /// Operations that an instance of an AIR holds in this plan.
    pub fn capacity(&self, air: AirId) -> u64 {
        capacity(air, self.k())
    }
}
