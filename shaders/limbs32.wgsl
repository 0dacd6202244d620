// Field elements as eight limbs of 32 bits, for devices with 64-bit integers. The radix is 2^256. Elements are always below the modulus.

struct Fe { l: array<u32, 8> }

fn fe_zero() -> Fe {
    return Fe();
}

// 1, which is the radix in Montgomery form.
fn fe_one() -> Fe {
    return Fe(array<u32, 8>(
#for j in 0..LIMBS
        $(ONE_$j)u,
#end
    ));
}

// What turns an integer into Montgomery form when multiplied with it.
fn fe_radix_squared() -> Fe {
    return Fe(array<u32, 8>(
#for j in 0..LIMBS
        $(R2_$j)u,
#end
    ));
}

// Takes the modulus off once if the limbs are not below it.
fn fe_reduce(t: Fe) -> Fe {
    // t − p as t + (2^256 − 1 − p) + 1: the carry out says whether t ≥ p.
    var carry = 1lu;
#for j in 0..LIMBS
    carry += u64(t.l[$j]) + $(4294967295-P_$j)lu;
    let s$j = u32(carry);
    carry >>= 32u;
#end
    let enough = carry != 0lu;
    return Fe(array<u32, 8>(
#for j in 0..LIMBS
        select(t.l[$j], s$j, enough),
#end
    ));
}

fn fe_add(a: Fe, b: Fe) -> Fe {
    // Both are below 2^255: nothing is carried out.
    var carry = 0lu;
#for j in 0..LIMBS
    carry += u64(a.l[$j]) + u64(b.l[$j]);
    let s$j = u32(carry);
    carry >>= 32u;
#end
    return fe_reduce(Fe(array<u32, 8>(s0, s1, s2, s3, s4, s5, s6, s7)));
}

fn fe_sub(a: Fe, b: Fe) -> Fe {
    // a − b as a + (2^256 − 1 − b) + 1; without a carry out it is negative, and p is added.
    var carry = 1lu;
#for j in 0..LIMBS
    carry += u64(a.l[$j]) + u64(~b.l[$j]);
    let s$j = u32(carry);
    carry >>= 32u;
#end
    let p = select(0xffffffffu, 0u, carry != 0lu);
    carry = 0lu;
#for j in 0..LIMBS
    carry += u64(s$j) + u64(p & $(P_$j)u);
    let t$j = u32(carry);
    carry >>= 32u;
#end
    return Fe(array<u32, 8>(t0, t1, t2, t3, t4, t5, t6, t7));
}

// One round of Montgomery's multiplication: (t + x·b + m·p) / 2^32, with the m for which that is an integer. Below 2p if t is.
fn fe_round(t: Fe, x: u32, b: Fe) -> Fe {
    let y = u64(x);
    var s = 0lu;
#for j in 0..LIMBS
    s += y * u64(b.l[$j]) + u64(t.l[$j]);
    let t$j = u32(s);
    s >>= 32u;
#end
    let top = u32(s);
    let m = u64(t0 * $(P_INV)u);
    s = (m * $(P_0)lu + u64(t0)) >> 32u;
#for j in 1..LIMBS
#if P_$j != 0
    s += m * $(P_$j)lu;
#end
    s += u64(t$j);
    let r$j = u32(s);
    s >>= 32u;
#end
    return Fe(array<u32, 8>(r1, r2, r3, r4, r5, r6, r7, u32(s) + top));
}

// Montgomery's product: a·b / 2^256.
fn fe_mul(a: Fe, b: Fe) -> Fe {
    var t = fe_zero();
#for i in 0..LIMBS
    t = fe_round(t, a.l[$i], b);
#end
    return fe_reduce(t);
}

fn fe_unpack(v: Packed) -> Fe {
    return Fe(array<u32, 8>(v.lo.x, v.lo.y, v.lo.z, v.lo.w, v.hi.x, v.hi.y, v.hi.z, v.hi.w));
}

fn fe_pack(a: Fe) -> Packed {
    return Packed(vec4<u32>(a.l[0], a.l[1], a.l[2], a.l[3]), vec4<u32>(a.l[4], a.l[5], a.l[6], a.l[7]));
}
