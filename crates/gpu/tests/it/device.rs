//! The device that tests run on.

use std::{
    env,
    sync::{Arc, OnceLock},
    time::Duration,
};

use quintet_gpu::{Adapters, Device, DeviceOptions, shader::Layout};

/// The adapters; nothing where there are none. That fails in CI and is said elsewhere.
pub(crate) fn adapters() -> Option<&'static Adapters> {
    static ADAPTERS: OnceLock<Option<Adapters>> = OnceLock::new();
    let found = ADAPTERS.get_or_init(|| {
        let adapters = Adapters::find();
        if adapters.infos().next().is_some() {
            return Some(adapters);
        }
        assert!(env::var_os("CI").is_none(), "no Vulkan driver: install mesa-vulkan-drivers");
        eprintln!("SKIPPED: no Vulkan driver; install mesa-vulkan-drivers to run the GPU tests");
        None
    });
    found.as_ref()
}

/// Options with time enough for a program on a busy CPU.
pub(crate) fn options(layout: Layout) -> DeviceOptions {
    DeviceOptions { timeout: Duration::from_secs(1800), ..DeviceOptions::new(layout) }
}

fn open(layout: Layout) -> Arc<Device> {
    Arc::new(Device::open(adapters().unwrap(), 0, options(layout)).unwrap())
}

/// One device per layout that the first adapter has.
pub(crate) fn devices() -> &'static [Arc<Device>] {
    static DEVICES: OnceLock<Vec<Arc<Device>>> = OnceLock::new();
    DEVICES.get_or_init(|| {
        let info = adapters().and_then(|adapters| adapters.infos().next());
        info.map_or_else(Vec::new, |info| info.layouts().iter().map(|layout| open(*layout)).collect())
    })
}

/// The device with the layout of which drivers compile the least: kernels that know nothing of limbs are tried on it alone.
pub(crate) fn device() -> Option<&'static Arc<Device>> {
    devices().first()
}
