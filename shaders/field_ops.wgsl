// Every field operation on columns of operands: what the tests hold against the CPU, and what layouts are timed with.

#import field

struct Params { count: u32, operation: u32, repeat: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> left: array<Packed>;
@group(0) @binding(2) var<storage, read> right: array<Packed>;
@group(0) @binding(3) var<storage, read_write> result: array<Packed>;

// Operands and results are integers. The operation is applied `repeat` times, to its own result.
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if (id.x >= params.count) {
        return;
    }
    var a = fe_from_integer(left[id.x]);
    let b = fe_from_integer(right[id.x]);
    for (var i = 0u; i < params.repeat; i++) {
        switch params.operation {
            case 0u: { a = fe_add(a, b); }
            case 1u: { a = fe_sub(a, b); }
            case 2u: { a = fe_mul(a, b); }
            case 3u: { a = fe_inverse(a); }
            case 4u: { a = fe_neg(a); }
            default: {
                var flag = fe_zero();
                flag.l[0] = u32(fe_eq(a, b)) + 2u * u32(fe_is_zero(a));
                a = fe_mul(flag, fe_radix_squared());
            }
        }
    }
    result[id.x] = fe_to_integer(a);
}
