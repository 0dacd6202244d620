//! The machine's bus tags (`docs/machine.md`, "The bus"). `LIMB` and `BYTE` are in [`quintet_air::Tag`].

use quintet_air::Tag;

/// `(pc, clock)`: the chain of cpu segments.
pub const CPU: Tag = Tag(1);
/// `(exit code)`.
pub const HALT: Tag = Tag(2);
/// `(index, word)`: an output word.
pub const OUT: Tag = Tag(3);
/// `(pc, flags, op, rd, rs1, rs2, imm)`: a row of the program.
pub const PROGRAM: Tag = Tag(4);
/// `(word address, timestamp, value)`.
pub const MEM: Tag = Tag(5);
/// `(op, a, b, c)`.
pub const ALU: Tag = Tag(6);
/// `(op, clock, byte address, value)`.
pub const LDST: Tag = Tag(7);
/// `(clock, byte address)`: a call of keccak-f.
pub const KECCAK: Tag = Tag(8);
/// `(clock, 2 · lane + direction, value)`: lanes of a call between keccak-mem and keccak; direction 0 is in, 1 is out.
pub const KSTATE: Tag = Tag(9);
/// Lanes between the rounds of one permutation; inside keccak only.
pub const KLANE: Tag = Tag(10);
/// `(word address)`: the chain of memory instances.
pub const MEMCHAIN: Tag = Tag(13);
/// `(s, kind, power of two)`: the factor by which a shift by `s < 64` multiplies; inside shift only.
pub const POW2: Tag = Tag(14);
/// `(first word address, word address after the last)`: a range of words that the program occupies, text or image.
pub const REGION: Tag = Tag(15);
/// `(x, y, x & y)` for digits x, y; inside bitwise only.
pub const AND: Tag = Tag(16);
