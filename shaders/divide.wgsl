// Division of a polynomial by X − z without remainder (Kate): q[i] = Σ_{j>i} p[j]·z^{j−i−1}, in chunks.
//
// First, each chunk's own sum Σ p[start + j]·z^j. These sums are the coefficients of a polynomial whose quotient by X − z^CHUNK is, chunk by chunk, what
// the higher chunks carry into a lower one: the same division, CHUNK times smaller. With the carries, each chunk runs down from its top.

#import field

const CHUNK: u32 = $(CHUNK)u;

// `carried` is 0 where one chunk is all there is. z is the point.
struct Params { length: u32, carried: u32, z: Packed }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> source: array<Packed>;
#if FINISH
@group(0) @binding(2) var<storage, read> carries: array<Packed>;
@group(0) @binding(3) var<storage, read_write> target_: array<Packed>;
#else
@group(0) @binding(2) var<storage, read_write> target_: array<Packed>;
#end

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let start = id.x * CHUNK;
    if (start >= params.length) {
        return;
    }
    let z = fe_unpack(params.z);
    var sum = fe_zero();
#if FINISH
    if (params.carried != 0u) {
        sum = fe_unpack(carries[id.x]);
    }
#end
    for (var i = min(start + CHUNK, params.length); i > start; i--) {
#if FINISH
        target_[i - 1u] = fe_pack(sum);
#end
        sum = fe_add(fe_mul(sum, z), fe_unpack(source[i - 1u]));
    }
#if FINISH == 0
    target_[id.x] = fe_pack(sum);
#end
}
