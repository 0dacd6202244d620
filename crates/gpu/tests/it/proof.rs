//! Whole proofs, byte for byte those of the CPU.

use std::sync::Arc;

use quintet_air::{Air, AirSpec, Builder, Column, F, Free, Message, Proven, Publics, Tag, Trace, build, phase_two, public};
use quintet_gpu::{Device, DeviceOptions, Gpu};
use quintet_machine::AirId;
use quintet_plonk::{AirKey, AirKind, Backend, BlindSeed, Digest, Native, Params, ProofBlinds, Witness};

use crate::{
    device::{adapters, device, devices, options},
    workload::{Instance, plan},
};

const SEED: BlindSeed = BlindSeed { block_root: [7; 32], sub_block: 0, plan_root: [2; 32] };

/// One of everything in few columns: booleans, a ranged limb, a field column, a neighbour row, constraints of every degree, public values, an unused row.
struct Small {
    on: Column<Proven>,
    x: Column<Proven>,
    y: Column<Free>,
    z: Column<Free>,
}

impl Air for Small {
    const ID: u16 = 9;
    const NAME: &'static str = "small";

    fn build(b: &mut Builder) -> Self {
        let (on, x) = (b.boolean("on"), b.limb("x", 4));
        let (y, z) = (b.uint("y", 40), b.field("z"));
        b.constrain("square", on * (x * x - y));
        b.constrain("fifth", on * (x * x * x - z));
        b.transition("grows", on.next() * (y.next() - y) * (z.next() - z) * x);
        b.boundary(0, y);
        b.receive("square", on, Message::new(Tag(20)).value(x).value(y));
        Self { on, x, y, z }
    }
}

/// An instance; the smallest with a table of 16 has 2^6 rows.
pub(crate) struct SmallInstance {
    pub(crate) key: AirKey,
    pub(crate) trace: Trace,
}

impl SmallInstance {
    pub(crate) fn new() -> Self {
        Self::with_k(6)
    }

    pub(crate) fn with_k(k: u32) -> Self {
        let (air, spec): (Small, AirSpec) = build(k).unwrap();
        let mut trace = Trace::new(&spec);
        trace.fill(20, |row, cells| {
            let x = 3;
            cells.set_bool(air.on, row < 11);
            cells.set(air.x, x);
            cells.set(air.y, x * x);
            cells.set_field(air.z, F::from(x * x * x));
        });
        trace.count_tables(&spec);
        let key = AirKey::new(&Arc::new(Params::new(k)), spec, AirKind::Execution).unwrap();
        Self { key, trace }
    }

    pub(crate) fn blinds(&self) -> Vec<F> {
        SEED.phase_one(&self.key.spec, 0)
    }

    pub(crate) fn with_witness<T>(&self, run: impl FnOnce(Witness<'_>) -> T) -> T {
        let (alpha, beta) = (F::from(123), -F::from(7));
        let second = phase_two(&self.key.spec, &self.trace, alpha, beta);
        let mut publics = Publics([F::from(0); public::COUNT]);
        (publics.0[public::ALPHA], publics.0[public::BETA], publics.0[public::SUM]) = (alpha, beta, second.sum);
        (publics.0[public::AIR], publics.0[public::BOUNDARY]) = (F::from(9), self.trace.get(2, 0));
        publics.0[public::BINDING] = F::from(5);
        let blinds = ProofBlinds::derive(&self.key.layout, &self.blinds(), &Digest([5; 32]), &publics);
        run(Witness { trace: &self.trace, resident: None, second: &second, publics, blinds })
    }
}

pub(crate) fn same(key: &AirKey, witness: Witness<'_>, gpu: &Gpu) {
    let cpu = Native::default();
    let blinds = &witness.blinds.advice[..key.spec.phase_one];
    let expected = cpu.commit_phase_one(key, witness.trace, blinds).unwrap();
    let first = gpu.commit_phase_one(key, witness.trace, blinds).unwrap();
    assert_eq!(first.points, expected.points, "commitments of {}", key.spec.name);
    let expected = cpu.prove(key, &witness).unwrap();
    let witness = Witness { resident: first.resident.as_ref(), ..witness };
    let got = gpu.prove(key, &witness).unwrap();
    let differs = got.iter().zip(&expected).position(|(a, b)| a != b);
    assert!(got == expected, "{} at k = {}: first difference at {differs:?}", key.spec.name, key.spec.k);
}

#[test]
fn a_small_air_gives_the_bytes_of_the_cpu() {
    let Some(device) = device() else { return };
    let small = SmallInstance::new();
    small.with_witness(|witness| same(&small.key, witness, &Gpu::new(Arc::clone(device))));
}

/// Bindings so small that columns lie in several buffers and constraints run over parts of the rows.
#[test]
fn tables_that_do_not_fit_a_binding_give_the_same_bytes() {
    let Some(device) = device() else { return };
    let options = DeviceOptions { max_binding: 3 * 64 * 32, ..options(device.layout()) };
    let narrow = Device::open(adapters().unwrap(), 0, options).unwrap();
    let small = SmallInstance::new();
    small.with_witness(|witness| same(&small.key, witness, &Gpu::new(Arc::new(narrow))));
}

/// However a proof is cut up to save memory, its bytes are the same.
#[test]
fn proofs_that_stream_give_the_same_bytes() {
    let Some(device) = device() else { return };
    let small = SmallInstance::new();
    for (parts, block) in [(0, Some(1)), (1, None), (2, Some(4)), (3, Some(100))] {
        let gpu = Gpu::new(Arc::clone(device)).streaming(parts, block);
        small.with_witness(|witness| same(&small.key, witness, &gpu));
        assert_eq!(gpu.streamed(), 1);
    }
}

fn machine(device: &Arc<Device>, k: u32, times: u64, airs: &[AirId]) {
    let (params, planned, gpu) = (Arc::new(Params::new(k)), plan(times, k), Gpu::new(Arc::clone(device)));
    for air in airs {
        let instance = Instance::first(&params, &planned, *air);
        assert_eq!(instance.air, *air);
        let started = std::time::Instant::now();
        instance.with_witness(|witness| same(&instance.key, witness, &gpu));
        println!("{}, {}: {:?}", air.name(), device.layout().name(), started.elapsed());
    }
}

#[test]
fn airs_of_the_machine_give_the_bytes_of_the_cpu() {
    if let Some(device) = device() {
        machine(device, 10, 20, &[AirId::Cpu]);
    }
}

#[test]
#[ignore = "long: every AIR on a device that may be a program"]
fn every_air_of_the_machine_gives_the_bytes_of_the_cpu() {
    for device in devices() {
        machine(device, 10, 20, &AirId::ALL);
    }
}
