//! Work for the device, recorded and handed over together: a submission costs far more than a dispatch.

use std::{fmt, sync::Arc};

use wgpu::{BindGroupDescriptor, BindGroupEntry, BindingResource, BufferBinding};

use super::{
    Device, Kernel, Slice,
    arena::{ARENA, Arena},
    buffer::Held,
};
use crate::Error;

/// Dispatches in one submission: drivers reset a device that works on one for seconds.
const DISPATCHES: usize = 64;

/// Dispatches and copies in order; each sees what those before it wrote.
pub struct Batch<'d> {
    device: &'d Device,
    encoder: Option<wgpu::CommandEncoder>,
    arena: Option<Arena>,
    used: Vec<Arc<Held>>,
    parameters: Vec<u8>,
    step: u64,
    dispatches: usize,
}

impl fmt::Debug for Batch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch").field("dispatches", &self.dispatches).finish_non_exhaustive()
    }
}

impl Device {
    /// Starts recording.
    pub fn batch(&self) -> Batch<'_> {
        let step = u64::from(self.device.limits().min_uniform_buffer_offset_alignment);
        Batch { device: self, encoder: None, arena: None, used: Vec::new(), parameters: Vec::new(), step, dispatches: 0 }
    }
}

impl<'d> Batch<'d> {
    /// The device.
    pub fn device(&self) -> &'d Device {
        self.device
    }

    /// Records one dispatch of `groups` workgroups. `parameters` are the words of binding 0, `slices` are bindings 1 and up; the kernel must use all of them.
    /// A buffer of which a part is written may not be bound twice, not even in other parts.
    ///
    /// # Errors
    /// If the device has failed.
    pub fn run(&mut self, kernel: &Kernel, parameters: &[u32], slices: &[Slice<'_>], groups: [u32; 2]) -> Result<(), Error> {
        let bytes = (4 * parameters.len() as u64).next_multiple_of(16);
        if self.parameters.len() as u64 + bytes.next_multiple_of(self.step) > ARENA || self.dispatches == DISPATCHES {
            self.flush()?;
        }
        let arena = match self.arena.take() {
            Some(arena) => arena,
            None => self.device.arena()?,
        };
        let offset = self.parameters.len() as u64;
        self.parameters.extend(bytemuck::cast_slice::<u32, u8>(parameters));
        self.parameters.resize((offset + bytes.next_multiple_of(self.step)) as usize, 0);
        let binding = |buffer, offset, bytes| {
            BindingResource::Buffer(BufferBinding { buffer, offset, size: std::num::NonZeroU64::new(bytes) })
        };
        let parameters = arena.buffer().ok_or_else(|| Error::Size("an arena was given back twice".into()))?;
        let first = BindGroupEntry { binding: 0, resource: binding(parameters, offset, bytes) };
        let others = (1..).zip(slices).map(|(place, slice)| BindGroupEntry {
            binding: place,
            resource: binding(&slice.buffer.held.buffer, slice.offset, slice.bytes),
        });
        let entries: Vec<BindGroupEntry<'_>> = [first].into_iter().chain(others).collect();
        let bindings = self.device.device.create_bind_group(&BindGroupDescriptor {
            label: Some(kernel.name),
            layout: &kernel.bindings,
            entries: &entries,
        });
        let mut pass = self.encoder().begin_compute_pass(&wgpu::ComputePassDescriptor::default());
        pass.set_pipeline(&kernel.pipeline);
        pass.set_bind_group(0, &bindings, &[]);
        pass.dispatch_workgroups(groups[0], groups[1], 1);
        drop(pass);
        self.used.extend(slices.iter().map(|slice| Arc::clone(&slice.buffer.held)));
        self.arena = Some(arena);
        self.dispatches += 1;
        Ok(())
    }

    /// Records a copy between buffers; both parts are of the same size.
    pub fn copy(&mut self, from: Slice<'_>, to: Slice<'_>) {
        let (source, target) = (&from.buffer.held, &to.buffer.held);
        self.encoder().copy_buffer_to_buffer(&source.buffer, from.offset, &target.buffer, to.offset, from.bytes);
        self.used.extend([source, target].map(Arc::clone));
    }

    /// Records that a part becomes 0.
    pub fn clear(&mut self, slice: Slice<'_>) {
        self.encoder().clear_buffer(&slice.buffer.held.buffer, slice.offset, Some(slice.bytes));
        self.used.push(Arc::clone(&slice.buffer.held));
    }

    /// Hands over what is recorded.
    ///
    /// # Errors
    /// If the device has failed.
    pub fn flush(&mut self) -> Result<(), Error> {
        if let Some(encoder) = self.encoder.take() {
            let arena = self.arena.take();
            if let Some(buffer) = arena.as_ref().and_then(Arena::buffer) {
                self.device.queue.write_buffer(buffer, 0, &self.parameters);
            }
            self.parameters.clear();
            let used = std::mem::take(&mut self.used);
            self.device.submit(Some(encoder.finish()), (arena, used));
            self.dispatches = 0;
        }
        self.device.check()
    }

    /// Hands over what is recorded and waits until it is done: what only it has used is free then.
    ///
    /// # Errors
    /// If the device has failed, or does not finish in time.
    pub fn finish(&mut self) -> Result<(), Error> {
        self.flush()?;
        self.device.wait()
    }

    /// Hands over what is recorded and reads a part back when it is done.
    ///
    /// # Errors
    /// If the device has failed, or does not finish in time.
    pub fn read(&mut self, slice: Slice<'_>) -> Result<Vec<u32>, Error> {
        self.flush()?;
        self.device.read(slice)
    }

    fn encoder(&mut self) -> &mut wgpu::CommandEncoder {
        let device = &self.device.device;
        self.encoder.get_or_insert_with(|| device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default()))
    }
}
