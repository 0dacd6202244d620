// Inner products, one a workgroup: with powers of a point as the right operand, values of polynomials there.

#import field

const THREADS: u32 = 64u;

struct Params { length: u32 }

@group(0) @binding(0) var<uniform> params: Params;
// Where the operands of each product start, in elements.
@group(0) @binding(1) var<storage, read> starts: array<vec2<u32>>;
@group(0) @binding(2) var<storage, read> left: array<Packed>;
@group(0) @binding(3) var<storage, read> right: array<Packed>;
@group(0) @binding(4) var<storage, read_write> result: array<Packed>;

var<workgroup> sums: array<Packed, THREADS>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let start = starts[group.x];
    var sum = fe_zero();
    for (var i = thread; i < params.length; i += THREADS) {
        sum = fe_add(sum, fe_mul(fe_unpack(left[start.x + i]), fe_unpack(right[start.y + i])));
    }
    sums[thread] = fe_pack(sum);
    for (var half = THREADS / 2u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if (thread < half) {
            sums[thread] = fe_pack(fe_add(fe_unpack(sums[thread]), fe_unpack(sums[thread + half])));
        }
    }
    if (thread == 0u) {
        result[group.x] = sums[0];
    }
}
