//! Faults that tests put into a device, to see what happens then.

use std::sync::{Mutex, PoisonError};

use super::Device;

/// Something that goes wrong on a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// One bit of what is read back is wrong, after so many correct reads.
    FlippedBit {
        /// Reads that are correct before.
        after: u32,
        /// Which bit, counted from the lowest of the first word.
        bit: usize,
    },
    /// Kernels that use a module of `shaders/` are compiled from another text.
    Module {
        /// Name of the module.
        name: &'static str,
        /// Its text.
        text: &'static str,
    },
    /// A submission does not end in time.
    Hang,
    /// There is no memory left.
    OutOfMemory,
}

/// What was put into a device and has not happened yet; replaced modules stay.
#[derive(Debug, Default)]
pub(super) struct Faults(Mutex<Vec<Fault>>);

impl Device {
    /// Makes something go wrong, once. For tests; [`Self::destroy`] is how a device is lost.
    pub fn inject(&self, fault: Fault) {
        self.faults().push(fault);
    }

    fn faults(&self) -> std::sync::MutexGuard<'_, Vec<Fault>> {
        self.faults.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there is such a fault, which then has happened.
    pub(super) fn strikes(&self, which: impl Fn(&Fault) -> bool) -> bool {
        let mut faults = self.faults();
        let place = faults.iter().position(which);
        place.map(|place| faults.swap_remove(place)).is_some()
    }

    /// The text that stands for a module.
    pub(super) fn replaced(&self, module: &str) -> Option<&'static str> {
        self.faults().iter().find_map(|fault| match fault {
            Fault::Module { name, text } if *name == module => Some(*text),
            _ => None,
        })
    }

    /// Flips a bit of words that were read if it is time to.
    pub(super) fn corrupt(&self, words: &mut [u32]) {
        let mut faults = self.faults();
        let Some(place) = faults.iter().position(|fault| matches!(fault, Fault::FlippedBit { .. })) else { return };
        if let Fault::FlippedBit { after, bit } = &mut faults[place] {
            if *after > 0 {
                *after -= 1;
                return;
            }
            words[*bit / 32] ^= 1 << (*bit % 32);
        }
        faults.swap_remove(place);
    }
}
