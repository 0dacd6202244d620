// The sum Σ d·bucket[d] of each list's buckets, d ≥ 1, in parts: a thread takes SHARE buckets. `group.y` is the list.
//
// From the top of its share down, a running sum of buckets is added to a total at each step: the total is Σ (d − first)·bucket[d], where first is the place
// below the share. The running sum times `first`, bit by bit, makes up for that.

#import curve

struct Params { buckets: u32, parts: u32, list: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> buckets: array<PackedPoint>;
@group(0) @binding(2) var<storage, read_write> places: array<u32>;
@group(0) @binding(3) var<storage, read_write> parts: array<PackedPoint>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if (id.x >= params.parts) {
        return;
    }
    let list = params.list + id.y;
    let share = (params.buckets + params.parts - 1u) / params.parts;
    let first = min(id.x * share, params.buckets);
    let end = min(first + share, params.buckets);
    var running = point_identity();
    var total = point_identity();
    // Two additions a bucket, two a bit, and one at the end, in one loop: each addition in the text costs compile time.
    let bits = 32u - countLeadingZeros(first);
    let steps = 2u * (end - first) + 2u * bits;
    var multiple = point_identity();
    for (var step = 0u; step <= steps; step++) {
        var left = total;
        var right = running;
        var kind = 1u;
        if (step == steps) {
            right = multiple;
        } else if (step < 2u * (end - first)) {
            kind = step & 1u;
            if (kind == 0u) {
                left = running;
                right = point_unpack(buckets[list * params.buckets + end - 1u - step / 2u]);
            }
        } else {
            let bit = bits - 1u - (step - 2u * (end - first)) / 2u;
            kind = 2u;
            left = multiple;
            right = multiple;
            if ((step & 1u) != 0u) {
                right = running;
                if (((first >> bit) & 1u) == 0u) {
                    continue;
                }
            }
        }
        let sum = point_add(left, right);
        switch kind {
            case 0u: { running = sum; }
            case 1u: { total = sum; }
            default: { multiple = sum; }
        }
    }
    let slot = list * params.parts + id.x;
    places[slot] = list;
    parts[slot] = point_pack(total);
}
