//! An opened device.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::executor::block_on;
use wgpu::{Features, Limits, PollType};

use super::{
    AdapterInfo, Adapters, Kernel, KernelSpec,
    arena::Arenas,
    fault::{Fault, Faults},
    kernel,
    memory::{Ledger, Share},
};
use crate::{Error, shader::Layout};

/// How a device is used.
#[derive(Clone, Copy, Debug)]
pub struct DeviceOptions {
    /// Layout of field elements.
    pub layout: Layout,
    /// Largest part of a buffer that one kernel sees, in bytes; columns that do not fit are worked on one part after another. The adapter's own limit if
    /// that is smaller.
    pub max_binding: u64,
    /// Bytes that may be held on the device; [`AdapterInfo::budget`] if absent. Proofs that need more stream through the host.
    pub memory: Option<u64>,
    /// How long one submission may take.
    pub timeout: Duration,
}

impl DeviceOptions {
    /// For a layout: what the adapter has, and a minute for a submission.
    pub fn new(layout: Layout) -> Self {
        Self { layout, max_binding: u64::MAX, memory: None, timeout: Duration::from_secs(60) }
    }
}

/// A device with its queue. All methods take `&self`; threads may share it, and their work runs in the order of submission.
pub struct Device {
    pub(super) device: wgpu::Device,
    pub(super) queue: wgpu::Queue,
    info: AdapterInfo,
    options: DeviceOptions,
    alignment: u64,
    kernels: Mutex<HashMap<KernelSpec, Arc<Kernel>>>,
    pub(super) ledger: Arc<Ledger>,
    /// What was written and not yet handed over.
    pub(super) uploads: Mutex<Vec<Share>>,
    pub(super) arenas: Arc<Arenas>,
    pub(super) faults: Faults,
    failure: Arc<Mutex<Option<Failure>>>,
}

/// What the driver reported on its own.
#[derive(Clone, Debug)]
enum Failure {
    Lost(String),
    OutOfMemory,
    Refused(String),
}

impl fmt::Debug for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Device").field("adapter", &self.info.name).field("options", &self.options).finish_non_exhaustive()
    }
}

impl Device {
    /// Opens an adapter.
    ///
    /// # Errors
    /// If there is none of this index, or it cannot be used, or does not have the layout, or its driver refuses.
    pub fn open(adapters: &Adapters, index: usize, options: DeviceOptions) -> Result<Self, Error> {
        let (info, adapter) = adapters.get(index)?;
        if !info.layouts().contains(&options.layout) {
            let reason = format!("it has no {}", options.layout.name());
            return Err(Error::Unsuitable { adapter: info.name.clone(), reason });
        }
        let available = adapter.limits();
        let limits = Limits {
            max_buffer_size: available.max_buffer_size,
            max_storage_buffer_binding_size: available.max_storage_buffer_binding_size,
            max_compute_workgroup_storage_size: available.max_compute_workgroup_storage_size,
            ..Limits::default()
        };
        let features = if options.layout == Layout::Limbs32 { Features::SHADER_INT64 } else { Features::empty() };
        let descriptor = wgpu::DeviceDescriptor {
            label: Some("quintet"),
            required_features: features,
            required_limits: limits.clone(),
            memory_hints: wgpu::MemoryHints::MemoryUsage,
            ..Default::default()
        };
        let open = |error: wgpu::RequestDeviceError| Error::Open { adapter: info.name.clone(), reason: error.to_string() };
        let (device, queue) = block_on(adapter.request_device(&descriptor)).map_err(open)?;
        let failure = Arc::new(Mutex::new(None));
        watch(&device, &failure);
        let alignment = u64::from(limits.min_storage_buffer_offset_alignment);
        let max_binding = options.max_binding.min(limits.max_storage_buffer_binding_size).min(limits.max_buffer_size);
        let options = DeviceOptions { max_binding: max_binding / alignment * alignment, ..options };
        Ok(Self {
            device,
            queue,
            info: info.clone(),
            options,
            alignment,
            kernels: Mutex::default(),
            ledger: Ledger::new(options.memory.unwrap_or_else(|| info.budget())),
            uploads: Mutex::default(),
            arenas: Arc::default(),
            faults: Faults::default(),
            failure,
        })
    }

    /// The adapter.
    pub fn info(&self) -> &AdapterInfo {
        &self.info
    }

    /// Layout of field elements.
    pub fn layout(&self) -> Layout {
        self.options.layout
    }

    /// How it is used, with limits as they are in force.
    pub fn options(&self) -> &DeviceOptions {
        &self.options
    }

    /// Bytes that offsets of bound parts are multiples of.
    pub fn alignment(&self) -> u64 {
        self.alignment
    }

    /// Bytes held on the device by this process: all buffers, and what is on its way to them.
    pub fn memory(&self) -> u64 {
        self.ledger.in_use()
    }

    /// The most that was held since the device was opened, or since [`Self::restart_peak`].
    pub fn peak_memory(&self) -> u64 {
        self.ledger.peak()
    }

    /// Forgets the peak.
    pub fn restart_peak(&self) {
        self.ledger.restart();
    }

    /// Bytes that may be held.
    pub fn budget(&self) -> u64 {
        self.ledger.budget()
    }

    /// Bytes that the driver has given out to this device, by its allocator's own account, if it keeps one.
    pub fn allocated(&self) -> Option<u64> {
        self.device.generate_allocator_report().map(|report| report.total_allocated_bytes)
    }

    /// A kernel, compiled when it is first asked for.
    ///
    /// # Errors
    /// If its text is wrong or the driver refuses it.
    pub fn kernel(&self, spec: &KernelSpec) -> Result<Arc<Kernel>, Error> {
        if let Some(kernel) = self.kernels.lock().unwrap_or_else(PoisonError::into_inner).get(spec) {
            return Ok(Arc::clone(kernel));
        }
        // Not under the lock: compiling takes seconds. Two threads may do it at once; one result is kept.
        let kernel = Arc::new(kernel::compile(self, spec)?);
        Ok(Arc::clone(self.kernels.lock().unwrap_or_else(PoisonError::into_inner).entry(spec.clone()).or_insert(kernel)))
    }

    /// What the driver has reported since the last call, as an error.
    ///
    /// # Errors
    /// If it has reported something. A lost device stays lost.
    pub fn check(&self) -> Result<(), Error> {
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        match failure.clone() {
            None => Ok(()),
            Some(Failure::Lost(reason)) => Err(Error::Lost(reason)),
            Some(Failure::OutOfMemory) => {
                *failure = None;
                Err(Error::OutOfMemory { label: "a kernel", bytes: 0, in_use: self.memory(), budget: self.budget() })
            }
            Some(Failure::Refused(reason)) => {
                *failure = None;
                Err(Error::Kernel { kernel: "a dispatch".into(), reason })
            }
        }
    }

    /// Waits until all that was submitted is done.
    ///
    /// # Errors
    /// If that takes longer than the time-out, or the device is lost.
    pub fn wait(&self) -> Result<(), Error> {
        if self.strikes(|fault| matches!(fault, Fault::Hang)) {
            return Err(Error::Hang(self.options.timeout));
        }
        let wait = PollType::Wait { submission_index: None, timeout: Some(self.options.timeout) };
        let done = self.device.poll(wait);
        self.check()?;
        match done {
            Ok(_) => Ok(()),
            Err(wgpu::PollError::Timeout) => Err(Error::Hang(self.options.timeout)),
            Err(error) => Err(Error::Lost(error.to_string())),
        }
    }

    /// Gives the device up, as a driver does that resets it: everything after this fails with [`Error::Lost`]. For tests of what happens then.
    pub fn destroy(&self) {
        self.device.destroy();
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(Failure::Lost("it was given up".into()));
    }
}

/// Writes down what the driver reports, the first thing only: the rest follows from it.
fn watch(device: &wgpu::Device, failure: &Arc<Mutex<Option<Failure>>>) {
    let note = {
        let failure = Arc::clone(failure);
        move |what: Failure| {
            let mut failure = failure.lock().unwrap_or_else(PoisonError::into_inner);
            if failure.is_none() || matches!(what, Failure::Lost(_)) {
                *failure = Some(what);
            }
        }
    };
    let lost = note.clone();
    device.set_device_lost_callback(move |reason, message| lost(Failure::Lost(format!("{reason:?}: {message}"))));
    device.on_uncaptured_error(Arc::new(move |error| {
        note(match error {
            wgpu::Error::OutOfMemory { .. } => Failure::OutOfMemory,
            error => Failure::Refused(error.to_string()),
        });
    }));
}
