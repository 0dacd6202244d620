// Signed digits of scalars, counted per bucket or put into their buckets' order: the counting sort of Pippenger's method.
//
// A scalar is cut into windows of c bits; a digit above 2^(c−1) becomes negative and carries 1 into the next, so that a window has 2^(c−1) buckets. A digit 0
// is left out. One thread takes a scalar through all its windows; `group.y` is the column.

struct Params {
    // Scalars in each column, and their width: 8, 16, 32, 64 or 256 bits, packed.
    count: u32,
    bits: u32,
    window: u32,
    windows: u32,
    buckets: u32,
    // 0 counts, 1 sorts.
    sort: u32,
    // Entries of one window's list.
    capacity: u32,
    // Where the scalars start, in words.
    start: u32,
    // Number of the first window's list.
    list: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> scalars: array<u32>;
// While counting, how many entries a bucket has; while sorting, where its next entry goes.
@group(0) @binding(2) var<storage, read_write> buckets: array<atomic<u32>>;
// Bucket, and base times 2 plus the sign.
@group(0) @binding(3) var<storage, read_write> entries: array<vec2<u32>>;

fn word(i: u32, place: u32) -> u32 {
    switch params.bits {
        case 8u: { return select(0u, (scalars[params.start + (i >> 2u)] >> (8u * (i & 3u))) & 0xffu, place == 0u); }
        case 16u: { return select(0u, (scalars[params.start + (i >> 1u)] >> (16u * (i & 1u))) & 0xffffu, place == 0u); }
        default: {
            let words = params.bits / 32u;
            if (place >= words) {
                return 0u;
            }
            return scalars[params.start + i * words + place];
        }
    }
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let i = id.x;
    if (i >= params.count) {
        return;
    }
    var carry = 0u;
    for (var w = 0u; w < params.windows; w++) {
        let bit = w * params.window;
        let shift = bit & 31u;
        var digit = word(i, bit >> 5u) >> shift;
        if (shift + params.window > 32u) {
            digit |= word(i, (bit >> 5u) + 1u) << (32u - shift);
        }
        digit = (digit & ((1u << params.window) - 1u)) + carry;
        carry = 0u;
        var negative = 0u;
        if (digit > params.buckets) {
            digit = 2u * params.buckets - digit;
            negative = 1u;
            carry = 1u;
        }
        if (digit != 0u) {
            let list = params.list + w;
            let bucket = list * params.buckets + digit - 1u;
            let place = atomicAdd(&buckets[bucket], 1u);
            if (params.sort != 0u) {
                entries[list * params.capacity + place] = vec2<u32>(bucket, 2u * i + negative);
            }
        }
    }
}
