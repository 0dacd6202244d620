//! Whatever the text is, an execution ends in a halt or a trap, and never in a panic.

use std::sync::Arc;

use proptest::prelude::*;
use quintet_machine::{
    AirId, Execution, ExecutorError, Options, PlanIds, Planned,
    asm::{Assembler, encode},
    decode::{Decoded, Mnemonic},
    layout::{INPUT_START, RAM_END},
};

use crate::support::DATA;

const OPTIONS: Options = Options { max_cycles: 10_000, max_checkpoints: 4, checkpoint_bytes: 1 << 14, first_interval: 64 };

fn run(words: &[u32]) -> Result<Execution, ExecutorError> {
    let mut a = Assembler::new();
    a.data(DATA, vec![0xa5; 64], 4096);
    a.li(5, DATA).li(6, INPUT_START).li(7, RAM_END - 4).li(8, u64::MAX).li(17, 1);
    for word in words {
        a.word(*word);
    }
    a.halt(0);
    Execution::run(Arc::new(a.program().expect("the program loads")), Arc::from(&b"input"[..]), &OPTIONS)
}

/// Words that decode, with any fields; few registers, so that addresses get used.
fn instruction() -> impl Strategy<Value = u32> {
    let fields = (prop::sample::select(Mnemonic::ALL), 0u8..12, 0u8..12, 0u8..12, any::<i16>());
    fields.prop_map(|(mnemonic, rd, rs1, rs2, imm)| encode(Decoded { mnemonic, rd, rs1, rs2, imm: i64::from(imm) }))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn random_words_never_panic(words in prop::collection::vec(any::<u32>(), 0..64)) {
        let _ = run(&words);
    }

    #[test]
    fn random_instructions_halt_or_trap(words in prop::collection::vec(instruction(), 0..200)) {
        match run(&words) {
            Ok(execution) => {
                let planned = Planned::new(execution, 10, PlanIds::default()).expect("k is supported");
                for entry in &planned.plan().entries {
                    let air = AirId::try_from(entry.air).expect("plans hold known AIRs");
                    prop_assert!(planned.instance_events(air, entry.index).is_ok());
                }
            }
            Err(ExecutorError::Trap(trap)) => prop_assert!(trap.clock <= OPTIONS.max_cycles),
            Err(other) => prop_assert!(false, "{}", other),
        }
    }
}
