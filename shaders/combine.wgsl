// A linear combination of columns, row by row: Σ weight · column, added to what is there if `add` is set.

#import field

struct Params { rows: u32, count: u32, add: u32 }

@group(0) @binding(0) var<uniform> params: Params;
// Where each column starts, in elements.
@group(0) @binding(1) var<storage, read> starts: array<u32>;
@group(0) @binding(2) var<storage, read> weights: array<Packed>;
@group(0) @binding(3) var<storage, read> source: array<Packed>;
@group(0) @binding(4) var<storage, read_write> target_: array<Packed>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let row = id.x;
    if (row >= params.rows) {
        return;
    }
    var sum = fe_zero();
    if (params.add != 0u) {
        sum = fe_unpack(target_[row]);
    }
    for (var c = 0u; c < params.count; c++) {
        sum = fe_add(sum, fe_mul(fe_unpack(weights[c]), fe_unpack(source[starts[c] + row])));
    }
    target_[row] = fe_pack(sum);
}
