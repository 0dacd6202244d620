// The constraints of an AIR over the rows of a coset: runs the program that `quintet-plonk` compiles from the AIR's description.
//
// A program is a list of steps over registers. Every thread of a device runs the same step at the same time, so that fetching it costs next to nothing
// beside a multiplication; written out as text in one piece, the thousand multiplications of an AIR become a shader that drivers compile for minutes (in parts: `constraints.wgsl`).

#import field

const ADD: u32 = 0u;
const SUB: u32 = 1u;
const MUL: u32 = 2u;
// An operand is its place times 4 plus one of these.
const REGISTER: u32 = 0u;
const COLUMN: u32 = 1u;

struct Params {
    rows: u32,
    steps: u32,
    // Operand that holds the result.
    result: u32,
    // Distance of columns in `values`, in elements.
    stride: u32,
    // Row of the tile at which the first row stands, and what rows of the tile are cut to: all bits if it is a part of the coset.
    first: u32,
    mask: u32,
    // Place of the first row's result, and distance of the results.
    place: u32,
    step: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
// Operation, register, two operands.
@group(0) @binding(1) var<storage, read> steps: array<vec4<u32>>;
// Column of `values`, and rotation.
@group(0) @binding(2) var<storage, read> columns: array<vec2<u32>>;
@group(0) @binding(3) var<storage, read> scalars: array<Packed>;
@group(0) @binding(4) var<storage, read> values: array<Packed>;
@group(0) @binding(5) var<storage, read_write> result: array<Packed>;

#if SPILL
// More registers than a thread holds: register by register, row by row.
@group(0) @binding(6) var<storage, read_write> registers: array<Packed>;

fn cell(place: u32, row: u32) -> u32 {
    return place * params.rows + row;
}
#else
var<private> registers: array<Packed, $(REGISTERS)>;

fn cell(place: u32, row: u32) -> u32 {
    return place;
}
#end

fn fetch(operand: u32, row: u32) -> Fe {
    let place = operand >> 2u;
    switch operand & 3u {
        case REGISTER: { return fe_unpack(registers[cell(place, row)]); }
        case COLUMN: {
            let column = columns[place];
            return fe_unpack(values[column.x * params.stride + ((row + params.first + column.y) & params.mask)]);
        }
        default: { return fe_unpack(scalars[place]); }
    }
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let row = id.x;
    if (row >= params.rows) {
        return;
    }
    for (var i = 0u; i < params.steps; i++) {
        let step = steps[i];
        let a = fetch(step.z, row);
        let b = fetch(step.w, row);
        var v: Fe;
        switch step.x {
            case ADD: { v = fe_add(a, b); }
            case SUB: { v = fe_sub(a, b); }
            default: { v = fe_mul(a, b); }
        }
        registers[cell(step.y, row)] = fe_pack(v);
    }
    result[params.place + row * params.step] = fe_pack(fetch(params.result, row));
}
