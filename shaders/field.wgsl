// Arithmetic modulo one of the Pasta primes, in the layout that the device was opened with. What a kernel imports.
//
// In buffers an element is `Packed`: eight words, lowest first, in Montgomery form. In registers it is `Fe`, in the layout's limbs.

struct Packed { lo: vec4<u32>, hi: vec4<u32> }

#if INT64
#import limbs32
#else
#import limbs13
#end

fn fe_sqr(a: Fe) -> Fe {
    return fe_mul(a, a);
}

fn fe_neg(a: Fe) -> Fe {
    return fe_sub(fe_zero(), a);
}

fn fe_double(a: Fe) -> Fe {
    return fe_add(a, a);
}

fn fe_is_zero(a: Fe) -> bool {
    var any = 0u;
#for j in 0..LIMBS
    any |= a.l[$j];
#end
    return any == 0u;
}

fn fe_eq(a: Fe, b: Fe) -> bool {
    var any = 0u;
#for j in 0..LIMBS
    any |= a.l[$j] ^ b.l[$j];
#end
    return any == 0u;
}

// From the integer to Montgomery form.
fn fe_from_integer(v: Packed) -> Fe {
    return fe_mul(fe_unpack(v), fe_radix_squared());
}

// From Montgomery form to the integer below the modulus.
fn fe_to_integer(a: Fe) -> Packed {
    var one = fe_zero();
    one.l[0] = 1u;
    return fe_pack(fe_mul(a, one));
}

// a^e for an exponent of so many bits, lowest word first.
fn fe_pow(a: Fe, exponent: array<u32, 8>, bits: u32) -> Fe {
    var words = exponent;
    var result = fe_one();
    for (var place = bits; place > 0u; place--) {
        result = fe_sqr(result);
        if (((words[(place - 1u) >> 5u] >> ((place - 1u) & 31u)) & 1u) != 0u) {
            result = fe_mul(result, a);
        }
    }
    return result;
}

// 1/a, and 0 for 0, by Fermat's little theorem.
fn fe_inverse(a: Fe) -> Fe {
    return fe_pow(a, array<u32, 8>(
#for j in 0..8
        $(P_MINUS_2_$j)u,
#end
    ), 255u);
}
