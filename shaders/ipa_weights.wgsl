// The weights of twice as many parts, after one more challenge: each part's low half keeps its weight, its high half has it times the challenge.

#import field

struct Params { parts: u32, challenge: Packed }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> weights: array<Packed>;
@group(0) @binding(2) var<storage, read_write> doubled: array<Packed>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if (id.x < params.parts) {
        doubled[2u * id.x] = weights[id.x];
        doubled[2u * id.x + 1u] = fe_pack(fe_mul(fe_unpack(weights[id.x]), fe_unpack(params.challenge)));
    }
}
