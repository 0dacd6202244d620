//! Devices that fail: one error, and the CPU goes on.

use std::{sync::Arc, time::Duration};

use quintet_gpu::{
    Choice, Device, DeviceOptions, Error, Gpu, GpuOptions, Guarded, KernelSpec, field, open, shader::Layout, tune,
};
use quintet_plonk::{Backend, Native, Witness};

use crate::{
    device::{adapters, device},
    proof::SmallInstance,
};

fn fresh(device: &Device) -> Device {
    Device::open(adapters().unwrap(), 0, DeviceOptions::new(device.layout())).unwrap()
}

#[test]
fn a_lost_device_is_given_up_and_the_cpu_goes_on() {
    let Some(device) = device() else { return };
    let device = Arc::new(fresh(device));
    let guarded = Guarded::new(vec![Gpu::new(Arc::clone(&device))], true);
    let monitor = guarded.monitor();
    device.destroy();
    let small = SmallInstance::new();
    let expected = Native::default().commit_phase_one(&small.key, &small.trace, &small.blinds()).unwrap();
    for _ in 0..2 {
        let first = guarded.commit_phase_one(&small.key, &small.trace, &small.blinds()).unwrap();
        assert_eq!(first.points, expected.points);
    }
    let proof = small.with_witness(|witness| guarded.prove(&small.key, &witness).unwrap());
    assert_eq!(proof, small.with_witness(|witness| Native::default().prove(&small.key, &witness).unwrap()));
    let [status] = &monitor.status()[..] else { panic!("one device") };
    assert!(!status.working);
    assert_eq!((status.made, status.fallbacks, monitor.fallbacks()), (0, 3, 3));
}

#[test]
fn what_a_device_makes_passes_its_checks_and_is_counted() {
    let Some(device) = device() else { return };
    let guarded = Guarded::new(vec![Gpu::new(Arc::clone(device))], true);
    let small = SmallInstance::new();
    let first = guarded.commit_phase_one(&small.key, &small.trace, &small.blinds()).unwrap();
    let expected = small.with_witness(|witness| Native::default().prove(&small.key, &witness).unwrap());
    let proof = small
        .with_witness(|witness| guarded.prove(&small.key, &Witness { resident: first.resident.as_ref(), ..witness }).unwrap());
    assert!(proof == expected);
    let [status] = &guarded.monitor().status()[..] else { panic!("one device") };
    assert!(status.working && status.memory > 0);
    assert_eq!((status.made, status.fallbacks), (2, 0));
}

#[test]
fn memory_that_is_not_there_is_an_error_and_memory_is_counted() {
    let Some(device) = device() else { return };
    let device = fresh(device);
    let before = device.memory();
    let buffer = device.buffer("something", 1000).unwrap();
    assert_eq!((buffer.bytes(), device.memory()), (1008, before + 1008));
    drop(buffer);
    assert_eq!(device.memory(), before);
    assert!(matches!(device.buffer("everything", 1 << 60), Err(Error::OutOfMemory { .. })));
    device.buffer("something", 1000).unwrap();
}

#[test]
fn a_device_that_hangs_is_noticed() {
    let Some(device) = device() else { return };
    let options = DeviceOptions { timeout: Duration::from_nanos(1), ..DeviceOptions::new(device.layout()) };
    let device = Device::open(adapters().unwrap(), 0, options).unwrap();
    assert!(matches!(tune::multiplications(&device), Err(Error::Hang(_))));
}

#[test]
fn kernels_that_are_wrong_are_refused_with_their_name() {
    let Some(device) = device() else { return };
    // A transform without its radix.
    assert!(matches!(device.kernel(&KernelSpec::fp("ntt")), Err(Error::Compose { module, .. }) if module == "ntt"));
    // A buffer too few.
    let device = fresh(device);
    let kernel = device.kernel(&KernelSpec::fp("integers")).unwrap();
    let buffer = device.buffer("source", field::BYTES).unwrap();
    let mut batch = device.batch();
    let run = batch.run(&kernel, &[1], &[buffer.all()], [1, 1]).and_then(|()| batch.flush());
    assert!(matches!(run, Err(Error::Kernel { .. })), "{run:?}");
}

#[test]
fn a_program_on_the_cpu_is_never_chosen_by_itself() {
    let Some(adapters) = adapters() else { return };
    let hardware = adapters.hardware().count();
    let chosen = open(Choice::Auto, &GpuOptions::default()).unwrap();
    assert_eq!(chosen.monitor.is_some(), hardware > 0);
    assert_eq!(open(Choice::Gpu, &GpuOptions::default()).is_ok(), hardware > 0);
    assert!(matches!(open(Choice::Gpu, &GpuOptions { gpus: vec![99], ..GpuOptions::default() }), Err(Error::NoAdapter(_))));
}

#[test]
fn the_faster_layout_is_measured_once_and_remembered() {
    let Some(adapters) = adapters() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("quintet").join("gpu.json");
    let info = adapters.infos().next().unwrap();
    let measured = tune::layout(adapters, 0, Some(&file)).unwrap();
    if info.layouts().len() == 1 {
        return;
    }
    let other = if measured == Layout::Limbs13 { "limbs32" } else { "limbs13" };
    let text = std::fs::read_to_string(&file).unwrap();
    let own = if measured == Layout::Limbs13 { "limbs13" } else { "limbs32" };
    // What is remembered counts, even where a measurement would say otherwise.
    std::fs::write(&file, text.replace(own, other)).unwrap();
    assert_ne!(tune::layout(adapters, 0, Some(&file)).unwrap(), measured);
    std::fs::write(&file, "damaged").unwrap();
    tune::layout(adapters, 0, Some(&file)).unwrap();
}
