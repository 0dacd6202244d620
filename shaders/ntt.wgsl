// One pass of a number theoretic transform over many columns: Stockham's, in radix 2^LOG_RADIX, without bit reversal of the whole.
//
// With R the radix and N the product of the radices of earlier passes, a workgroup takes one i < n/R: it loads x[i + t·n/R] for t < R, multiplies by
// ω_{R·N}^{(i mod N)·t}, transforms the R values in workgroup memory, and stores them at (i div N)·N·R + (i mod N) + t·N. Passes whose radices multiply
// to n give the transform. (Govindaraju et al., High performance discrete Fourier transforms on graphics processors, 2008.)

#import field

const RADIX: u32 = $(RADIX)u;
const LOG_RADIX: u32 = $(LOG_RADIX)u;
const THREADS: u32 = $(THREADS)u;

struct Params {
    log_n: u32,
    // log₂ of N.
    log_done: u32,
    // 1: input is multiplied with `scale` by its place; 2: output is.
    scaled: u32,
    // Whether the input's columns are those that `columns` lists.
    chosen: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> source: array<Packed>;
@group(0) @binding(2) var<storage, read_write> target_: array<Packed>;
// ω^i for i < n.
@group(0) @binding(3) var<storage, read> roots: array<Packed>;
@group(0) @binding(4) var<storage, read> scale: array<Packed>;
@group(0) @binding(5) var<storage, read> columns: array<u32>;

var<workgroup> tile: array<Packed, $(RADIX)>;

@compute @workgroup_size($(THREADS))
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let i = group.x;
    let from_column = select(group.y, columns[group.y], params.chosen != 0u) << params.log_n;
    let to_column = group.y << params.log_n;
    let low = i & ((1u << params.log_done) - 1u);
    let stride = params.log_n - LOG_RADIX;

    for (var t = thread; t < RADIX; t += THREADS) {
        let place = i + (t << stride);
        var v = fe_unpack(source[from_column + place]);
        if (params.scaled == 1u) {
            v = fe_mul(v, fe_unpack(scale[place]));
        }
        let exponent = (low * t) << (stride - params.log_done);
        if (exponent != 0u) {
            v = fe_mul(v, fe_unpack(roots[exponent]));
        }
#if LOG_RADIX > 0
        tile[reverseBits(t) >> (32u - LOG_RADIX)] = fe_pack(v);
#else
        tile[t] = fe_pack(v);
#end
    }
    workgroupBarrier();

    for (var stage = 0u; stage < LOG_RADIX; stage++) {
        for (var b = thread; b < RADIX / 2u; b += THREADS) {
            let j = b & ((1u << stage) - 1u);
            let upper = ((b >> stage) << (stage + 1u)) + j;
            let lower = upper + (1u << stage);
            let a = fe_unpack(tile[upper]);
            let c = fe_mul(fe_unpack(tile[lower]), fe_unpack(roots[j << (params.log_n - stage - 1u)]));
            tile[upper] = fe_pack(fe_add(a, c));
            tile[lower] = fe_pack(fe_sub(a, c));
        }
        workgroupBarrier();
    }

    let first = ((i >> params.log_done) << (params.log_done + LOG_RADIX)) + low;
    for (var t = thread; t < RADIX; t += THREADS) {
        let place = first + (t << params.log_done);
        var v = tile[t];
        if (params.scaled == 2u) {
            v = fe_pack(fe_mul(fe_unpack(v), fe_unpack(scale[place])));
        }
        target_[to_column + place] = v;
    }
}
