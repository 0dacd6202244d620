//! The plan of a job: which instances its proof consists of. Every node computes it by executing the guest.

use serde::{Deserialize, Serialize};
use ssz_derive::{Decode, Encode};
use ssz_types::VariableList;
use ssz_types::typenum::{U4096, U65536};
use tree_hash::TreeHash as _;
use tree_hash_derive::TreeHash;

use crate::{InstanceIndex, Root};

/// SSZ limit of instances in a plan. The network's `MAX_INSTANCES` is the smaller, effective one.
pub type MaxPlanEntries = U65536;

/// SSZ limit of public output words.
pub type MaxOutputs = U4096;

/// One instance: a piece of the execution trace that is proven on its own.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Encode, Decode, TreeHash)]
pub struct PlanEntry {
    /// Number of the AIR in the machine's list.
    #[serde(with = "crate::quoted")]
    pub air: u16,
    /// Which instance of that AIR, from 0.
    #[serde(with = "crate::quoted")]
    pub index: u32,
    /// Rows in use, at most the usable rows of a circuit of size 2^k.
    #[serde(with = "crate::quoted")]
    pub rows: u64,
}

/// What there is to prove for one job. Its hash tree root is the `plan_root`.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode, TreeHash)]
pub struct Plan {
    /// log₂ of the circuit height of all instances.
    #[serde(with = "crate::quoted")]
    pub k: u8,
    /// Pins the guest program: its code and initial memory image.
    pub program_id: Root,
    /// Pins the machine: hash of all verifying keys.
    pub machine_id: Root,
    /// Pins the canonical encoding of the guest's input.
    pub input_root: Root,
    /// The instances, in the order in which D, the proofs and the assignment count them.
    pub entries: VariableList<PlanEntry, MaxPlanEntries>,
    /// Public output words.
    #[serde(with = "crate::quoted::list")]
    pub outputs: VariableList<u64, MaxOutputs>,
    /// Exit code of the guest; a proof exists for 0 only.
    #[serde(with = "crate::quoted")]
    pub exit_code: u64,
    /// Cycles executed.
    #[serde(with = "crate::quoted")]
    pub cycles: u64,
}

impl Plan {
    /// `plan_root`.
    pub fn root(&self) -> Root {
        self.tree_hash_root()
    }

    /// How many instances there are: `num_of_partial_proofs` of the source.
    pub fn num_instances(&self) -> usize {
        self.entries.len()
    }

    /// Positions of all instances, in plan order.
    pub fn instances(&self) -> impl Iterator<Item = InstanceIndex> + use<> {
        // The SSZ limit keeps the length within u32.
        (0..self.entries.len() as u32).map(InstanceIndex)
    }
}
