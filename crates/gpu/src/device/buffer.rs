//! Memory on the device.

use std::{
    ops::Range,
    sync::{Arc, PoisonError},
};

use wgpu::BufferUsages;

use super::{Device, fault::Fault, memory::Share};
use crate::Error;

/// Bytes on their way to the device before its work so far is waited for: drivers keep a copy of them until they have arrived.
const UPLOADS: u64 = 8 << 20;

/// Bytes on their way at most, under a budget.
pub(crate) fn uploads(budget: u64) -> u64 {
    UPLOADS.min(budget / 32).next_multiple_of(16).max(16)
}

/// Memory, and that it counts.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) buffer: wgpu::Buffer,
    _share: Share,
}

/// A buffer on the device. It counts until it was dropped and the device has done all work that uses it. Its bytes are 0 at first.
#[derive(Debug)]
pub struct Buffer {
    pub(super) held: Arc<Held>,
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
        self.held.buffer.size()
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
    /// Takes memory: the one place where that is done.
    pub(super) fn hold(&self, label: &'static str, bytes: u64, usage: BufferUsages) -> Result<Held, Error> {
        let fail = || Error::OutOfMemory { label, bytes, in_use: self.memory(), budget: self.budget() };
        if bytes > self.device.limits().max_buffer_size || self.strikes(|fault| matches!(fault, Fault::OutOfMemory)) {
            return Err(fail());
        }
        let share = self.share(bytes)?.ok_or_else(fail)?;
        let scope = self.device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let descriptor = wgpu::BufferDescriptor { label: Some(label), size: bytes, usage, mapped_at_creation: false };
        let buffer = self.device.create_buffer(&descriptor);
        if futures::executor::block_on(scope.pop()).is_some() {
            return Err(fail());
        }
        self.check()?;
        Ok(Held { buffer, _share: share })
    }

    /// A share of the budget, if need be after what the device still works on is done.
    fn share(&self, bytes: u64) -> Result<Option<Share>, Error> {
        if let Some(share) = self.ledger.take(bytes) {
            return Ok(Some(share));
        }
        self.settle()?;
        Ok(self.ledger.take(bytes))
    }

    /// Takes memory.
    ///
    /// # Errors
    /// If there is not enough.
    pub fn buffer(&self, label: &'static str, bytes: u64) -> Result<Buffer, Error> {
        let usage = BufferUsages::STORAGE | BufferUsages::COPY_SRC | BufferUsages::COPY_DST;
        Ok(Buffer { held: Arc::new(self.hold(label, bytes.next_multiple_of(16).max(16), usage)?) })
    }

    /// Writes words to a buffer, from byte `offset` on. Takes effect before whatever is submitted next.
    ///
    /// # Errors
    /// If there is no memory for the copy that the driver makes, or the device has failed.
    pub fn write(&self, buffer: &Buffer, offset: u64, words: &[u32]) -> Result<(), Error> {
        let at_once = uploads(self.budget());
        let mut at = offset;
        for part in words.chunks((at_once / 4) as usize) {
            let bytes = 4 * part.len() as u64;
            let waiting: u64 = self.uploads().iter().map(Share::bytes).sum();
            if waiting + bytes > at_once {
                self.settle()?;
            }
            let fail = || Error::OutOfMemory { label: "an upload", bytes, in_use: self.memory(), budget: self.budget() };
            let share = self.share(bytes)?.ok_or_else(fail)?;
            self.queue.write_buffer(&buffer.held.buffer, at, bytemuck::cast_slice(part));
            self.uploads().push(share);
            at += bytes;
        }
        Ok(())
    }

    fn uploads(&self) -> std::sync::MutexGuard<'_, Vec<Share>> {
        self.uploads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A buffer that holds these words.
    ///
    /// # Errors
    /// As [`Self::buffer`].
    pub fn upload(&self, label: &'static str, words: &[u32]) -> Result<Buffer, Error> {
        let buffer = self.buffer(label, 4 * words.len() as u64)?;
        self.write(&buffer, 0, words)?;
        Ok(buffer)
    }

    /// Hands commands over. What they use counts until they are done.
    pub(super) fn submit(&self, commands: Option<wgpu::CommandBuffer>, used: impl Send + 'static) {
        let uploads = std::mem::take(&mut *self.uploads());
        self.queue.submit(commands);
        self.queue.on_submitted_work_done(move || drop((used, uploads)));
    }

    /// Sends off what was written, and waits until all that was submitted is done.
    pub(crate) fn settle(&self) -> Result<(), Error> {
        self.submit(None, ());
        self.wait()
    }

    /// Waits for all work and reads words back.
    ///
    /// # Errors
    /// If the device is lost or hangs.
    pub fn read(&self, slice: Slice<'_>) -> Result<Vec<u32>, Error> {
        let staging = self.hold("read back", slice.bytes, BufferUsages::MAP_READ | BufferUsages::COPY_DST)?;
        let mut encoder = self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        encoder.copy_buffer_to_buffer(&slice.buffer.held.buffer, slice.offset, &staging.buffer, 0, slice.bytes);
        self.submit(Some(encoder.finish()), ());
        let (sender, receiver) = std::sync::mpsc::channel();
        staging.buffer.slice(..).map_async(wgpu::MapMode::Read, move |result| {
            // Nobody listens any more if the wait below failed.
            let _ = sender.send(result);
        });
        self.wait()?;
        match receiver.try_recv() {
            Ok(Ok(())) => {}
            other => return Err(Error::Lost(format!("a buffer cannot be read: {other:?}"))),
        }
        let view = staging.buffer.slice(..).get_mapped_range().map_err(|error| Error::Lost(error.to_string()))?;
        let mut words: Vec<u32> = view.as_chunks::<4>().0.iter().map(|word| u32::from_le_bytes(*word)).collect();
        self.corrupt(&mut words);
        Ok(words)
    }
}
