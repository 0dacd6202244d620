//! The guest program that is proven.

use std::sync::Arc;

use alloy_primitives::B256;
use quintet_machine::Program;
use quintet_plonk::ProgramLayout;
use sha2::{Digest as _, Sha256};

use crate::Error;

/// A guest program, loaded.
#[derive(Clone, Debug)]
pub struct Guest {
    /// Its name in logs and tables.
    pub name: &'static str,
    /// The program as the machine runs it.
    pub program: Arc<Program>,
    /// SHA-256 of the ELF file.
    pub hash: B256,
}

impl Guest {
    /// The guest that checks an execution payload against its block hash, as committed in `guests/elf`.
    ///
    /// # Errors
    /// Never with the committed file; the test below loads it.
    pub fn payload() -> Result<Self, Error> {
        Self::from_elf("payload", include_bytes!("../../../guests/elf/payload.elf"))
    }

    /// A guest from an ELF file.
    ///
    /// # Errors
    /// If the file is no program of the machine.
    pub fn from_elf(name: &'static str, file: &[u8]) -> Result<Self, Error> {
        let program = Arc::new(Program::from_elf(file)?);
        Ok(Self { name, program, hash: B256::from_slice(&Sha256::digest(file)) })
    }

    /// What the verifier knows of the program besides its tables.
    pub fn layout(&self) -> ProgramLayout {
        let bytes = |words: &std::ops::Range<u64>| 8 * words.start..8 * words.end;
        let text = self.program.text_words();
        let occupied = quintet_machine::airs::regions::occupied(&self.program);
        ProgramLayout { entry: self.program.entry(), text: bytes(&text), image: occupied.iter().map(bytes).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_guest_loads() {
        let guest = Guest::payload().unwrap();
        assert!(guest.program.rows().len() > 1000);
        assert_eq!(guest.layout().entry, guest.program.entry());
    }
}
