// Polynomials of 2^(log_m + log_parts) coefficients on a coset of 2^log_m elements: there, x^m is the same everywhere, so that coefficients a distance of
// m apart fall together. target[r] = scale[r] · Σ_t source[r + t·m] · factor^t, scale being powers of the coset's first element and factor its m-th power;
// the transform of these m values gives the polynomial on the coset.

#import field

struct Params { log_m: u32, log_parts: u32, factor: Packed }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> source: array<Packed>;
// Which columns of the source.
@group(0) @binding(2) var<storage, read> columns: array<u32>;
@group(0) @binding(3) var<storage, read> scale: array<Packed>;
@group(0) @binding(4) var<storage, read_write> target_: array<Packed>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let row = id.x;
    if (row >= (1u << params.log_m)) {
        return;
    }
    let first = (columns[id.y] << (params.log_m + params.log_parts)) + row;
    let factor = fe_unpack(params.factor);
    var sum = fe_zero();
    for (var t = 1u << params.log_parts; t > 0u; t--) {
        sum = fe_add(fe_mul(sum, factor), fe_unpack(source[first + ((t - 1u) << params.log_m)]));
    }
    target_[(id.y << params.log_m) + row] = fe_pack(fe_mul(sum, fe_unpack(scale[row])));
}
