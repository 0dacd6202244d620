// Constraints that are written out as text: what one part of them works on. The part's `main`, which follows this text, is generated from the AIR's
// description by crates/gpu/src/written. A part binds only what it uses: the number of a binding that it does not use is 0.

#import field

struct Params {
    rows: u32,
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

#if COLUMNS
// Column of `values`, and rotation.
@group(0) @binding($COLUMNS) var<storage, read> columns: array<vec2<u32>>;
@group(0) @binding($VALUES) var<storage, read> values: array<Packed>;

fn column(place: u32, row: u32) -> Fe {
    let column = columns[place];
    return fe_unpack(values[column.x * params.stride + ((row + params.first + column.y) & params.mask)]);
}
#end

#if SCALARS
@group(0) @binding($SCALARS) var<storage, read> scalars: array<Packed>;

fn scalar(place: u32) -> Fe {
    return fe_unpack(scalars[place]);
}
#end

#if HANDED
// Values that parts hand on to later ones: place by place, row by row.
@group(0) @binding($HANDED) var<storage, read_write> handed: array<Packed>;

fn taken(place: u32, row: u32) -> Fe {
    return fe_unpack(handed[place * params.rows + row]);
}

fn hand(place: u32, row: u32, value: Fe) {
    handed[place * params.rows + row] = fe_pack(value);
}
#end

#if RESULT
@group(0) @binding($RESULT) var<storage, read_write> result: array<Packed>;

fn finish(row: u32, value: Fe) {
    result[params.place + row * params.step] = fe_pack(value);
}
#end
