//! What the interpreter reports while it runs: to nobody, to a counter, or to the records of one instance.

use crate::{AirId, AluEvent, CpuEvent, InstanceEvents, KeccakEvent, LoadStoreEvent};

/// Receives what happens in an execution. Calls for one instruction come in the order of its slots, `cpu` last.
pub(crate) trait Recorder {
    /// Whether `cpu` is wanted; if not, the interpreter does not build its records.
    const CPU: bool;
    /// Whether `alu`, `load_store` and `keccak` are wanted.
    const OPERATIONS: bool;
    /// The instruction at `index` of the text is about to be executed.
    fn fetched(&mut self, index: usize);
    /// Whether nothing more is wanted.
    fn done(&self) -> bool;
    /// An instruction was executed; its `row` is the index in the text.
    fn cpu(&mut self, event: CpuEvent);
    /// An ALU operation.
    fn alu(&mut self, air: AirId, event: AluEvent);
    /// A load or store.
    fn load_store(&mut self, air: AirId, event: LoadStoreEvent);
    /// A keccak-f call.
    fn keccak(&mut self, event: &KeccakEvent);
}

/// Counts how often each instruction of the text is executed.
#[derive(Debug)]
pub(crate) struct Profile {
    pub(crate) executed: Vec<u64>,
}

impl Recorder for Profile {
    const CPU: bool = false;
    const OPERATIONS: bool = false;

    #[inline(always)]
    fn fetched(&mut self, index: usize) {
        self.executed[index] += 1;
    }

    #[inline(always)]
    fn done(&self) -> bool {
        false
    }

    fn cpu(&mut self, _: CpuEvent) {}
    fn alu(&mut self, _: AirId, _: AluEvent) {}
    fn load_store(&mut self, _: AirId, _: LoadStoreEvent) {}
    fn keccak(&mut self, _: &KeccakEvent) {}
}

/// Keeps a range of one AIR's operations; `CPU` says whether it is the cpu AIR's.
#[derive(Debug)]
pub(crate) struct Window<const CPU: bool> {
    air: AirId,
    /// Operations to pass over before the first that is wanted.
    skip: u64,
    /// Operations still wanted.
    wanted: u64,
    events: InstanceEvents,
}

impl<const CPU: bool> Window<CPU> {
    /// Passes over `skip` operations of `air` and keeps the `wanted` that follow.
    ///
    /// For program, image and memory, whose rows are not operations of instructions, it keeps nothing.
    pub(crate) fn new(air: AirId, skip: u64, wanted: u64) -> Self {
        let room = wanted as usize;
        let events = match air {
            AirId::Cpu => InstanceEvents::Cpu(Vec::with_capacity(room)),
            AirId::Word | AirId::Subword => InstanceEvents::LoadStore(Vec::with_capacity(room)),
            AirId::KeccakMemory | AirId::Keccak => InstanceEvents::Keccak(Vec::with_capacity(room)),
            _ => InstanceEvents::Alu(Vec::with_capacity(room)),
        };
        Self { air, skip, wanted, events }
    }

    /// Whether the next operation is to be kept; counts it.
    fn take(&mut self) -> bool {
        if self.skip > 0 {
            self.skip -= 1;
            return false;
        }
        let take = self.wanted > 0;
        self.wanted = self.wanted.saturating_sub(1);
        take
    }

    /// The records, and how many are missing.
    pub(crate) fn finish(self) -> (InstanceEvents, u64) {
        (self.events, self.wanted)
    }
}

impl<const CPU: bool> Recorder for Window<CPU> {
    const CPU: bool = CPU;
    const OPERATIONS: bool = !CPU;

    fn fetched(&mut self, _: usize) {}

    fn done(&self) -> bool {
        self.wanted == 0
    }

    fn cpu(&mut self, event: CpuEvent) {
        if self.take()
            && let InstanceEvents::Cpu(events) = &mut self.events
        {
            events.push(event);
        }
    }

    fn alu(&mut self, air: AirId, event: AluEvent) {
        if self.air == air
            && self.take()
            && let InstanceEvents::Alu(events) = &mut self.events
        {
            events.push(event);
        }
    }

    fn load_store(&mut self, air: AirId, event: LoadStoreEvent) {
        if self.air == air
            && self.take()
            && let InstanceEvents::LoadStore(events) = &mut self.events
        {
            events.push(event);
        }
    }

    fn keccak(&mut self, event: &KeccakEvent) {
        if matches!(self.air, AirId::KeccakMemory | AirId::Keccak)
            && self.take()
            && let InstanceEvents::Keccak(events) = &mut self.events
        {
            events.push(event.clone());
        }
    }
}
