//! ELF64 executables: the few structures that a loader needs, read with bounds checked.
//!
//! The file is hostile input. Only the file header and the program headers are looked at, nothing is allocated in
//! proportion to a number in them, and every offset is checked against the file.

use crate::error::ElfError;

const HEADER_LEN: u64 = 64;
const PROGRAM_HEADER_LEN: u64 = 56;
const MAX_PROGRAM_HEADERS: u64 = 64;
const PT_LOAD: u32 = 1;
const PT_DYNAMIC: u32 = 2;
const PT_INTERP: u32 = 3;
const PF_X: u32 = 1;
const PF_W: u32 = 2;
const EM_RISCV: u64 = 243;
const ET_EXEC: u64 = 2;
const EF_RVC: u32 = 0x1;
const EF_FLOAT_ABI: u32 = 0x6;
const EF_RVE: u32 = 0x8;

/// A loadable segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment<'a> {
    /// First address.
    pub start: u64,
    /// Its bytes in the file.
    pub data: &'a [u8],
    /// Its size in memory, at least `data.len()`; the rest is zero.
    pub mem_len: u64,
    /// Whether it may be executed.
    pub executable: bool,
    /// Whether it may be written.
    pub writable: bool,
}

/// An executable: its entry point and its non-empty loadable segments in file order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Elf<'a> {
    /// First instruction.
    pub entry: u64,
    /// What is to be loaded.
    pub segments: Vec<Segment<'a>>,
}

impl<'a> Elf<'a> {
    /// Reads the headers of a static little-endian RV64 executable.
    ///
    /// # Errors
    /// [`ElfError::Truncated`] and [`ElfError::Header`]; whether the segments fit the machine is
    /// [`crate::Program::from_elf`]'s business.
    pub fn parse(file: &'a [u8]) -> Result<Self, ElfError> {
        let header = slice(file, "file header", 0, HEADER_LEN)?;
        expect("e_ident[EI_MAG]", u32_at(header, 0).swap_bytes().into(), 0x7f45_4c46, "0x7f454c46")?;
        expect("e_ident[EI_CLASS]", header[4].into(), 2, "2 (64-bit)")?;
        expect("e_ident[EI_DATA]", header[5].into(), 1, "1 (little endian)")?;
        expect("e_ident[EI_VERSION]", header[6].into(), 1, "1")?;
        expect("e_type", u16_at(header, 16).into(), ET_EXEC, "2 (ET_EXEC)")?;
        expect("e_machine", u16_at(header, 18).into(), EM_RISCV, "243 (EM_RISCV)")?;
        expect("e_version", u32_at(header, 20).into(), 1, "1")?;
        let flags = u32_at(header, 48);
        if flags & (EF_RVC | EF_FLOAT_ABI | EF_RVE) != 0 {
            let expected = "no compressed instructions, soft-float ABI, not RVE";
            return Err(ElfError::Header { field: "e_flags", found: flags.into(), expected });
        }
        expect("e_phentsize", u16_at(header, 54).into(), PROGRAM_HEADER_LEN, "56")?;
        let count = u64::from(u16_at(header, 56));
        if count > MAX_PROGRAM_HEADERS {
            return Err(ElfError::Header { field: "e_phnum", found: count, expected: "at most 64" });
        }
        let table = slice(file, "program headers", u64_at(header, 32), count * PROGRAM_HEADER_LEN)?;
        let segments = table
            .chunks_exact(PROGRAM_HEADER_LEN as usize)
            .filter_map(|entry| segment(file, entry).transpose())
            .collect::<Result<_, _>>()?;
        Ok(Self { entry: u64_at(header, 24), segments })
    }
}

/// Reads one program header; `None` if it loads nothing.
fn segment<'a>(file: &'a [u8], entry: &[u8]) -> Result<Option<Segment<'a>>, ElfError> {
    let kind = u32_at(entry, 0);
    if kind == PT_DYNAMIC || kind == PT_INTERP {
        return Err(ElfError::Header { field: "p_type", found: kind.into(), expected: "a static executable" });
    }
    let flags = u32_at(entry, 4);
    let (start, file_len, mem_len) = (u64_at(entry, 16), u64_at(entry, 32), u64_at(entry, 40));
    if kind != PT_LOAD || mem_len == 0 {
        return Ok(None);
    }
    if file_len > mem_len {
        return Err(ElfError::Header { field: "p_filesz", found: file_len, expected: "at most p_memsz" });
    }
    Ok(Some(Segment {
        start,
        data: slice(file, "segment", u64_at(entry, 8), file_len)?,
        mem_len,
        executable: flags & PF_X != 0,
        writable: flags & PF_W != 0,
    }))
}

fn slice<'a>(file: &'a [u8], what: &'static str, offset: u64, len: u64) -> Result<&'a [u8], ElfError> {
    let range = usize::try_from(offset).ok().zip(offset.checked_add(len).and_then(|end| usize::try_from(end).ok()));
    range.and_then(|(start, end)| file.get(start..end)).ok_or(ElfError::Truncated {
        what,
        offset,
        len,
        file_len: file.len() as u64,
    })
}

fn expect(field: &'static str, found: u64, wanted: u64, expected: &'static str) -> Result<(), ElfError> {
    if found == wanted { Ok(()) } else { Err(ElfError::Header { field, found, expected }) }
}

/// Little-endian integers at offsets inside a header whose length was checked by the caller.
fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from(u16_at(bytes, at)) | u32::from(u16_at(bytes, at + 2)) << 16
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}
