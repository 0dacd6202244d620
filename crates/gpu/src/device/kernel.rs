//! Compiled kernels.

use std::{borrow::Cow, fmt, sync::Arc};

use futures::executor::block_on;

use super::Device;
use crate::{
    Error,
    shader::{Context, FieldKind, compose, constants, module},
};

/// Which kernel: a module of `shaders/` with an entry point `main`, in a field, with constants of its own.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KernelSpec {
    /// Module.
    pub module: &'static str,
    /// Field it computes in.
    pub field: FieldKind,
    /// Constants of this use of the module.
    pub constants: Vec<(&'static str, i64)>,
    /// Text without directives that follows the module's; kernels that are generated have their `main` here.
    pub text: Option<Arc<str>>,
}

impl KernelSpec {
    /// A kernel over the scalars of commitments, without constants.
    pub const fn fp(module: &'static str) -> Self {
        Self { module, field: FieldKind::Fp, constants: Vec::new(), text: None }
    }

    /// A kernel over the coordinates of commitments, without constants.
    pub const fn fq(module: &'static str) -> Self {
        Self { module, field: FieldKind::Fq, constants: Vec::new(), text: None }
    }

    /// With one more constant.
    pub fn with(mut self, name: &'static str, value: i64) -> Self {
        self.constants.push((name, value));
        self
    }

    /// Followed by a text.
    pub fn followed_by(self, text: Arc<str>) -> Self {
        Self { text: Some(text), ..self }
    }
}

/// A compiled kernel.
pub struct Kernel {
    pub(super) name: &'static str,
    pub(super) pipeline: wgpu::ComputePipeline,
    pub(super) bindings: wgpu::BindGroupLayout,
}

impl fmt::Debug for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kernel").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The text of a kernel for a device.
pub(super) fn text(device: &Device, spec: &KernelSpec) -> Result<String, Error> {
    let mut context: Context = constants(spec.field, device.layout());
    for (name, value) in &spec.constants {
        context.set(name, *value);
    }
    let text = compose(spec.module, &context, &|name| device.replaced(name).or_else(|| module(name)))?;
    Ok(text + spec.text.as_deref().unwrap_or_default())
}

pub(super) fn compile(device: &Device, spec: &KernelSpec) -> Result<Kernel, Error> {
    let started = std::time::Instant::now();
    let text = text(device, spec)?;
    let scope = device.device.push_error_scope(wgpu::ErrorFilter::Validation);
    let shader = device.device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label: Some(spec.module),
        source: wgpu::ShaderSource::Wgsl(Cow::Owned(text)),
    });
    let pipeline = device.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label: Some(spec.module),
        layout: None,
        module: &shader,
        entry_point: Some("main"),
        // Workgroup memory is written before it is read in every kernel.
        compilation_options: wgpu::PipelineCompilationOptions { zero_initialize_workgroup_memory: false, ..Default::default() },
        cache: None,
    });
    if let Some(error) = block_on(scope.pop()) {
        return Err(Error::Kernel { kernel: format!("{} {:?}", spec.module, spec.constants), reason: error.to_string() });
    }
    device.check()?;
    let bindings = pipeline.get_bind_group_layout(0);
    tracing::debug!(kernel = spec.module, constants = ?spec.constants, took = ?started.elapsed(), "kernel compiled");
    Ok(Kernel { name: spec.module, pipeline, bindings })
}
