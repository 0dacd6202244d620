// factor · base^i for i < count. A thread makes CHUNK of them, the first by square and multiply.

#import field

const CHUNK: u32 = 16u;

struct Params { count: u32, base: Packed, factor: Packed }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> result: array<Packed>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let first = id.x * CHUNK;
    if (first >= params.count) {
        return;
    }
    let base = fe_unpack(params.base);
    var exponent = array<u32, 8>();
    exponent[0] = first;
    var power = fe_mul(fe_unpack(params.factor), fe_pow(base, exponent, 32u - countLeadingZeros(first)));
    for (var i = first; i < min(first + CHUNK, params.count); i++) {
        result[i] = fe_pack(power);
        power = fe_mul(power, base);
    }
}
