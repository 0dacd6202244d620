// A column as the witness has it, packed integers of 8, 16, 32, 64 or 256 bits, to field elements. Rows past its end become 0.

#import field

struct Params { rows: u32, values: u32, bits: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> source: array<u32>;
@group(0) @binding(2) var<storage, read_write> target_: array<Packed>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let row = id.x;
    if (row >= params.rows) {
        return;
    }
    var v = Packed();
    if (row < params.values) {
        switch params.bits {
            case 8u: { v.lo.x = (source[row >> 2u] >> (8u * (row & 3u))) & 0xffu; }
            case 16u: { v.lo.x = (source[row >> 1u] >> (16u * (row & 1u))) & 0xffffu; }
            case 32u: { v.lo.x = source[row]; }
            case 64u: {
                v.lo.x = source[2u * row];
                v.lo.y = source[2u * row + 1u];
            }
            default: {
                let at = 8u * row;
                v.lo = vec4<u32>(source[at], source[at + 1u], source[at + 2u], source[at + 3u]);
                v.hi = vec4<u32>(source[at + 4u], source[at + 5u], source[at + 6u], source[at + 7u]);
            }
        }
    }
    target_[row] = fe_pack(fe_from_integer(v));
}
