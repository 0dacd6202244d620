//! Short cuts that most tests need.

use std::sync::Arc;

use quintet_machine::{Execution, ExecutorError, Options, Program, Trap, asm::Assembler};

/// A place for data, far from the text.
pub(crate) const DATA: u64 = 0x0020_0000;

/// Executes an assembled program on an input.
pub(crate) fn execute(a: &Assembler, input: &[u8]) -> Result<Execution, ExecutorError> {
    execute_with(a, input, &Options::default())
}

/// Executes with options.
pub(crate) fn execute_with(a: &Assembler, input: &[u8], options: &Options) -> Result<Execution, ExecutorError> {
    let program: Arc<Program> = Arc::new(a.program().expect("the program loads"));
    Execution::run(program, Arc::from(input), options)
}

/// The trap that a program ends in.
pub(crate) fn trap(a: &Assembler) -> Trap {
    match execute(a, &[]) {
        Err(ExecutorError::Trap(trap)) => trap,
        other => panic!("expected a trap, got {other:?}"),
    }
}
