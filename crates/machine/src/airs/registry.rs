//! All AIRs by number: their descriptions, and the traces of their instances.

use std::{
    collections::HashMap,
    ops::Range,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use ff::Field;
use quintet_air::{Air, AirSpec, Cell, F, Publics, Trace, build, public};

use super::{
    add::Add,
    bitwise::Bitwise,
    compare::Compare,
    cpu::Cpu,
    div::Div,
    image::Image,
    keccak::Keccak,
    keccak_mem::KeccakMem,
    memory::{Memory, MemoryPart},
    mul::Mul,
    program::ProgramTable,
    regions::occupied,
    shift::Shift,
    subword::Subword,
    word::Word,
};
use crate::{
    AirId, InstanceEvents, Program, WordEvent,
    plan::{SUPPORTED_K, capacity},
};

/// Why there is no trace.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TraceError {
    /// The records are those of another AIR.
    #[error("{air} cannot be filled from {found} records")]
    Records {
        /// The AIR.
        air: AirId,
        /// What the records are of.
        found: &'static str,
    },
    /// More records than the instance has room for.
    #[error("{air} at k = {k} holds {capacity} records, there are {found}")]
    TooMany {
        /// The AIR.
        air: AirId,
        /// Log₂ of the number of rows.
        k: u32,
        /// Room.
        capacity: usize,
        /// Number of records.
        found: usize,
    },
    /// The program has no such part.
    #[error("{air} has no instance {index} of this program at k = {k}")]
    NoPart {
        /// The AIR.
        air: AirId,
        /// Index of the instance.
        index: u32,
        /// Log₂ of the number of rows.
        k: u32,
    },
}

/// An AIR with its handles, by number.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "there is one value for each AIR and k")]
enum Handles {
    Cpu(Cpu),
    Program(ProgramTable),
    Image(Image),
    Memory(Memory),
    Word(Word),
    Subword(Subword),
    Add(Add),
    Bitwise(Bitwise),
    Shift(Shift),
    Compare(Compare),
    Mul(Mul),
    Div(Div),
    KeccakMemory(KeccakMem),
    Keccak(Keccak),
}

#[derive(Debug)]
struct Entry {
    handles: Handles,
    spec: Arc<AirSpec>,
}

fn describe(air: AirId, k: u32) -> Result<(Handles, AirSpec), quintet_air::Error> {
    fn of<A: Air>(k: u32, wrap: fn(A) -> Handles) -> Result<(Handles, AirSpec), quintet_air::Error> {
        build::<A>(k).map(|(air, spec)| (wrap(air), spec))
    }
    match air {
        AirId::Cpu => of(k, Handles::Cpu),
        AirId::Program => of(k, Handles::Program),
        AirId::Image => of(k, Handles::Image),
        AirId::Memory => of(k, Handles::Memory),
        AirId::Word => of(k, Handles::Word),
        AirId::Subword => of(k, Handles::Subword),
        AirId::Add => of(k, Handles::Add),
        AirId::Bitwise => of(k, Handles::Bitwise),
        AirId::Shift => of(k, Handles::Shift),
        AirId::Compare => of(k, Handles::Compare),
        AirId::Mul => of(k, Handles::Mul),
        AirId::Div => of(k, Handles::Div),
        AirId::KeccakMemory => of(k, Handles::KeccakMemory),
        AirId::Keccak => of(k, Handles::Keccak),
    }
}

/// The entry of an AIR, built once per k and process.
fn entry(air: AirId, k: u32) -> Arc<Entry> {
    type Entries = Mutex<HashMap<(AirId, u32), Arc<Entry>>>;
    static ENTRIES: OnceLock<Entries> = OnceLock::new();
    assert!(SUPPORTED_K.contains(&k), "k = {k} is not supported");
    let entries = ENTRIES.get_or_init(Mutex::default);
    // A panic while the lock is held leaves the map as it was.
    if let Some(entry) = entries.lock().unwrap_or_else(PoisonError::into_inner).get(&(air, k)) {
        return entry.clone();
    }
    let (handles, spec) = describe(air, k).unwrap_or_else(|error| panic!("mistake in an AIR: {error}"));
    let entry = Arc::new(Entry { handles, spec: Arc::new(spec) });
    entries.lock().unwrap_or_else(PoisonError::into_inner).entry((air, k)).or_insert(entry).clone()
}

/// The description of an AIR at size `2^k`.
///
/// # Panics
/// If k is not in [`SUPPORTED_K`].
pub fn spec(air: AirId, k: u32) -> Arc<AirSpec> {
    entry(air, k).spec.clone()
}

/// The trace of one instance.
///
/// # Errors
/// Records of another AIR or too many, an instance that the program does not have, see [`TraceError`].
///
/// # Panics
/// As [`spec`].
pub fn trace(program: &Program, air: AirId, index: u32, k: u32, events: &InstanceEvents) -> Result<Trace, TraceError> {
    let entry = entry(air, k);
    let spec = &*entry.spec;
    let check = |found: usize| {
        let capacity = capacity(air, k) as usize;
        if found > capacity { Err(TraceError::TooMany { air, k, capacity, found }) } else { Ok(()) }
    };
    match (&entry.handles, events) {
        (Handles::Cpu(cpu), InstanceEvents::Cpu(events)) => {
            check(events.len())?;
            Ok(cpu.trace(spec, program, events))
        }
        (Handles::Program(table), InstanceEvents::Program(counts)) => {
            check(counts.len())?;
            Ok(table.trace(spec, part(air, index, k, program.rows())?, counts))
        }
        (Handles::Image(image), InstanceEvents::Image(words)) => {
            check(words.len())?;
            Ok(image.trace(spec, words, &image_regions(program, index)))
        }
        (Handles::Memory(memory), InstanceEvents::Memory { previous, is_last, words }) => {
            check(words.len())?;
            let part = MemoryPart { previous: *previous, is_last: *is_last, words };
            Ok(memory.trace(spec, part, &occupied(program)))
        }
        (Handles::Word(word), InstanceEvents::LoadStore(events)) => {
            check(events.len())?;
            Ok(word.trace(spec, events))
        }
        (Handles::Subword(subword), InstanceEvents::LoadStore(events)) => {
            check(events.len())?;
            Ok(subword.trace(spec, events))
        }
        (Handles::KeccakMemory(memory), InstanceEvents::Keccak(events)) => {
            check(events.len())?;
            Ok(memory.trace(spec, events))
        }
        (Handles::Keccak(keccak), InstanceEvents::Keccak(events)) => {
            check(events.len())?;
            Ok(keccak.trace(spec, events))
        }
        (handles, InstanceEvents::Alu(events)) => {
            check(events.len())?;
            match handles {
                Handles::Add(add) => Ok(add.trace(spec, events)),
                Handles::Bitwise(bitwise) => Ok(bitwise.trace(spec, events)),
                Handles::Shift(shift) => Ok(shift.trace(spec, events)),
                Handles::Compare(compare) => Ok(compare.trace(spec, events)),
                Handles::Mul(mul) => Ok(mul.trace(spec, events)),
                Handles::Div(div) => Ok(div.trace(spec, events)),
                _ => Err(TraceError::Records { air, found: "ALU" }),
            }
        }
        _ => Err(TraceError::Records { air, found: kind(events) }),
    }
}

/// The trace of an instance of the program or image AIR with the pinned columns only: what `program_id` commits to.
///
/// # Errors
/// [`TraceError::NoPart`] if the program has no such instance or the AIR pins nothing.
///
/// # Panics
/// As [`spec`].
pub fn pinned_trace(program: &Program, air: AirId, index: u32, k: u32) -> Result<Trace, TraceError> {
    let entry = entry(air, k);
    match &entry.handles {
        Handles::Program(table) => Ok(table.trace(&entry.spec, part(air, index, k, program.rows())?, &[])),
        Handles::Image(image) => {
            let words = match part(air, index, k, program.image()) {
                Err(_) if index == 0 => &[],
                words => words?,
            };
            let words: Vec<WordEvent> =
                words.iter().map(|&(addr, initial)| WordEvent { addr, initial, ..WordEvent::default() }).collect();
            Ok(image.trace(&entry.spec, &words, &image_regions(program, index)))
        }
        _ => Err(TraceError::NoPart { air, index, k }),
    }
}

/// Number of instances of an AIR that pins columns; 0 for the others. The image AIR has at least one, for the regions.
pub fn pinned_instances(program: &Program, air: AirId, k: u32) -> u32 {
    let items = match air {
        AirId::Program => program.rows().len(),
        AirId::Image => program.image().len().max(1),
        _ => 0,
    };
    items.div_ceil(capacity(air, k) as usize) as u32
}

/// The instance's part of a table.
fn part<T>(air: AirId, index: u32, k: u32, items: &[T]) -> Result<&[T], TraceError> {
    let capacity = capacity(air, k) as usize;
    items.chunks(capacity).nth(index as usize).ok_or(TraceError::NoPart { air, index, k })
}

/// The regions that an instance of the image AIR holds: all in the first.
fn image_regions(program: &Program, index: u32) -> Vec<Range<u64>> {
    if index == 0 { occupied(program) } else { Vec::new() }
}

const fn kind(events: &InstanceEvents) -> &'static str {
    match events {
        InstanceEvents::Cpu(_) => "instruction",
        InstanceEvents::Program(_) => "program",
        InstanceEvents::Image(_) => "image",
        InstanceEvents::Memory { .. } => "memory",
        InstanceEvents::LoadStore(_) => "load and store",
        InstanceEvents::Alu(_) => "ALU",
        InstanceEvents::Keccak(_) => "keccak",
    }
}

/// The boundary values of an instance: what its trace has at row 0 for each boundary slot, 0 for slots without content.
pub fn boundaries(spec: &AirSpec, trace: &Trace) -> [F; public::BOUNDARIES] {
    let mut values = [F::ZERO; public::BOUNDARIES];
    for (slot, value) in values.iter_mut().enumerate() {
        let name = format!("boundary value {slot}");
        // The constraint is `first · (expr − public)`, whose value at row 0 is `expr` if the public value is taken as 0.
        if let Some(constraint) = spec.constraints.iter().find(|constraint| constraint.name == name) {
            *value = constraint.expr.eval(&|cell| match cell {
                Cell::Advice(column, _) => trace.get(column, 0),
                Cell::Fixed(column, _) => spec.fixed[column].values[0],
                Cell::Public(_) => F::ZERO,
            });
        }
    }
    values
}

/// The public values of an instance, in the order of [`public`].
pub fn publics(spec: &AirSpec, trace: &Trace, index: u32, [alpha, beta]: [F; 2], sum: F, binding: F) -> Publics {
    let mut values = [F::ZERO; public::COUNT];
    values[public::ALPHA] = alpha;
    values[public::BETA] = beta;
    values[public::AIR] = F::from(u64::from(spec.id));
    values[public::INDEX] = F::from(u64::from(index));
    values[public::BOUNDARY..public::BOUNDARY + public::BOUNDARIES].copy_from_slice(&boundaries(spec, trace));
    values[public::SUM] = sum;
    values[public::BINDING] = binding;
    Publics(values)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Bytes of a partial proof: commitments, openings, rounds (`docs/machine.md`, "Sizes").
    fn proof_bytes(spec: &AirSpec) -> usize {
        let constraints = spec.constraints.iter().map(|constraint| &constraint.expr);
        let queries: BTreeSet<Cell> = constraints.clone().flat_map(|expr| expr.cells()).collect();
        let degree = constraints.map(|expr| expr.degree()).max().unwrap_or(0).max(3);
        let rotations: BTreeSet<i32> = queries
            .iter()
            .map(|cell| match cell {
                Cell::Advice(_, rotation) | Cell::Fixed(_, rotation) => *rotation,
                Cell::Public(_) => 0,
            })
            .collect();
        let publics = queries.iter().filter(|cell| matches!(cell, Cell::Public(_))).count();
        let queries = queries.len() - publics + 1;
        32 * (spec.columns.len() + degree - 1 + 3 + 2 * spec.k as usize + queries + 1 + rotations.len() + 1 + 2)
    }

    #[test]
    fn every_air_can_be_described_at_every_k() {
        for air in AirId::ALL {
            for k in [10, 11, 12, 13, 14, 15, 16] {
                let spec = spec(air, k);
                assert_eq!(spec.id, air.number());
                assert_eq!(spec.name, air.name());
                let (columns, bytes) = (spec.columns.len(), proof_bytes(&spec));
                println!("{air} k = {k}: {} + {} columns, {bytes} bytes", spec.phase_one, columns - spec.phase_one);
                assert!(air == AirId::Keccak || columns <= 100, "{air}: {columns} columns");
                assert!(bytes <= 32_000, "{air}: {bytes} bytes");
            }
        }
    }

    #[test]
    fn large_tables_can_be_described() {
        for air in [AirId::Cpu, AirId::Memory, AirId::Subword] {
            assert_eq!(spec(air, 20).height(), (1 << 20) - quintet_air::RESERVED_ROWS);
        }
    }
}
