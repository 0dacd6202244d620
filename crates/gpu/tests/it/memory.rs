//! What proofs take on a device: accounted for, foreseen, and kept within what there is.

use std::sync::Arc;

use quintet_air::AirSpec;
use quintet_gpu::{Device, DeviceOptions, Error, Gpu, Need};
use quintet_machine::{AirId, airs};
use quintet_plonk::{AirKey, Backend, Native, Params, Witness};

use crate::{
    device::{adapters, device, options},
    proof::SmallInstance,
    workload::{Instance, plan},
};

fn with_memory(memory: Option<u64>) -> Option<Arc<Device>> {
    let layout = device()?.layout();
    Some(Arc::new(Device::open(adapters()?, 0, DeviceOptions { memory, ..options(layout) }).unwrap()))
}

/// Commits and proves on a device; gives the proof and the most that was held.
fn prove(device: &Arc<Device>, key: &AirKey, witness: Witness<'_>) -> Result<(Vec<u8>, u64), quintet_plonk::Error> {
    prove_on(&Gpu::new(Arc::clone(device)), key, witness)
}

fn prove_on(gpu: &Gpu, key: &AirKey, witness: Witness<'_>) -> Result<(Vec<u8>, u64), quintet_plonk::Error> {
    let device = gpu.device();
    device.restart_peak();
    let first = gpu.commit_phase_one(key, witness.trace, &witness.blinds.advice[..key.spec.phase_one])?;
    let proof = gpu.prove(key, &Witness { resident: first.resident.as_ref(), ..witness })?;
    Ok((proof, device.peak_memory()))
}

fn need(device: &Device, spec: &AirSpec) -> Need {
    Need::new(spec, device.options().max_binding, 0).unwrap()
}

/// What is foreseen is enough, and not much more than it takes.
fn foreseen(device: &Arc<Device>, key: &AirKey, witness: Witness<'_>) -> Vec<u8> {
    let (proof, peak) = prove(device, key, witness).unwrap();
    let need = need(device, &key.spec);
    let air = key.spec.name;
    println!("{air}, k = {}: {peak} bytes of {} foreseen, {} at least", key.spec.k, need.whole, need.least);
    assert!(peak <= need.whole, "{air}: {peak} bytes, {} foreseen", need.whole);
    assert!(4 * peak >= 3 * need.whole.saturating_sub(1 << 20), "{air}: {peak} bytes, {} foreseen", need.whole);
    assert!(need.least < need.whole, "{air}: {need:?}");
    proof
}

/// With the least memory that is said to be enough, the same bytes come out and no more is held. Gives whether the proof streamed.
fn within(budget: u64, key: &AirKey, witness: Witness<'_>, expected: &[u8]) -> bool {
    let Some(device) = with_memory(Some(budget)) else { return false };
    let gpu = Gpu::new(device);
    let (proof, peak) = prove_on(&gpu, key, witness).unwrap();
    println!("{}: {peak} bytes of {budget}", key.spec.name);
    assert!(peak <= budget, "{peak} bytes of {budget}");
    assert!(proof == expected, "{} with {budget} bytes", key.spec.name);
    gpu.streamed() == 1
}

#[test]
fn a_proof_takes_what_was_foreseen_and_streams_where_that_is_not_there() {
    let Some(device) = with_memory(None) else { return };
    let small = SmallInstance::with_k(8);
    let proof = small.with_witness(|witness| foreseen(&device, &small.key, witness));
    assert!(proof == small.with_witness(|witness| Native::default().prove(&small.key, &witness).unwrap()));
    let need = need(&device, &small.key.spec);
    small.with_witness(|witness| _ = within(need.least, &small.key, witness, &proof));
    // Less than that is an error that says so, and no proof.
    let device = with_memory(Some(need.least / 2)).unwrap();
    let error = small.with_witness(|witness| prove(&device, &small.key, witness)).unwrap_err();
    let quintet_plonk::Error::Hardware(error) = error else { panic!("{error}") };
    assert!(
        matches!(error.downcast_ref(), Some(Error::TooSmall { .. } | Error::OutOfMemory { .. })),
        "what does not fit says so: {error}"
    );
}

#[test]
fn columns_that_wait_for_their_proofs_make_room() {
    let Some(device) = with_memory(None) else { return };
    let small = SmallInstance::with_k(8);
    let need = need(&device, &small.key.spec);
    let device = with_memory(Some(need.whole)).unwrap();
    let gpu = Gpu::new(Arc::clone(&device));
    let commit = || gpu.commit_phase_one(&small.key, &small.trace, &small.blinds()).unwrap();
    let waiting: Vec<_> = (0..20).map(|_| commit()).collect();
    let expected = small.with_witness(|witness| Native::default().prove(&small.key, &witness).unwrap());
    for first in [&waiting[0], &waiting[19]] {
        let prove = |witness: Witness<'_>| gpu.prove(&small.key, &Witness { resident: first.resident.as_ref(), ..witness });
        assert!(small.with_witness(prove).unwrap() == expected);
    }
    assert!(device.peak_memory() <= need.whole);
}

#[test]
fn everything_is_given_back_and_the_driver_counts_the_same() {
    let Some(device) = with_memory(None) else { return };
    let before = device.memory();
    let small = SmallInstance::new();
    small.with_witness(|witness| prove(&device, &small.key, witness).unwrap());
    device.wait().unwrap();
    // Arenas stay with the device.
    assert!(device.memory() <= before + (1 << 20), "{} bytes are left", device.memory());
    let buffer = device.buffer("something", 10 << 20).unwrap();
    if let Some(allocated) = device.allocated() {
        assert!(allocated.abs_diff(device.memory()) < 2 << 20, "{allocated} bytes by the driver, {}", device.memory());
    }
    drop(buffer);
}

/// The table in docs/gpu.md, on a card whose kernels see 128 MiB of a buffer.
#[test]
#[ignore = "long: describes every AIR at three sizes"]
fn table_of_what_proofs_need() {
    let mib = |bytes: u64| bytes.div_ceil(1 << 20);
    for air in AirId::ALL {
        let mut line = format!("| {} |", air.name());
        for k in [14, 16, 18] {
            let spec = airs::spec(air, k);
            match Need::new(&spec, 128 << 20, 0) {
                Ok(need) => line += &format!(" {} | {} | {} |", mib(need.kept), mib(need.whole), mib(need.least)),
                Err(error) => line += &format!(" {error} | | |"),
            }
        }
        println!("{line}");
    }
}

fn machine(airs: &[AirId]) {
    let Some(device) = with_memory(None) else { return };
    let k = 10;
    let (params, planned) = (Arc::new(Params::new(k)), plan(20, k));
    for air in airs {
        let instance = Instance::first(&params, &planned, *air);
        let proof = instance.with_witness(|witness| foreseen(&device, &instance.key, witness));
        let need = need(&device, &instance.key.spec);
        let streamed = instance.with_witness(|witness| within(need.least, &instance.key, witness, &proof));
        assert!(streamed || need.whole < 2 * need.least, "{} streams", air.name());
    }
}

#[test]
fn an_air_of_the_machine_takes_what_was_foreseen_and_streams() {
    machine(&[AirId::Image]);
}

#[test]
#[ignore = "long: every AIR on a device that may be a program, twice"]
fn every_air_of_the_machine_takes_what_was_foreseen_and_streams() {
    machine(&AirId::ALL);
}
