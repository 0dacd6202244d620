//! A panic halts the machine with a code of its own. The message is left out: formatting it would be most of the ELF.

use crate::{abi, ecall};
use core::panic::PanicInfo;

#[panic_handler]
fn panic(_info: &PanicInfo<'_>) -> ! {
    ecall::halt(abi::EXIT_PANIC)
}
