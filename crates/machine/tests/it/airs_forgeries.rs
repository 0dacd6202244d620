//! Coordinated forgeries: several cells and tables changed together so that all but one defence is satisfied.

use ff::Field;
use quintet_air::{BusBalance, F, Tag};
use quintet_machine::{
    AirId,
    airs::tag,
    asm::Assembler,
    decode::Mnemonic::*,
    layout::{A0, A1, INPUT_START, INPUT_WORD_START, RAM_WORD_START, ecall},
};

use crate::{
    airs_programs::{mixed, tables},
    airs_support::{Instance, Tables, open, violated},
    support::execute,
};

/// A mark (which has no effect on the proof) with 5 in a0.
fn marked() -> Tables {
    let mut a = Assembler::new();
    a.li(A0, 5).ecall(ecall::MARK).halt(0);
    tables(&a, &[])
}

#[test]
fn a_read_that_consumes_its_own_send_is_out_of_range() {
    let mut tables = marked();
    let cpu = tables.first(AirId::Cpu);
    let mark = cpu.row_with("note");
    // The mark claims to have read 99, from itself; the next access to a0, one instruction later, is told of the one before.
    let (before, after) = (cpu.get("rs2_gap_0", mark), cpu.get("rd_gap_0", mark + 1));
    cpu.set("rs2_gap_0", mark, -F::ONE).set("r2", mark, 99).set("b", mark, 99);
    cpu.set("rd_gap_0", mark + 1, after + before + F::ONE);
    assert_eq!(violated(cpu), [""; 0]);
    assert_eq!(open(&tables), [Tag::LIMB]);
}

#[test]
fn a_read_value_cannot_be_an_alias() {
    let mut tables = marked();
    let cpu = tables.first(AirId::Cpu);
    let mark = cpu.row_with("note");
    let alias = cpu.get("r2", mark) + F::from(2).pow_vartime([64]);
    cpu.set("r2", mark, alias).set("b", mark, alias);
    assert_eq!(violated(cpu), [""; 0]);
    assert_eq!(open(&tables), [tag::MEM]);
}

#[test]
fn decoded_flags_are_bits_not_digits() {
    let mut tables = marked();
    let cpu = tables.first(AirId::Cpu);
    // `addi a0, x0, 5` has r1 and w; r2 twice is worth as much as w.
    assert_eq!([cpu.get("r1", 0), cpu.get("r2_read", 0), cpu.get("w", 0)], [F::ONE, F::ZERO, F::ONE]);
    cpu.set("w", 0, 0).set("r2_read", 0, 2);
    assert!(violated(cpu).contains(&"r2_read is boolean".to_owned()));
    assert!(!open(&tables).contains(&tag::PROGRAM), "the lookup alone does not notice");
}

#[test]
fn an_ecall_is_what_a7_says() {
    let mut a = Assembler::new();
    a.li(A0, 0).li(A1, 7).ecall(ecall::OUTPUT).halt(0);
    let mut tables = tables(&a, &[]);
    assert_eq!(tables.verdict(), Ok(()));
    let cpu = tables.first(AirId::Cpu);
    let row = cpu.row_with("output");
    cpu.set("output", row, 0).set("note", row, 1);
    assert_eq!(violated(cpu), ["note is ecall 3 or 4"]);
    tables.outputs.clear();
    assert_eq!(open(&tables), []);
}

#[test]
fn a_consumer_cannot_give_back() {
    let mut tables = tables(&mixed(), b"");
    let word = tables.first(AirId::Word);
    let padding = (0..).find(|&row| word.get("load", row) + word.get("store", row) == F::ZERO).expect("there is padding");
    word.set("load", padding, -F::ONE);
    assert!(violated(word).contains(&"load is boolean".to_owned()));
}

#[test]
fn a_loaded_value_is_the_stored_one() {
    let mut a = Assembler::new();
    a.li(5, 0x20_0000).s(Sd, 5, 5, 0).i(Ld, 0, 5, 0).halt(0);
    let mut tables = tables(&a, &[]);
    // The value is dropped, so that only cpu and word have to agree on it.
    let cpu = tables.first(AirId::Cpu);
    let row = cpu.row_with("load");
    cpu.set("result", row, 1).set("rd_new", row, 1);
    let word = tables.first(AirId::Word);
    let row = word.row_with("load");
    word.set("old", row, 1).set("value", row, 1);
    assert_eq!(violated(tables.first(AirId::Cpu)), [""; 0]);
    assert_eq!(violated(tables.first(AirId::Word)), [""; 0]);
    assert_eq!(open(&tables), [tag::MEM]);
}

#[test]
fn an_input_word_is_below_two_to_the_64() {
    let mut tables = tables(&mixed(), b"some input");
    let memory = tables.first(AirId::Memory);
    let row = memory.row_with("input");
    // At k = 11 six limbs of ten bits are followed by one of four.
    memory.set("initial_6", row, 16);
    assert_eq!(violated(memory), [""; 0]);
    let open = open(&tables);
    assert!(open.contains(&Tag::LIMB) && open.contains(&tag::MEM));
}

#[test]
fn outputs_are_public_once_and_in_place() {
    let honest = tables(&mixed(), b"abc");
    let mut forged = honest.clone();
    forged.outputs[1] ^= 1;
    assert_eq!(open(&forged), [tag::OUT]);
    let mut forged = honest.clone();
    forged.outputs.push(0);
    assert_eq!(open(&forged), [tag::OUT]);
    let mut forged = honest;
    forged.outputs.swap(0, 1);
    assert_eq!(open(&forged), [tag::OUT]);
}

/// The sum over all instances is 0, so leaving one out or adding it again leaves the bus out of balance by what it puts there.
#[test]
fn no_instance_can_be_left_out_or_doubled() {
    for Instance { air, spec, trace, .. } in tables(&mixed(), b"abc").instances {
        let mut own = BusBalance::default();
        own.add_instance(&spec, &trace);
        assert!(!own.imbalances().is_empty(), "{air}");
    }
}

#[test]
fn two_executions_are_not_one() {
    let honest = tables(&mixed(), b"abc");
    let mut forged = honest.clone();
    forged.instances.extend(honest.instances.clone());
    let open = open(&forged);
    assert!(open.contains(&tag::CPU) && open.contains(&tag::HALT), "{open:?}");
}

#[test]
fn a_range_check_alias_is_in_no_table() {
    let mut tables = marked();
    let cpu = tables.first(AirId::Cpu);
    let mark = cpu.row_with("note");
    // Another pair of limbs for the same gap: one above its bound, one below 0.
    let [low, high] = ["rs1_gap_0", "rs1_gap_1"].map(|limb| cpu.get(limb, mark));
    cpu.set("rs1_gap_0", mark, low + F::from(1 << 10)).set("rs1_gap_1", mark, high - F::ONE);
    assert_eq!(violated(cpu), [""; 0]);
    assert_eq!(open(&tables), [Tag::LIMB]);
}

#[test]
fn a_second_halt_needs_a_second_start() {
    let honest = marked();
    let mut forged = honest.clone();
    // A segment of its own that does nothing but halt, with registers that nobody wrote.
    let cpu = forged.first(AirId::Cpu);
    let halt = (0..).find(|&row| cpu.get("last", row) == F::ONE).expect("a row is the last");
    let mut second = honest.instances.iter().find(|instance| instance.air == AirId::Cpu).expect("there is one").clone();
    second.keep_row(halt);
    second.index = 1;
    assert_eq!(violated(&second), [""; 0]);
    forged.instances.push(second);
    let open = open(&forged);
    assert!(open.contains(&tag::CPU) && open.contains(&tag::HALT), "{open:?}");
}

#[test]
fn an_output_written_twice_is_public_in_no_list() {
    // The input says which output the second word is.
    let mut a = Assembler::new();
    a.li(7, INPUT_START).li(A0, 0).li(A1, 11).ecall(ecall::OUTPUT).i(Ld, A0, 7, 8).li(A1, 22).ecall(ecall::OUTPUT).halt(0);
    let mut forged = tables(&a, &1u64.to_le_bytes());
    assert_eq!(forged.verdict(), Ok(()));
    assert_eq!(forged.outputs, [11, 22]);
    // Index 0 again, everywhere where the index is on its way from the input to the ecall and to the write after it.
    let memory = forged.first(AirId::Memory);
    let word = (0..).find(|&row| memory.get("addr", row) == F::from(INPUT_WORD_START + 1)).expect("the word is touched");
    memory.set("initial_0", word, 0).set("last", word, 0);
    let row = forged.first(AirId::Word).row_with("load");
    forged.first(AirId::Word).set("old", row, 0).set("value", row, 0);
    let cpu = forged.first(AirId::Cpu);
    let load = cpu.row_with("load");
    let output = (load..).find(|&row| cpu.get("output", row) == F::ONE).expect("the second output");
    let next = (output..).find(|&row| cpu.get("w", row) == F::ONE && cpu.get("rd", row) == F::from(u64::from(A0)));
    let next = next.expect("the exit code is written");
    cpu.set("result", load, 0).set("rd_new", load, 0).set("r2", output, 0).set("b", output, 0).set("rd_old", next, 0);
    for instance in &forged.instances {
        assert_eq!(violated(instance), [""; 0], "{}", instance.air);
    }
    for outputs in [vec![11, 22], vec![11], vec![22], vec![22, 11]] {
        forged.outputs = outputs;
        assert_eq!(open(&forged), [tag::OUT]);
    }
}

/// A program whose image fills two instances and whose words fill two.
fn large() -> Tables {
    let mut a = Assembler::new();
    a.data(0x0020_0000, (0..9_000u32).map(|i| i as u8).collect::<Vec<_>>(), 0);
    a.li(5, 0x0100_0000).li(6, 1100);
    let again = a.here();
    a.s(Sd, 6, 5, 0).i(Addi, 5, 5, 8).i(Addi, 6, 6, -1).branch(Bne, 6, 0, again).halt(0);
    Tables::new(execute(&a, &[]).expect("the program halts"), 10)
}

/// A copy of an instance whose words end as they begin: it needs nobody else on the bus, if it is admitted.
fn untouched(instance: &Instance, initial: &str) -> Instance {
    let mut copy = instance.clone();
    let column = |name: &str| copy.spec.column(name).expect("the column exists");
    let [last, last_ts] = ["last", "last_ts"].map(column);
    for row in 0..copy.spec.height() {
        // Values in limbs are those of zero memory.
        let value = copy.spec.column(initial).map_or(F::ZERO, |initial| copy.trace.get(initial, row));
        copy.trace.columns[last].set(row, value);
        copy.trace.columns[last_ts].set(row, F::ZERO);
    }
    copy
}

#[test]
fn a_word_cannot_begin_in_two_instances() {
    let honest = large();
    let memory: Vec<&Instance> = honest.instances.iter().filter(|instance| instance.air == AirId::Memory).collect();
    assert_eq!(memory.len(), 2);
    let mut again = untouched(memory[1], "none");
    again.index = 2;
    // It stands in the chain where the second instance stands.
    assert_eq!(violated(&again), [""; 0]);
    let mut forged = honest.clone();
    forged.instances.push(again.clone());
    assert_eq!(open(&forged), [tag::MEMCHAIN]);
    // As a chain of its own.
    again.set("entry", 0, 0);
    assert!(violated(&again).contains(&"only instance 0 has none before".to_owned()));
    again.index = 0;
    assert!(violated(&again).contains(&"instance 0 begins at address 0".to_owned()));
}

/// The bus alone does not notice: that an instance of the image is there once is a rule of the plan, and the verifier's.
#[test]
fn a_doubled_image_is_for_the_plan_to_refuse() {
    let honest = large();
    let image: Vec<&Instance> = honest.instances.iter().filter(|instance| instance.air == AirId::Image).collect();
    assert_eq!(image.len(), 2);
    for (instance, expected) in [(image[0], vec![tag::REGION]), (image[1], vec![])] {
        let mut forged = honest.clone();
        let again = untouched(instance, "initial");
        assert_eq!(violated(&again), [""; 0]);
        forged.instances.push(again);
        assert_eq!(open(&forged), expected);
    }
    // A doubled program adds nothing: what it provides is what the first provides.
    let mut forged = honest.clone();
    let mut again = forged.first(AirId::Program).clone();
    let count = again.spec.column("count").expect("the column exists");
    (0..again.spec.height()).for_each(|row| again.trace.columns[count].set(row, F::ZERO));
    assert_eq!(violated(&again), [""; 0]);
    forged.instances.push(again);
    assert_eq!(open(&forged), []);
}

#[test]
fn padding_of_the_program_is_no_instruction() {
    let mut a = Assembler::new();
    a.r(Fence, 0, 0, 0).r(Fence, 0, 0, 0).halt(0);
    let mut forged = tables(&a, &[]);
    // The row has no flag, as a FENCE has none: at address 0 it is what padding would provide.
    let (cpu_pc, padding) = (1, 5);
    forged.first(AirId::Cpu).set("pc", cpu_pc, 0);
    let first = forged.first(AirId::Program).get("count", 1);
    forged.first(AirId::Program).set("count", 1, first - F::ONE).set("count", padding, 1);
    assert_eq!(forged.first(AirId::Program).get("present", padding), F::ZERO);
    assert!(!open(&forged).contains(&tag::PROGRAM), "the lookup alone does not notice");
    assert_eq!(violated(forged.first(AirId::Program)), ["padding provides nothing"]);
}

#[test]
fn x0_is_written_by_no_row() {
    let mut a = Assembler::new();
    a.li(5, 1).r(Add, 0, 5, 5).r(Add, 6, 0, 0).halt(0);
    let mut forged = tables(&a, &[]);
    let cpu = forged.first(AirId::Cpu);
    // `add x0, x5, x5` has an ALU operation and no write. x0 was read never before; the next instruction reads it twice.
    let row = 1;
    assert_eq!([cpu.get("rd", row), cpu.get("w", row), cpu.get("result", row)], [0, 0, 2].map(F::from));
    cpu.set("w", row, 1);
    assert_eq!(violated(cpu), [""; 0]);
    assert!(open(&forged).contains(&tag::PROGRAM));
}

#[test]
fn a_register_is_no_memory() {
    let mut a = Assembler::new();
    a.li(5, 0x20_0000).i(Ld, 6, 5, 0).halt(0);
    let mut forged = tables(&a, &[]);
    let word = forged.first(AirId::Word);
    let row = word.row_with("load");
    // The word address of x5 relative to RAM, which is below 0: in one limb, or spread over all.
    let offset = F::from(5) - F::from(RAM_WORD_START);
    word.set("word_offset_0", row, offset).set("word_offset_1", row, 0).set("word_offset_2", row, 0);
    assert_eq!(violated(word), [""; 0]);
    assert!(open(&forged).contains(&Tag::LIMB));
}

#[test]
fn a_segment_goes_on_where_the_one_before_ended() {
    let mut a = Assembler::new();
    a.li(5, 600);
    let again = a.here();
    a.i(Addi, 5, 5, -1).branch(Bne, 5, 0, again).halt(0);
    let honest = Tables::new(execute(&a, &[]).expect("the program halts"), 10);
    assert!(honest.instances.iter().filter(|instance| instance.air == AirId::Cpu).count() > 1);
    for column in ["clock", "pc"] {
        let mut forged = honest.clone();
        let second =
            forged.instances.iter_mut().find(|instance| instance.air == AirId::Cpu && instance.index == 1).expect("two");
        for row in 0..second.spec.height() {
            if second.get("real", row) == F::ONE {
                let value = second.get(column, row) + F::ONE;
                second.set_uncounted(column, row, value);
            }
        }
        assert!(open(&forged).contains(&tag::CPU), "{column}");
    }
}
