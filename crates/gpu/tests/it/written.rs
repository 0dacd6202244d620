//! Constraints that are written out as kernels: the results of the interpreter, the bytes of the CPU.

use std::{env, sync::Arc};

use quintet_gpu::{Device, DeviceOptions, Fault, Forms, Gpu, tune};
use quintet_machine::{AirId, airs};
use quintet_plonk::Params;

use crate::{
    device::{adapters, device, devices, options},
    proof::{SmallInstance, same},
    workload::{Instance, plan},
};

fn written(device: &Arc<Device>) -> Gpu {
    Gpu::new(Arc::clone(device)).writing(usize::MAX)
}

#[test]
fn a_small_air_gives_the_bytes_of_the_cpu() {
    let Some(device) = device() else { return };
    let small = SmallInstance::new();
    small.with_witness(|witness| same(&small.key, witness, &written(device)));
    // Where constraints run over parts of a coset, or over a few rows of all columns at a time.
    let streaming = written(device).streaming(2, Some(4));
    small.with_witness(|witness| same(&small.key, witness, &streaming));
    let options = DeviceOptions { max_binding: 3 * 64 * 32, ..options(device.layout()) };
    let narrow = Arc::new(Device::open(adapters().unwrap(), 0, options).unwrap());
    small.with_witness(|witness| same(&small.key, witness, &written(&narrow)));
}

#[test]
fn both_forms_give_the_values_of_the_cpu_in_every_layout() {
    let small = SmallInstance::new();
    for device in devices() {
        let forms = Forms::measure(device, &small.key.spec, 64).unwrap();
        assert!(forms.multiplications > 10, "{forms:?}");
    }
}

#[test]
fn a_driver_that_refuses_what_is_written_out_gets_it_interpreted() {
    let Some(device) = device() else { return };
    let fresh = Arc::new(Device::open(adapters().unwrap(), 0, options(device.layout())).unwrap());
    fresh.inject(Fault::Module { name: "constraints", text: "fn finish() -> nonsense;" });
    let (small, gpu) = (SmallInstance::new(), written(&fresh));
    small.with_witness(|witness| same(&small.key, witness, &gpu));
    assert_eq!(gpu.written(), 0);
}

#[test]
fn what_is_worth_writing_out_is_measured_once_and_remembered() {
    let Some(device) = device() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gpu.json");
    let measured = tune::written(device, Some(&file)).unwrap();
    let text = std::fs::read_to_string(&file).unwrap();
    let entry = format!(": {measured}");
    assert!(text.contains(&entry), "{text}");
    // What is remembered counts, even where a measurement would say otherwise.
    std::fs::write(&file, text.replace(&entry, ": 123456")).unwrap();
    assert_eq!(tune::written(device, Some(&file)).unwrap(), 123_456);
}

fn machine(device: &Arc<Device>, airs: &[AirId]) {
    let k = 10;
    let (params, planned, gpu) = (Arc::new(Params::new(k)), plan(20, k), written(device));
    for air in airs {
        let instance = Instance::first(&params, &planned, *air);
        instance.with_witness(|witness| same(&instance.key, witness, &gpu));
    }
}

#[test]
fn an_air_of_the_machine_gives_the_bytes_of_the_cpu() {
    if let Some(device) = device() {
        machine(device, &[AirId::Image]);
    }
}

/// The table in docs/gpu.md: what both forms of constraints cost on one coset of 2^10 rows. `QUINTET_FORMS_AIRS` names AIRs, `QUINTET_FORMS_LAYOUT` a layout.
#[test]
#[ignore = "long: every AIR in every layout, compiled by a device that may be a program"]
fn every_air_of_the_machine_gives_the_bytes_of_the_cpu() {
    let (airs, layout) = (env::var("QUINTET_FORMS_AIRS").ok(), env::var("QUINTET_FORMS_LAYOUT").ok());
    let wanted = |air: &AirId| airs.as_ref().is_none_or(|airs| airs.split(',').any(|name| name == air.name()));
    for device in devices() {
        let name = device.layout().name();
        if layout.as_ref().is_some_and(|layout| !name.starts_with(layout.as_str())) {
            continue;
        }
        let small = SmallInstance::new();
        small.with_witness(|witness| same(&small.key, witness, &written(device)));
        for air in AirId::ALL.into_iter().filter(wanted) {
            let Forms { multiplications, interpreted, written } =
                Forms::measure(device, &airs::spec(air, 10), 1 << 10).unwrap();
            let times = [interpreted.first, written.first, interpreted.again, written.again];
            let times = times.map(|time| format!("{:.3}", time.as_secs_f64())).join(" | ");
            println!("| {} | {name} | {multiplications} | {times} |", air.name());
            machine(device, &[air]);
        }
    }
}
