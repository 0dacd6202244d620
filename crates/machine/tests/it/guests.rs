//! Compiled programs: the same source on the machine and, built for Linux, under `qemu-riscv64`.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use quintet_machine::{Execution, Options, PlanIds, Planned, Program};

use crate::{audit::audit, qemu::available};

/// The test programs of `guests/` as `(machine, linux)`.
pub(crate) fn programs() -> Vec<(PathBuf, PathBuf)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../guests/elf/tests");
    let entries = std::fs::read_dir(&folder).expect("the test programs are part of the repository");
    let files = entries.map(|entry| entry.expect("the folder can be read").path());
    let machine = files.filter(|path| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.ends_with(".elf") && !name.ends_with(".linux.elf")
    });
    let mut pairs: Vec<_> = machine.map(|path| (path.clone(), path.with_extension("linux.elf"))).collect();
    pairs.sort();
    pairs
}

/// Runs a test program without input.
pub(crate) fn run(path: &Path) -> Execution {
    let file = std::fs::read(path).expect("the program can be read");
    let program = Program::from_elf(&file).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    Execution::run(Arc::new(program), Arc::from([]), &Options::default())
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn compiled_programs_agree_with_the_emulator() {
    assert!(programs().len() >= 5, "test programs are missing");
    if !available() {
        return;
    }
    for (machine, linux) in programs() {
        let execution = run(&machine);
        let output = Command::new("qemu-riscv64").arg(&linux).output().expect("the emulator runs");
        let theirs: Vec<u64> =
            output.stdout.chunks(8).map(|word| u64::from_le_bytes(word.try_into().expect("whole words"))).collect();
        let name = machine.display();
        assert_eq!(execution.outputs(), theirs, "{name}");
        // Linux keeps eight bits of an exit code.
        assert_eq!(Some((execution.exit_code() & 0xff) as i32), output.status.code(), "{name}");
    }
}

#[test]
fn compiled_programs_balance_the_bus() {
    for (machine, _) in programs() {
        let execution = run(&machine);
        println!("{}: {} cycles", machine.display(), execution.cycles());
        if execution.cycles() < 300_000 {
            audit(&Planned::new(execution, 14, PlanIds::default()).expect("k is supported"));
        }
    }
}
