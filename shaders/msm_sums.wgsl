// Sums of runs of entries with the same bucket, in lists that are sorted by bucket: a thread takes SEGMENT entries of a list, whatever buckets they belong to, so
// that a full bucket takes no longer than many empty ones.
//
// A run that neither starts nor ends the segment is a whole bucket, and its sum is written there. The first and the last run may go on in a neighbour: they become
// two entries of a list that is SEGMENT/2 times shorter, which the same kernel works on next. In a list of one segment all runs are whole.

#import curve

const NONE: u32 = 0xffffffffu;

struct Params {
    // Entries of a list at most, and of a list of the next level.
    capacity: u32,
    next: u32,
    list: u32,
    whole: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
#if MIXED
// Bucket, and base times 2 plus the sign.
@group(0) @binding(1) var<storage, read> entries: array<vec2<u32>>;
@group(0) @binding(2) var<storage, read> bases: array<Affine>;
@group(0) @binding(3) var<storage, read> lengths: array<u32>;
@group(0) @binding(4) var<storage, read_write> next_places: array<u32>;
@group(0) @binding(5) var<storage, read_write> next_points: array<PackedPoint>;
@group(0) @binding(6) var<storage, read_write> buckets: array<PackedPoint>;
#else
// Bucket.
@group(0) @binding(1) var<storage, read> places: array<u32>;
@group(0) @binding(2) var<storage, read> points: array<PackedPoint>;
@group(0) @binding(3) var<storage, read_write> next_places: array<u32>;
@group(0) @binding(4) var<storage, read_write> next_points: array<PackedPoint>;
@group(0) @binding(5) var<storage, read_write> buckets: array<PackedPoint>;
#end

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let list = params.list + id.y;
    let slot = list * params.next + 2u * id.x;
    if (2u * id.x >= params.next) {
        return;
    }
#if MIXED
    let length = lengths[list];
#else
    let length = params.capacity;
#end
    next_places[slot] = NONE;
    next_places[slot + 1u] = NONE;
    let first = id.x * $(SEGMENT)u;
    let end = min(first + $(SEGMENT)u, length);
    var bucket = NONE;
    var runs = 0u;
    var sum = point_identity();
    // One step more than there are entries: the last run ends there.
    for (var i = first; i <= end; i++) {
        var place = NONE;
        if (i < end) {
#if MIXED
            place = entries[list * params.capacity + i].x;
#else
            place = places[list * params.capacity + i];
            if (place == NONE) {
                continue;
            }
#end
        }
        if (place != bucket) {
            if (bucket != NONE) {
                if (params.whole != 0u || (runs != 1u && i < end)) {
                    buckets[bucket] = point_pack(sum);
                } else {
                    let to = slot + select(1u, 0u, runs == 1u);
                    next_places[to] = bucket;
                    next_points[to] = point_pack(sum);
                }
            }
            bucket = place;
            runs++;
            sum = point_identity();
        }
        if (i < end) {
#if MIXED
            let base = entries[list * params.capacity + i].y;
            sum = point_add(sum, point_from_affine(bases[base >> 1u], (base & 1u) != 0u));
#else
            sum = point_add(sum, point_unpack(points[list * params.capacity + i]));
#end
        }
    }
}
