//! Memory on the device.

use std::{
    fmt,
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use wgpu::BufferUsages;

use super::Device;
use crate::Error;

/// A buffer on the device, counted while it lives. Its bytes are 0 at first.
pub struct Buffer {
    pub(super) buffer: wgpu::Buffer,
    memory: Arc<AtomicU64>,
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buffer").field("bytes", &self.buffer.size()).finish_non_exhaustive()
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        self.memory.fetch_sub(self.buffer.size(), Ordering::Relaxed);
    }
}

/// A part of a buffer, as a kernel sees it.
#[derive(Clone, Copy, Debug)]
pub struct Slice<'a> {
    pub(super) buffer: &'a Buffer,
    pub(super) offset: u64,
    pub(super) bytes: u64,
}

impl Slice<'_> {
    /// A part of it.
    pub fn sub(&self, offset: u64, bytes: u64) -> Self {
        Self { offset: self.offset + offset, bytes, ..*self }
    }

    /// Its size.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl Buffer {
    /// Size in bytes.
    pub fn bytes(&self) -> u64 {
        self.buffer.size()
    }

    /// All of it.
    pub fn all(&self) -> Slice<'_> {
        Slice { buffer: self, offset: 0, bytes: self.bytes() }
    }

    /// A range of its bytes. What a kernel is given starts at a multiple of the device's alignment.
    pub fn part(&self, range: Range<u64>) -> Slice<'_> {
        Slice { buffer: self, offset: range.start, bytes: range.end - range.start }
    }
}

impl Device {
    /// Takes memory.
    ///
    /// # Errors
    /// If there is not enough.
    pub fn buffer(&self, label: &'static str, bytes: u64) -> Result<Buffer, Error> {
        let bytes = bytes.next_multiple_of(16).max(16);
        let fail = || Error::OutOfMemory { label, bytes, in_use: self.memory() };
        if bytes > self.device.limits().max_buffer_size {
            return Err(fail());
        }
        let scope = self.device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let buffer = self.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some(label),
            size: bytes,
            usage: BufferUsages::STORAGE | BufferUsages::COPY_SRC | BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        if futures::executor::block_on(scope.pop()).is_some() {
            return Err(fail());
        }
        self.check()?;
        self.memory_counter().fetch_add(buffer.size(), Ordering::Relaxed);
        Ok(Buffer { buffer, memory: Arc::clone(self.memory_counter()) })
    }

    /// Writes words to a buffer, from byte `offset` on. Takes effect before whatever is submitted next.
    pub fn write(&self, buffer: &Buffer, offset: u64, words: &[u32]) {
        self.queue.write_buffer(&buffer.buffer, offset, bytemuck::cast_slice(words));
    }

    /// A buffer that holds these words.
    ///
    /// # Errors
    /// As [`Self::buffer`].
    pub fn upload(&self, label: &'static str, words: &[u32]) -> Result<Buffer, Error> {
        let buffer = self.buffer(label, 4 * words.len() as u64)?;
        self.write(&buffer, 0, words);
        Ok(buffer)
    }

    /// Waits for all work and reads words back.
    ///
    /// # Errors
    /// If the device is lost or hangs.
    pub fn read(&self, slice: Slice<'_>) -> Result<Vec<u32>, Error> {
        let staging = self.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("read back"),
            size: slice.bytes,
            usage: BufferUsages::MAP_READ | BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let mut encoder = self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        encoder.copy_buffer_to_buffer(&slice.buffer.buffer, slice.offset, &staging, 0, slice.bytes);
        self.queue.submit([encoder.finish()]);
        let (sender, receiver) = std::sync::mpsc::channel();
        staging.slice(..).map_async(wgpu::MapMode::Read, move |result| {
            // Nobody listens any more if the wait below failed.
            let _ = sender.send(result);
        });
        self.wait()?;
        match receiver.try_recv() {
            Ok(Ok(())) => {}
            other => return Err(Error::Lost(format!("a buffer cannot be read: {other:?}"))),
        }
        let view = staging.slice(..).get_mapped_range().map_err(|error| Error::Lost(error.to_string()))?;
        Ok(view.as_chunks::<4>().0.iter().map(|word| u32::from_le_bytes(*word)).collect())
    }
}
