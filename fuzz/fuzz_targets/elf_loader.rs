//! Arbitrary bytes as a program: the loader refuses or loads, and what it loads keeps its promises.
#![no_main]

use libfuzzer_sys::fuzz_target;
use quintet_machine::{Program, layout};

fuzz_target!(|file: &[u8]| {
    let Ok(program) = Program::from_elf(file) else { return };
    let text = program.text_words();
    assert!(layout::RAM_WORD_START <= text.start && text.end <= layout::RAM_WORD_END);
    assert!(program.image().is_sorted_by(|a, b| a.0 < b.0));
    for (addr, _) in program.image() {
        assert!((layout::RAM_WORD_START..layout::RAM_WORD_END).contains(addr) && !text.contains(addr));
    }
    assert!(program.rows().is_sorted_by(|a, b| a.pc < b.pc));
});
