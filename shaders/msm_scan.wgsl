// Turns the counts of each list's buckets into where each bucket starts: an exclusive prefix sum, one workgroup a list. The list's length goes to `lengths`.

const THREADS: u32 = 64u;

struct Params { buckets: u32, list: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> counts: array<u32>;
@group(0) @binding(2) var<storage, read_write> lengths: array<u32>;

var<workgroup> sums: array<u32, THREADS>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let list = params.list + group.x;
    let share = (params.buckets + THREADS - 1u) / THREADS;
    let first = list * params.buckets + min(thread * share, params.buckets);
    let end = list * params.buckets + min(thread * share + share, params.buckets);
    var sum = 0u;
    for (var i = first; i < end; i++) {
        sum += counts[i];
    }
    sums[thread] = sum;
    workgroupBarrier();
    if (thread == 0u) {
        var total = 0u;
        for (var t = 0u; t < THREADS; t++) {
            let own = sums[t];
            sums[t] = total;
            total += own;
        }
        lengths[list] = total;
    }
    workgroupBarrier();
    sum = sums[thread];
    for (var i = first; i < end; i++) {
        let own = counts[i];
        counts[i] = sum;
        sum += own;
    }
}
