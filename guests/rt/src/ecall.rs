//! The machine's ecalls, and what stands in for them under Linux and on the host.

#[cfg(all(target_arch = "riscv64", not(feature = "linux")))]
mod machine {
    use crate::abi;
    use core::arch::asm;

    /// Stops the machine with `code`. Zero is success; a proof exists for no other code.
    pub fn halt(code: u64) -> ! {
        // SAFETY: the ecall does not return and touches no memory.
        unsafe { asm!("ecall", in("a7") abi::HALT, in("a0") code, options(noreturn, nostack)) }
    }

    /// Sets output word `index` to `word`. Indices are used once each, from 0 without gaps.
    #[inline(always)]
    pub fn commit(index: u64, word: u64) {
        // SAFETY: the ecall changes neither registers nor memory.
        unsafe { asm!("ecall", in("a7") abi::COMMIT, in("a0") index, in("a1") word, options(nostack, nomem)) }
    }

    /// keccak-f\[1600\] in place.
    #[inline(always)]
    pub fn keccak_f(state: &mut [u64; 25]) {
        // SAFETY: the ecall rewrites exactly the 25 aligned words it is given and changes no register.
        unsafe { asm!("ecall", in("a7") abi::KECCAK_F, in("a0") state.as_mut_ptr(), options(nostack)) }
    }

    /// Shows a message where the executor is asked to; no effect on the proof.
    pub fn log(message: &str) {
        // SAFETY: the ecall reads the message at most.
        unsafe {
            asm!("ecall", in("a7") abi::LOG, in("a0") message.as_ptr(), in("a1") message.len(),
                options(nostack, readonly))
        }
    }

    /// Marks a place in the execution for profiles; no effect on the proof.
    pub fn profile(id: u64) {
        // SAFETY: the ecall changes neither registers nor memory.
        unsafe { asm!("ecall", in("a7") abi::PROFILE, in("a0") id, options(nostack, nomem)) }
    }
}

#[cfg(all(target_arch = "riscv64", feature = "linux"))]
mod linux {
    use core::arch::asm;

    const WRITE: usize = 64;
    const EXIT: usize = 93;

    fn write(fd: usize, bytes: &[u8]) {
        // SAFETY: write(2) reads `bytes`; a0 receives its result, which nothing here depends on.
        unsafe {
            asm!("ecall", in("a7") WRITE, inlateout("a0") fd => _, in("a1") bytes.as_ptr(), in("a2") bytes.len(),
                options(nostack))
        }
    }

    /// exit(2); Linux keeps the lowest byte of the code.
    pub fn halt(code: u64) -> ! {
        // SAFETY: exit(2) does not return.
        unsafe { asm!("ecall", in("a7") EXIT, in("a0") code, options(noreturn, nostack)) }
    }

    /// Writes the word to standard output as eight little-endian bytes; the index is where it stands.
    pub fn commit(_index: u64, word: u64) {
        write(1, &word.to_le_bytes());
    }

    /// keccak-f\[1600\] in place, in software.
    pub fn keccak_f(state: &mut [u64; 25]) {
        crate::keccak_soft::keccak_f(state);
    }

    /// Writes the message to standard error.
    pub fn log(message: &str) {
        write(2, message.as_bytes());
    }

    /// Does nothing.
    pub fn profile(_id: u64) {}
}

#[cfg(not(target_arch = "riscv64"))]
mod host {
    /// Unit tests never halt.
    pub fn halt(code: u64) -> ! {
        panic!("the guest halted with code {code:#x}")
    }

    /// keccak-f\[1600\] in place, in software.
    pub fn keccak_f(state: &mut [u64; 25]) {
        crate::keccak_soft::keccak_f(state);
    }
}

#[cfg(not(target_arch = "riscv64"))]
pub use host::*;
#[cfg(all(target_arch = "riscv64", feature = "linux"))]
pub use linux::*;
#[cfg(all(target_arch = "riscv64", not(feature = "linux")))]
pub use machine::*;
