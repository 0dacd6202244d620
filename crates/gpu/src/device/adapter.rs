//! What GPUs this machine has.

use futures::executor::block_on;
use wgpu::{Backends, DeviceType, Features, Limits};

use crate::{Error, shader::Layout};

/// An adapter, as it presents itself.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct AdapterInfo {
    /// Place among the adapters: what `--gpu N` takes.
    pub index: usize,
    /// Name.
    pub name: String,
    /// Driver and its version.
    pub driver: String,
    /// Interface: Vulkan or Metal.
    pub backend: String,
    /// What it is: a discrete or an integrated GPU, or a program on the CPU.
    pub kind: String,
    /// Whether it is a program on the CPU, for tests only: it is never chosen unless it is named.
    pub software: bool,
    /// Whether it has 64-bit integers.
    pub int64: bool,
    /// Largest buffer, in bytes.
    pub max_buffer: u64,
    /// Largest part of a buffer that a kernel can see, in bytes.
    pub max_binding: u64,
    /// Memory of a workgroup, in bytes.
    pub workgroup_memory: u32,
    /// Its memory in bytes, where the operating system tells.
    pub memory: Option<u64>,
    /// Why it cannot be used, if so.
    pub unsuitable: Option<String>,
}

impl AdapterInfo {
    /// The layouts that can be used, in order of preference where nothing was measured.
    pub fn layouts(&self) -> &'static [Layout] {
        if self.int64 { &[Layout::Limbs32, Layout::Limbs13] } else { &[Layout::Limbs13] }
    }

    /// Bytes that proofs may hold on it unless someone says more: 85 % of its memory where that is known, else what a card of 4 GiB has left beside a
    /// desktop.
    pub fn budget(&self) -> u64 {
        self.memory.map_or(UNKNOWN_BUDGET, |bytes| bytes / 100 * 85)
    }

    /// A name that tells machines and drivers apart: measurements are remembered under it.
    pub fn identity(&self) -> String {
        format!("{} | {} | {}", self.name, self.driver, self.backend)
    }
}

/// Storage buffers that a kernel binds at most.
const STORAGE_BUFFERS: u32 = 8;
/// Threads of the largest workgroup.
pub(crate) const WORKGROUP_THREADS: u32 = 128;
/// Workgroup memory of the hungriest kernel, the transform: 256 elements.
pub(crate) const WORKGROUP_BYTES: u32 = 256 * 32;

/// Budget where the size of the memory is unknown.
const UNKNOWN_BUDGET: u64 = 3 << 30;

/// The adapters of this machine, in the driver's order.
#[derive(Debug)]
pub struct Adapters {
    found: Vec<(AdapterInfo, wgpu::Adapter)>,
}

impl Adapters {
    /// Asks the drivers. None is no error: a machine without a GPU proves on its CPU.
    pub fn find() -> Self {
        let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
        descriptor.backends = Backends::VULKAN | Backends::METAL;
        // Validation layers cost time and are for finding mistakes in wgpu itself.
        descriptor.flags = wgpu::InstanceFlags::empty();
        let instance = wgpu::Instance::new(descriptor);
        let adapters = block_on(instance.enumerate_adapters(Backends::VULKAN | Backends::METAL));
        let found = adapters.into_iter().enumerate().map(|(index, adapter)| (describe(index, &adapter), adapter)).collect();
        Self { found }
    }

    /// What there is.
    pub fn infos(&self) -> impl Iterator<Item = &AdapterInfo> {
        self.found.iter().map(|(info, _)| info)
    }

    /// The adapter with this index.
    ///
    /// # Errors
    /// If there is none, or it cannot be used.
    pub(crate) fn get(&self, index: usize) -> Result<(&AdapterInfo, &wgpu::Adapter), Error> {
        let count = self.found.len();
        let none = || Error::NoAdapter(format!("there is no adapter {index}; this machine has {count}"));
        let (info, adapter) = self.found.get(index).ok_or_else(none)?;
        match &info.unsuitable {
            None => Ok((info, adapter)),
            Some(reason) => Err(Error::Unsuitable { adapter: info.name.clone(), reason: reason.clone() }),
        }
    }

    /// Usable GPUs that are not programs on the CPU.
    pub fn hardware(&self) -> impl Iterator<Item = &AdapterInfo> {
        self.infos().filter(|info| !info.software && info.unsuitable.is_none())
    }
}

fn describe(index: usize, adapter: &wgpu::Adapter) -> AdapterInfo {
    let (info, limits) = (adapter.get_info(), adapter.limits());
    let kind = match info.device_type {
        DeviceType::DiscreteGpu => "discrete GPU",
        DeviceType::IntegratedGpu => "integrated GPU",
        DeviceType::VirtualGpu => "virtual GPU",
        DeviceType::Cpu => "program on the CPU",
        DeviceType::Other => "unknown",
    };
    AdapterInfo {
        index,
        memory: memory(&info.device_pci_bus_id),
        name: info.name,
        driver: format!("{} {}", info.driver, info.driver_info).trim().to_owned(),
        backend: info.backend.to_string(),
        kind: kind.to_owned(),
        software: info.device_type == DeviceType::Cpu,
        int64: adapter.features().contains(Features::SHADER_INT64),
        max_buffer: limits.max_buffer_size,
        max_binding: limits.max_storage_buffer_binding_size,
        workgroup_memory: limits.max_compute_workgroup_storage_size,
        unsuitable: lacks(&limits),
    }
}

/// Memory of the card in this slot. Interfaces to GPUs do not tell through wgpu; Linux does for AMD's cards.
fn memory(slot: &str) -> Option<u64> {
    if slot.is_empty() || slot.contains('/') {
        return None;
    }
    let path = format!("/sys/bus/pci/devices/{slot}/mem_info_vram_total");
    std::fs::read_to_string(path).ok()?.trim().parse().ok().filter(|bytes| *bytes > 0)
}

fn lacks(limits: &Limits) -> Option<String> {
    let needs = [
        ("storage buffers a stage", u64::from(limits.max_storage_buffers_per_shader_stage), u64::from(STORAGE_BUFFERS)),
        ("threads a workgroup", u64::from(limits.max_compute_invocations_per_workgroup), u64::from(WORKGROUP_THREADS)),
        ("bytes of workgroup memory", u64::from(limits.max_compute_workgroup_storage_size), u64::from(WORKGROUP_BYTES)),
        ("bytes a binding", limits.max_storage_buffer_binding_size, 128 << 20),
    ];
    let missing = needs.into_iter().find(|(_, has, needed)| has < needed);
    missing.map(|(what, has, needed)| format!("it has {has} {what}, {needed} are needed"))
}
