// Field elements to integers below the modulus: what multi-scalar multiplications and the host read.

#import field

struct Params { count: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> source: array<Packed>;
@group(0) @binding(2) var<storage, read_write> target_: array<Packed>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if (id.x < params.count) {
        target_[id.x] = fe_to_integer(fe_unpack(source[id.x]));
    }
}
