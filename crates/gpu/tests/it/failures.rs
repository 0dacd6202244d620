//! Devices that fail: one error, and the CPU goes on.

use std::{
    fmt::Write as _,
    ops::RangeInclusive,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use quintet_gpu::{
    Choice, Device, DeviceOptions, Error, Fault, Gpu, GpuOptions, Guarded, KernelSpec, field, open,
    shader::{Layout, module},
    tune,
};
use quintet_plonk::{Backend, Native, Witness};

use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};

use crate::{
    device::{adapters, device, options},
    proof::SmallInstance,
};

/// Collects what is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<(Level, String)>>>);

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        write!(self.0, "{field}={value:?} ").unwrap();
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("quintet_gpu") && *metadata.level() <= Level::INFO
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut text = Text(String::new());
        event.record(&mut text);
        self.0.lock().unwrap().push((*event.metadata().level(), text.0));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

fn fresh(device: &Device) -> Device {
    Device::open(adapters().unwrap(), 0, options(device.layout())).unwrap()
}

/// What is logged while `run` runs on this thread: level and text of each event.
fn logged<T>(run: impl FnOnce() -> T) -> (T, Vec<(Level, String)>) {
    let log = Log::default();
    let made = tracing::subscriber::with_default(log.clone(), run);
    let events = log.0.lock().unwrap().clone();
    (made, events)
}

/// Commits and proves with a device that has a fault, or whatever `prepare` does to it. The bytes are those of the CPU, one error was logged, and the CPU's
/// work is counted. Gives whether the device is used afterwards, and what was logged.
fn falls_back(options: DeviceOptions, expected: RangeInclusive<u64>, prepare: impl FnOnce(&Device)) -> (bool, String) {
    falls_back_from(Gpu::new, options, expected, prepare)
}

/// As [`falls_back`], with a GPU that is made in this way.
fn falls_back_from(
    gpu: impl FnOnce(Arc<Device>) -> Gpu,
    options: DeviceOptions,
    expected: RangeInclusive<u64>,
    prepare: impl FnOnce(&Device),
) -> (bool, String) {
    let adapters = adapters().unwrap();
    let device = Arc::new(Device::open(adapters, 0, options).unwrap());
    let guarded = Guarded::new(vec![gpu(Arc::clone(&device))], true);
    let monitor = guarded.monitor();
    prepare(&device);
    let small = SmallInstance::new();
    let ((), events) = logged(|| {
        let first = guarded.commit_phase_one(&small.key, &small.trace, &small.blinds()).unwrap();
        let expected = Native::default().commit_phase_one(&small.key, &small.trace, &small.blinds()).unwrap();
        assert_eq!(first.points, expected.points);
        let prove = |witness: Witness<'_>| guarded.prove(&small.key, &Witness { resident: first.resident.as_ref(), ..witness });
        let proof = small.with_witness(prove).unwrap();
        assert!(proof == small.with_witness(|witness| Native::default().prove(&small.key, &witness).unwrap()));
    });
    let errors: Vec<&String> = events.iter().filter(|(level, _)| *level == Level::ERROR).map(|(_, text)| text).collect();
    assert_eq!(errors.len(), 1, "one error: {events:?}");
    let [status] = &monitor.status()[..] else { panic!("one device") };
    assert!(expected.contains(&status.fallbacks) && monitor.fallbacks() == status.fallbacks, "{status:?}, {events:?}");
    assert_eq!(status.made + status.fallbacks, 2, "each was made once: {status:?}");
    (status.working, errors[0].clone())
}

fn usual() -> Option<DeviceOptions> {
    device().map(|device| options(device.layout()))
}

#[test]
fn a_lost_device_is_given_up_and_the_cpu_goes_on() {
    let Some(options) = usual() else { return };
    let (working, error) = falls_back(options, 2..=2, Device::destroy);
    assert!(!working && error.contains("lost"), "{error}");
}

#[test]
fn a_device_that_hangs_is_given_up_and_the_cpu_goes_on() {
    let Some(options) = usual() else { return };
    let (working, error) = falls_back(options, 2..=2, |device| device.inject(Fault::Hang));
    assert!(!working && error.contains("did not finish"), "{error}");
    // No fault put in: the device has no time.
    let (working, error) = falls_back(DeviceOptions { timeout: Duration::from_nanos(1), ..options }, 2..=2, |_| ());
    assert!(!working && error.contains("did not finish"), "{error}");
}

#[test]
fn a_flipped_bit_is_noticed_wherever_it_is_and_the_device_is_given_up() {
    let Some(options) = usual() else { return };
    // From points of commitments to values at x, which are field elements like any others.
    for after in [2, 16] {
        let flip = |device: &Device| device.inject(Fault::FlippedBit { after, bit: 3 });
        let (working, error) = falls_back(options, 1..=2, flip);
        assert!(!working && error.contains("wrong result"), "{error}");
    }
}

/// Adds instead of what a linear combination multiplies: results are field elements, but others.
const WRONG: &str = "
#import field
struct Params { rows: u32, count: u32, add: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> starts: array<u32>;
@group(0) @binding(2) var<storage, read> weights: array<Packed>;
@group(0) @binding(3) var<storage, read> source: array<Packed>;
@group(0) @binding(4) var<storage, read_write> target_: array<Packed>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let row = id.x;
    if (row >= params.rows || params.count == 0u) {
        return;
    }
    target_[row] = fe_pack(fe_add(fe_unpack(weights[0]), fe_unpack(source[starts[0] + row])));
}
";

#[test]
fn a_kernel_that_computes_wrongly_is_noticed_and_the_device_is_given_up() {
    let Some(options) = usual() else { return };
    let (working, error) = falls_back(options, 1..=1, |device| device.inject(Fault::Module { name: "combine", text: WRONG }));
    assert!(!working && error.contains("a proof does not verify"), "{error}");
}

#[test]
fn constraints_that_are_written_out_and_computed_wrongly_are_noticed_and_the_device_is_given_up() {
    let Some(options) = usual() else { return };
    let text = module("constraints").unwrap();
    let wrong = text.replace("row * params.step] = fe_pack(value)", "row * params.step] = fe_pack(fe_double(value))");
    assert_ne!(wrong, text);
    let fault = Fault::Module { name: "constraints", text: wrong.leak() };
    let writing = |device| Gpu::new(device).writing(usize::MAX);
    let (working, error) = falls_back_from(writing, options, 1..=1, |device| device.inject(fault));
    assert!(!working && error.contains("a proof does not verify"), "{error}");
}

#[test]
fn a_device_without_memory_is_used_again_when_it_has_some() {
    let Some(options) = usual() else { return };
    let (working, error) = falls_back(options, 1..=1, |device| device.inject(Fault::OutOfMemory));
    assert!(working && error.contains("not enough memory"), "{error}");
    let (working, error) = falls_back(DeviceOptions { memory: Some(100 << 10), ..options }, 2..=2, |_| ());
    assert!(working && error.contains("memory"), "{error}");
}

#[test]
fn a_lost_device_is_opened_again_with_growing_waits() {
    let Some(options) = usual() else { return };
    let open = move || Ok(Gpu::new(Arc::new(Device::open(adapters().unwrap(), 0, options)?)));
    let (first, tries) = (open().unwrap(), Arc::new(AtomicU32::new(0)));
    let device = Arc::clone(first.device());
    let counted = Arc::clone(&tries);
    let reopen = move |place: usize| match (place, counted.fetch_add(1, Ordering::Relaxed)) {
        (0, 0) => Err(Error::NoAdapter("the driver is not back".into())),
        _ => open(),
    };
    let guarded = Guarded::reopening(vec![first], true, Duration::from_millis(1), reopen);
    let monitor = guarded.monitor();
    device.destroy();
    let small = SmallInstance::new();
    let commit = || guarded.commit_phase_one(&small.key, &small.trace, &small.blinds()).unwrap().points;
    let ((), events) = logged(|| {
        let expected = commit();
        assert!(!monitor.status()[0].working);
        while tries.load(Ordering::Relaxed) < 2 {
            std::thread::sleep(Duration::from_millis(5));
            assert_eq!(commit(), expected);
        }
    });
    let [status] = &monitor.status()[..] else { panic!("one device") };
    assert!(status.working && status.reopened == 1 && status.made >= 1, "{status:?}");
    assert_eq!(events.iter().filter(|(level, _)| *level == Level::ERROR).count(), 1, "{events:?}");
}

#[test]
fn several_devices_share_the_instances() {
    let Some(options) = usual() else { return };
    let open = || Arc::new(Device::open(adapters().unwrap(), 0, options).unwrap());
    let devices = [open(), open()];
    let guarded = Guarded::new(devices.iter().map(|device| Gpu::new(Arc::clone(device))).collect(), true);
    let monitor = guarded.monitor();
    let small = SmallInstance::new();
    let proof = small.with_witness(|witness| Native::default().prove(&small.key, &witness).unwrap());
    let instance = || {
        let first = guarded.commit_phase_one(&small.key, &small.trace, &small.blinds()).unwrap();
        let prove = |witness: Witness<'_>| guarded.prove(&small.key, &Witness { resident: first.resident.as_ref(), ..witness });
        assert!(small.with_witness(prove).unwrap() == proof);
    };
    std::thread::scope(|scope| (0..4).for_each(|_| _ = scope.spawn(instance)));
    let made: Vec<u64> = monitor.status().iter().map(|status| status.made).collect();
    assert!(made.iter().sum::<u64>() == 8 && made.iter().all(|made| *made >= 2), "both worked: {made:?}");
    // One is lost: the other does its work, the CPU what was under way.
    devices[0].destroy();
    (0..2).for_each(|_| instance());
    let status = monitor.status();
    assert!(!status[0].working && status[1].working && status[1].fallbacks == 0, "{status:?}");
    assert!(status[1].made >= made[1] + 3 && monitor.fallbacks() <= 1, "{status:?}");
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
    let options = DeviceOptions { timeout: Duration::from_nanos(1), ..options(device.layout()) };
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
