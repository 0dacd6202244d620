// Halves a vector: low half + factor · high half, in place.

#import field

struct Params { half: u32, factor: Packed }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> values: array<Packed>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if (id.x < params.half) {
        let high = fe_mul(fe_unpack(params.factor), fe_unpack(values[params.half + id.x]));
        values[id.x] = fe_pack(fe_add(fe_unpack(values[id.x]), high));
    }
}
