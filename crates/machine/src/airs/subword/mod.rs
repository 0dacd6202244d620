//! The subword AIR: narrow and misaligned loads and stores, which reach one or two words.
//!
//! # The window
//!
//! An access at byte `o` of its word looks at the 16 bytes of that word and the next through two groups of eight bytes: `x` are the
//! bytes from the access's first one on, `r` the rest. Rotated by `o` they are the two words, lowest byte first:
//!
//! ```text
//! first word   r₀ … r₍ₒ₋₁₎ x₀ … x₍₇₋ₒ₎        second word   x₍₈₋ₒ₎ … x₇ rₒ … r₇
//! ```
//!
//! A store replaces the first `width` bytes of `x` by those of `v`, the register value; a load's `v` are the first `width` bytes of
//! `x` and the extension. All 24 bytes are looked up.

mod trace;

#[cfg(test)]
pub(in crate::airs) mod tests;

use quintet_air::{Air, Bool, Builder, Column, Expr, Free, Message, Proven};

use super::{
    access::{MemoryAccess, WordAddress},
    tag,
};
use crate::{AirId, isa::op, layout};

/// Bytes of a word.
const BYTES: usize = 8;
/// Binary logarithms of the widths.
const WIDTHS: usize = 4;

/// Column handles of the subword AIR.
#[derive(Debug)]
pub struct Subword {
    /// One of these is 1 on a real row: byte 0…7 of the word is the first of the access.
    at: [Column<Proven>; BYTES],
    /// One of these is 1 on a real row: the access has 1, 2, 4, 8 bytes.
    wide: [Column<Proven>; WIDTHS],
    store: Column<Proven>,
    unsigned: Column<Proven>,
    /// 1 if a load extends by ones.
    sign: Column<Proven>,
    /// Twice the top byte of a signed load without its top bit.
    top: Column<Proven>,
    clock: Column<Free>,
    addr: WordAddress,
    x: [Column<Proven>; BYTES],
    r: [Column<Proven>; BYTES],
    v: [Column<Proven>; BYTES],
    first_old: Column<Free>,
    first_new: Column<Free>,
    second_old: Column<Free>,
    second_new: Column<Free>,
    first: MemoryAccess,
    second: MemoryAccess,
}

impl Air for Subword {
    const ID: u16 = AirId::Subword as u16;
    const NAME: &'static str = "subword";

    fn build(builder: &mut Builder) -> Self {
        fn bytes(builder: &mut Builder, name: &str) -> [Column<Proven>; BYTES] {
            std::array::from_fn(|i| builder.byte(format!("{name}_{i}")))
        }
        let air = Self {
            at: std::array::from_fn(|i| builder.boolean(format!("at_{i}"))),
            wide: std::array::from_fn(|i| builder.boolean(format!("wide_{}", 1 << i))),
            store: builder.boolean("store"),
            unsigned: builder.boolean("unsigned"),
            sign: builder.boolean("sign"),
            top: builder.byte("top"),
            clock: builder.uint("clock", 38),
            addr: WordAddress::new(builder),
            x: bytes(builder, "x"),
            r: bytes(builder, "r"),
            v: bytes(builder, "v"),
            first_old: builder.uint("first_old", 64),
            first_new: builder.uint("first_new", 64),
            second_old: builder.uint("second_old", 64),
            second_new: builder.uint("second_new", 64),
            first: MemoryAccess::new(builder, "first"),
            second: MemoryAccess::new(builder, "second"),
        };
        let real = air.request(builder);
        air.value(builder, &real);
        air.memory(builder, &real);
        air
    }
}

impl Subword {
    /// 1 on real rows.
    fn real(&self) -> Expr {
        Expr::sum(self.wide.iter().map(Column::cur))
    }

    /// 1 if byte `i` of the value is one that the access reaches, `i < width`.
    fn reached(&self, i: usize) -> Expr {
        Expr::sum(self.wide.iter().enumerate().filter(|(log, _)| i < 1 << log).map(|(_, wide)| wide.cur()))
    }

    /// What is asked for: `LDST(op, clock, address, value)`.
    fn request(&self, builder: &mut Builder) -> Bool {
        let real = builder.prove_boolean("one width", self.real());
        builder.constrain("one offset", Expr::sum(self.at.iter().map(Column::cur)) - real.expr());
        let next_real = Expr::sum(self.wide.iter().map(Column::next));
        builder.transition("real rows come first", next_real * (Expr::one() - real.expr()));

        let width = Expr::sum((0..WIDTHS).map(|log| self.wide[log].scale(log as u64)));
        let code = real.expr().scale(u64::from(op::LB))
            + width
            + self.unsigned.scale(u64::from(op::LBU - op::LB))
            + self.store.scale(u64::from(op::SB - op::LB));
        let offset = Expr::sum((0..BYTES).map(|i| self.at[i].scale(i as u64)));
        let byte = self.addr.expr().scale(layout::WORD_BYTES) + offset;
        let request = Message::new(tag::LDST).value(code).value(self.clock).value(byte).value(joined(&self.v, 0..BYTES));
        builder.receive("load or store", &real, request);
        real
    }

    /// The value of a load is what was found, extended.
    fn value(&self, builder: &mut Builder, real: &Bool) {
        let load = real.expr() - self.store;
        let [.., wide_8] = self.wide;
        let unsigned = self.store + self.unsigned + wide_8;
        builder.constrain("no sign without signed load", self.sign * (Expr::one() - real.expr() + unsigned));
        let top = Expr::sum(self.wide.iter().enumerate().map(|(log, wide)| *wide * self.x[(1 << log) - 1]));
        let rest = (top - self.sign.scale(128)).scale(2) - self.top;
        builder.constrain("sign is the top bit", (&load - self.unsigned) * rest * (Expr::one() - wide_8));
        for i in 0..BYTES {
            let extension = self.sign.scale(255);
            let byte = &extension + self.reached(i) * (self.x[i] - &extension);
            builder.constrain(format!("loaded byte {i}"), &load * (self.v[i] - byte));
        }
    }

    /// The one or two words before and after.
    fn memory(&self, builder: &mut Builder, real: &Bool) {
        let x: [Expr; BYTES] = std::array::from_fn(|i| self.x[i].cur());
        let y: [Expr; BYTES] = std::array::from_fn(|i| self.x[i] + self.store * self.reached(i) * (self.v[i] - self.x[i]));
        for (name, bytes, first, second) in
            [("before", &x, self.first_old, self.second_old), ("after", &y, self.first_new, self.second_new)]
        {
            let (mut low, mut high) = (first.cur(), second.cur());
            for (offset, at) in self.at.iter().enumerate() {
                let (head, tail) = bytes.split_at(BYTES - offset);
                let rest = joined(&self.r, 0..offset);
                low = low - *at * (rest + place(head, offset));
                high = high - *at * (place(tail, 0) + joined(&self.r, offset..BYTES));
            }
            builder.constrain(format!("first word {name}"), low);
            builder.constrain(format!("second word {name}"), high);
        }

        let beyond = |width: usize| Expr::sum(self.at[BYTES + 1 - width..].iter().map(Column::cur));
        let crosses = Expr::sum((1..WIDTHS).map(|log| self.wide[log] * beyond(1 << log)));
        let crosses = builder.prove_boolean("crosses at most once", crosses);
        let ts = self.clock.scale(layout::SLOTS) + layout::SLOT_MEMORY;
        let first = (self.first_old.cur(), self.first_new.cur());
        let second = (self.second_old.cur(), self.second_new.cur());
        self.first.connect(builder, "first word", real, self.addr.expr(), &ts, first);
        self.second.connect(builder, "second word", &crosses, self.addr.expr() + 1, ts, second);
    }
}

/// The integer with these bytes at these places, lowest first.
fn joined(bytes: &[Column<Proven>; BYTES], places: std::ops::Range<usize>) -> Expr {
    Expr::sum(places.map(|i| bytes[i].cur() * Expr::pow2(8 * i as u32)))
}

/// The integer with these bytes, the first at byte `from`.
fn place(bytes: &[Expr], from: usize) -> Expr {
    Expr::sum(bytes.iter().zip(from..).map(|(byte, i)| byte * Expr::pow2(8 * i as u32)))
}
