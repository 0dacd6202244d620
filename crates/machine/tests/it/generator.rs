//! Random programs that halt: straight code, forward jumps, bounded loops, loads and stores inside a window.

use proptest::prelude::*;
use quintet_machine::{
    asm::Assembler,
    decode::Mnemonic::{self, *},
};

use crate::semantics::{BRANCH, EDGES, IMMEDIATE, LOAD, REGISTER, SHIFT, STORE};

/// First byte of the window that random loads and stores reach.
pub(crate) const WINDOW: u64 = 0x0020_0000;
/// Its size.
pub(crate) const WINDOW_LEN: usize = 512;
/// Registers that random instructions do not write: loop counter, address, window, and one for the epilogue.
const COUNTER: u8 = 28;
const ADDRESS: u8 = 29;
const MIDDLE: u8 = 30;
pub(crate) const SPARE: u8 = 31;

/// A random instruction, or a few that belong together.
#[derive(Clone, Debug)]
pub(crate) enum Item {
    Register(Mnemonic, u8, u8, u8),
    Immediate(Mnemonic, u8, u8, i64),
    Upper(Mnemonic, u8, i64),
    Constant(u8, u64),
    Load(Mnemonic, u8, i64),
    Store(Mnemonic, u8, i64),
    /// At an address computed from a register.
    LoadAt(Mnemonic, u8, u8),
    StoreAt(Mnemonic, u8, u8),
    /// A branch over some words.
    Branch(Mnemonic, u8, u8, usize),
    Jump(u8, usize),
    /// Through a register, with the lowest bit of the target set or not.
    JumpRegister(u8, usize, bool),
    Fence,
    Loop(u8, Vec<Item>),
}

/// A random program's body and its data.
#[derive(Clone, Debug)]
pub(crate) struct Body {
    pub(crate) window: Vec<u8>,
    pub(crate) items: Vec<Item>,
}

fn value() -> impl Strategy<Value = u64> {
    prop_oneof![prop::sample::select(&EDGES[..]), any::<u64>(), any::<i8>().prop_map(|v| v as u64)]
}

fn item() -> impl Strategy<Value = Item> {
    let rd = || 0u8..COUNTER;
    let rs = || 0u8..32;
    let pick = |list: &'static [Mnemonic]| prop::sample::select(list);
    let offset = -256i64..=248;
    prop_oneof![
        6 => (pick(&REGISTER), rd(), rs(), rs()).prop_map(|(m, d, a, b)| Item::Register(m, d, a, b)),
        3 => (pick(&IMMEDIATE), rd(), rs(), -2048i64..2048).prop_map(|(m, d, a, i)| Item::Immediate(m, d, a, i)),
        2 => (pick(&SHIFT), rd(), rs(), 0i64..32).prop_map(|(m, d, a, i)| Item::Immediate(m, d, a, i)),
        1 => (pick(&[Lui, Auipc]), rd(), any::<i32>()).prop_map(|(m, d, i)| Item::Upper(m, d, i64::from(i) & !0xfff)),
        2 => (rd(), value()).prop_map(|(d, v)| Item::Constant(d, v)),
        2 => (prop::sample::select(&LOAD[..]), rd(), offset.clone()).prop_map(|((m, _), d, o)| Item::Load(m, d, o)),
        2 => (prop::sample::select(&STORE[..]), rs(), offset).prop_map(|((m, _), s, o)| Item::Store(m, s, o)),
        2 => (prop::sample::select(&LOAD[..]), rd(), rs()).prop_map(|((m, _), d, a)| Item::LoadAt(m, d, a)),
        2 => (prop::sample::select(&STORE[..]), rs(), rs()).prop_map(|((m, _), s, a)| Item::StoreAt(m, s, a)),
        2 => (pick(&BRANCH), rs(), rs(), 1usize..5).prop_map(|(m, a, b, n)| Item::Branch(m, a, b, n)),
        1 => (rd(), 1usize..4).prop_map(|(d, n)| Item::Jump(d, n)),
        1 => (rd(), 1usize..4, any::<bool>()).prop_map(|(d, n, bit)| Item::JumpRegister(d, n, bit)),
        1 => Just(Item::Fence),
    ]
}

/// Random bodies of up to `len` items, some of them loops.
pub(crate) fn body(len: usize) -> impl Strategy<Value = Body> {
    let looped = (1u8..5, prop::collection::vec(item(), 1..8)).prop_map(|(n, items)| Item::Loop(n, items));
    let items = prop::collection::vec(prop_oneof![15 => item(), 1 => looped], 1..len);
    (prop::collection::vec(any::<u8>(), WINDOW_LEN), items).prop_map(|(window, items)| Body { window, items })
}

impl Body {
    /// Appends the body; registers start with edge values.
    pub(crate) fn assemble(&self, a: &mut Assembler) {
        a.data(WINDOW, self.window.clone(), 0);
        for (rd, value) in (1..COUNTER).zip(EDGES.iter().cycle()) {
            a.li(rd, value.rotate_left(u32::from(rd / 14) * 20));
        }
        a.li(MIDDLE, WINDOW + WINDOW_LEN as u64 / 2);
        assemble(a, &self.items);
    }
}

fn assemble(a: &mut Assembler, items: &[Item]) {
    for (at, item) in items.iter().enumerate() {
        // Only whole items are jumped over, so that what computes an address is not cut off from its use.
        let over = |a: &mut Assembler, n: usize, jump: &dyn Fn(&mut Assembler, u64)| {
            let mut skipped = a.clone();
            let start = skipped.code().len();
            let ahead: Vec<Item> = items[at + 1..].iter().take(n).filter(|item| is_plain(item)).cloned().collect();
            assemble(&mut skipped, &ahead);
            jump(a, 4 * (skipped.code().len() - start) as u64);
            assemble(a, &ahead);
        };
        match item {
            Item::Register(m, rd, rs1, rs2) => {
                a.r(*m, *rd, *rs1, *rs2);
            }
            Item::Immediate(m, rd, rs1, imm) => {
                a.i(*m, *rd, *rs1, *imm);
            }
            Item::Upper(m, rd, imm) => {
                a.u(*m, *rd, *imm);
            }
            Item::Constant(rd, value) => {
                a.li(*rd, *value);
            }
            Item::Load(m, rd, offset) => {
                a.i(*m, *rd, MIDDLE, *offset);
            }
            Item::Store(m, rs2, offset) => {
                a.s(*m, *rs2, MIDDLE, *offset);
            }
            Item::LoadAt(m, rd, rs1) => {
                address(a, *rs1).i(*m, *rd, ADDRESS, -8);
            }
            Item::StoreAt(m, rs2, rs1) => {
                address(a, *rs1).s(*m, *rs2, ADDRESS, -8);
            }
            Item::Branch(m, rs1, rs2, n) => {
                over(a, *n, &|a, skipped| {
                    a.inst(*m, 0, *rs1, *rs2, 4 + skipped as i64);
                });
            }
            Item::Jump(rd, n) => over(a, *n, &|a, skipped| {
                a.inst(Jal, *rd, 0, 0, 4 + skipped as i64);
            }),
            Item::JumpRegister(rd, n, bit) => over(a, *n, &|a, skipped| {
                a.u(Auipc, ADDRESS, 0).i(Jalr, *rd, ADDRESS, 8 + skipped as i64 + i64::from(*bit));
            }),
            Item::Fence => {
                a.r(Fence, 0, 0, 0);
            }
            Item::Loop(count, items) => {
                a.li(COUNTER, u64::from(*count));
                let top = a.here();
                assemble(a, items);
                a.i(Addi, COUNTER, COUNTER, -1).branch(Bne, COUNTER, 0, top);
            }
        }
    }
}

fn is_plain(item: &Item) -> bool {
    !matches!(item, Item::Branch(..) | Item::Jump(..) | Item::JumpRegister(..) | Item::Loop(..))
}

/// Computes an address in the upper half of the window, plus 8.
fn address(a: &mut Assembler, rs1: u8) -> &mut Assembler {
    a.i(Andi, ADDRESS, rs1, 0xff).r(Add, ADDRESS, ADDRESS, MIDDLE)
}
