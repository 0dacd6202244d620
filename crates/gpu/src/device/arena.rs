//! Buffers for the parameters of dispatches, used again when the device is done with them.

use std::sync::{Arc, Mutex, PoisonError};

use wgpu::BufferUsages;

use super::{Device, buffer::Held};
use crate::Error;

/// Bytes of parameters that one batch holds before it is handed over by itself.
pub(crate) const ARENA: u64 = 1 << 14;
/// How many there are before a batch waits for the device.
pub(crate) const ARENAS: usize = 16;

/// The arenas of a device.
#[derive(Debug, Default)]
pub(super) struct Arenas {
    free: Mutex<Vec<Held>>,
    made: Mutex<usize>,
}

/// One of them, which goes back when it is dropped.
#[derive(Debug)]
pub(super) struct Arena {
    home: Arc<Arenas>,
    held: Option<Held>,
}

impl Drop for Arena {
    fn drop(&mut self) {
        self.home.free.lock().unwrap_or_else(PoisonError::into_inner).extend(self.held.take());
    }
}

impl Arena {
    /// The buffer; it is there until the arena is dropped.
    pub(super) fn buffer(&self) -> Option<&wgpu::Buffer> {
        self.held.as_ref().map(|held| &held.buffer)
    }
}

impl Arenas {
    fn free(self: &Arc<Self>) -> Option<Arena> {
        let held = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop()?;
        Some(Arena { home: Arc::clone(self), held: Some(held) })
    }
}

impl Device {
    /// An arena that the device does not use.
    pub(super) fn arena(&self) -> Result<Arena, Error> {
        if let Some(arena) = self.arenas.free() {
            return Ok(arena);
        }
        let mut made = self.arenas.made.lock().unwrap_or_else(PoisonError::into_inner);
        if *made >= ARENAS {
            self.wait()?;
            if let Some(arena) = self.arenas.free() {
                return Ok(arena);
            }
        }
        let held = self.hold("parameters", ARENA, BufferUsages::UNIFORM | BufferUsages::COPY_DST)?;
        *made += 1;
        Ok(Arena { home: Arc::clone(&self.arenas), held: Some(held) })
    }
}
