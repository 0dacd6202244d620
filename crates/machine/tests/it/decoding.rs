//! Decoder and encoder are each other's inverse; what is not RV64IM is refused.

use proptest::prelude::*;
use quintet_machine::{
    asm::encode,
    decode::{Decoded, Mnemonic, decode},
};

fn canonical(mnemonic: Mnemonic, rd: u8, rs1: u8, rs2: u8, raw: i64) -> Decoded {
    use Mnemonic::*;
    let sign = |bits: u32| raw << (64 - bits) >> (64 - bits);
    let (rd, rs1, rs2, imm) = match mnemonic {
        Lui | Auipc => (rd, 0, 0, sign(32) & !0xfff),
        Jal => (rd, 0, 0, sign(21) & !1),
        Beq | Bne | Blt | Bge | Bltu | Bgeu => (0, rs1, rs2, sign(13) & !1),
        Sb | Sh | Sw | Sd => (0, rs1, rs2, sign(12)),
        Slli | Srli | Srai => (rd, rs1, 0, raw & 63),
        Slliw | Srliw | Sraiw => (rd, rs1, 0, raw & 31),
        Jalr | Lb | Lh | Lw | Ld | Lbu | Lhu | Lwu | Addi | Slti | Sltiu | Xori | Ori | Andi | Addiw => (rd, rs1, 0, sign(12)),
        Fence | Ecall | Ebreak => (0, 0, 0, 0),
        _ => (rd, rs1, rs2, 0),
    };
    Decoded { mnemonic, rd, rs1, rs2, imm }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn decoding_inverts_encoding(
        mnemonic in prop::sample::select(Mnemonic::ALL),
        rd in 0u8..32, rs1 in 0u8..32, rs2 in 0u8..32, imm: i64,
    ) {
        let inst = canonical(mnemonic, rd, rs1, rs2, imm);
        prop_assert_eq!(decode(encode(inst)), Some(inst));
    }

    #[test]
    fn encoding_inverts_decoding(word: u32, opcode in prop::sample::select(&[0x03u32, 0x13, 0x1b, 0x23, 0x33, 0x3b, 0x63, 0x67, 0x6f, 0x17, 0x37][..])) {
        let word = word & !0x7f | opcode;
        if let Some(inst) = decode(word) {
            prop_assert_eq!(encode(inst), word);
        }
    }
}

#[test]
fn words_outside_rv64im_are_refused() {
    let refused = [
        (0x0000_0000, "zero"),
        (0xffff_ffff, "ones"),
        (0x0000_0001, "c.nop"),
        (0x0000_100f, "fence.i"),
        (0x3020_0073, "mret"),
        (0xc000_2573, "rdcycle"),
        (0x1005_252f, "lr.w"),
        (0x0405_1513, "slli by more than 63"),
        (0x0205_151b, "slliw by more than 31"),
        (0x0000_7003, "load of width 7"),
        (0x0000_4023, "store of width 4"),
        (0x0000_2063, "branch 2"),
        (0x0000_1067, "jalr with funct3"),
        (0x4000_1033, "sll with funct7 0x20"),
        (0x0000_203b, "op-32 funct3 2"),
    ];
    for (word, name) in refused {
        assert_eq!(decode(word), None, "{name}");
    }
}

#[test]
fn fences_of_every_kind_are_one_instruction() {
    for word in [0x0ff0_000f, 0x8330_000f, 0x0100_000f, 0x0000_000f] {
        assert_eq!(decode(word).map(|inst| inst.mnemonic), Some(Mnemonic::Fence));
    }
}
