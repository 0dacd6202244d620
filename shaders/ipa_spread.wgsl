// The scalars of L and R of one round over the generators of the first: a generator of this round is a combination of one of each part of the original ones,
// with the weights that the challenges so far give the parts.
//
// With m coefficients left, original generator j belongs to part j div m and to coefficient i = j mod m: L = ⟨p_high, g_low⟩ takes p[i + m/2] for i < m/2, and
// R = ⟨p_low, g_high⟩ takes p[i − m/2] for the others. Scalars leave as integers.

#import field

struct Params { count: u32, length: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> coefficients: array<Packed>;
@group(0) @binding(2) var<storage, read> weights: array<Packed>;
@group(0) @binding(3) var<storage, read_write> left: array<Packed>;
@group(0) @binding(4) var<storage, read_write> right: array<Packed>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let j = id.x;
    if (j >= params.count) {
        return;
    }
    let half = params.length / 2u;
    let i = j % params.length;
    let weight = fe_unpack(weights[j / params.length]);
    let scalar = fe_to_integer(fe_mul(weight, fe_unpack(coefficients[i ^ half])));
    let low = i < half;
    if (low) {
        left[j] = scalar;
        right[j] = Packed();
    } else {
        left[j] = Packed();
        right[j] = scalar;
    }
}
