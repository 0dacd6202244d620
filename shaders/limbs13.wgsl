// Field elements as twenty limbs of 13 bits, for devices without 64-bit integers.
//
// A product of two limbs has 26 bits, and at most 2·20 of them and a carry meet in one place: less than 2^32. So a Montgomery
// multiplication needs no carries between limbs before its end. The radix is 2^260. Elements are always below the modulus.

const MASK: u32 = 0x1fffu;

struct Fe { l: array<u32, 20> }

fn fe_zero() -> Fe {
    return Fe();
}

// 1, which is the radix in Montgomery form.
fn fe_one() -> Fe {
    return Fe(array<u32, 20>(
#for j in 0..LIMBS
        $(ONE_$j)u,
#end
    ));
}

// What turns an integer into Montgomery form when multiplied with it.
fn fe_radix_squared() -> Fe {
    return Fe(array<u32, 20>(
#for j in 0..LIMBS
        $(R2_$j)u,
#end
    ));
}

// Takes the modulus off once if the limbs, which are carried, are not below it.
fn fe_reduce(t: Fe) -> Fe {
    // t − p as t + (2^260 − 1 − p) + 1: the carry out says whether t ≥ p.
    var carry = 1u;
#for j in 0..LIMBS
    let s$j = t.l[$j] + $(8191-P_$j)u + carry;
    carry = s$j >> 13u;
#end
    let enough = carry != 0u;
    return Fe(array<u32, 20>(
#for j in 0..LIMBS
        select(t.l[$j], s$j & MASK, enough),
#end
    ));
}

fn fe_add(a: Fe, b: Fe) -> Fe {
    var carry = 0u;
#for j in 0..LIMBS
    let s$j = a.l[$j] + b.l[$j] + carry;
    carry = s$j >> 13u;
#end
    return fe_reduce(Fe(array<u32, 20>(
#for j in 0..LIMBS
        s$j & MASK,
#end
    )));
}

fn fe_sub(a: Fe, b: Fe) -> Fe {
    // a − b as a + (2^260 − 1 − b) + 1; without a carry out it is negative, and p is added.
    var carry = 1u;
#for j in 0..LIMBS
    let s$j = a.l[$j] + (MASK - b.l[$j]) + carry;
    carry = s$j >> 13u;
#end
    let p = select(MASK, 0u, carry != 0u);
    carry = 0u;
#for j in 0..LIMBS
    let t$j = (s$j & MASK) + (p & $(P_$j)u) + carry;
    carry = t$j >> 13u;
#end
    return Fe(array<u32, 20>(
#for j in 0..LIMBS
        t$j & MASK,
#end
    ));
}

// One round of Montgomery's multiplication: (t + x·b + m·p) / 2^13, with the m for which that is an integer. Limbs are not carried.
fn fe_round(t: Fe, x: u32, b: Fe) -> Fe {
#for j in 0..LIMBS
    var t$j = t.l[$j] + x * b.l[$j];
#end
    let m = (t0 * $(P_INV)u) & MASK;
#for j in P_LIMBS
    t$j += m * $(P_$j)u;
#end
    t1 += t0 >> 13u;
    return Fe(array<u32, 20>(
#for j in 1..LIMBS
        t$j,
#end
        0u,
    ));
}

// Montgomery's product: a·b / 2^260.
fn fe_mul(a: Fe, b: Fe) -> Fe {
    var t = fe_zero();
#for i in 0..LIMBS
    t = fe_round(t, a.l[$i], b);
#end
    // Below 2p: (a·b + 2^260·p) / 2^260 < p + p·(p / 2^260).
    var carry = 0u;
#for j in 0..LIMBS
    let s$j = t.l[$j] + carry;
    carry = s$j >> 13u;
#end
    return fe_reduce(Fe(array<u32, 20>(
#for j in 0..LIMBS
        s$j & MASK,
#end
    )));
}

fn fe_unpack(v: Packed) -> Fe {
    let w = array<u32, 8>(v.lo.x, v.lo.y, v.lo.z, v.lo.w, v.hi.x, v.hi.y, v.hi.z, v.hi.w);
    return Fe(array<u32, 20>(
#for j in 0..LIMBS
#if 13*j%32 + 13 > 32
#if 13*j/32 == 7
        (w[7] >> $(13*j%32)u) & MASK,
#else
        ((w[$(13*j/32)] >> $(13*j%32)u) | (w[$(13*j/32+1)] << $(32-13*j%32)u)) & MASK,
#end
#else
        (w[$(13*j/32)] >> $(13*j%32)u) & MASK,
#end
#end
    ));
}

fn fe_pack(a: Fe) -> Packed {
#for j in 0..8
    var w$j = 0u;
#end
#for j in 0..LIMBS
    w$(13*j/32) |= a.l[$j] << $(13*j%32)u;
#if 13*j%32 + 13 > 32
#if 13*j/32 != 7
    w$(13*j/32+1) |= a.l[$j] >> $(32-13*j%32)u;
#end
#end
#end
    return Packed(vec4<u32>(w0, w1, w2, w3), vec4<u32>(w4, w5, w6, w7));
}
