// Points of Vesta (y² = x³ + 5 over Fq) in XYZZ coordinates: x = X/ZZ, y = Y/ZZZ, ZZ³ = ZZZ²; ZZ = 0 is the identity. Formulas: Explicit-Formulas Database,
// short Weierstrass, xyzz (Sutherland 2008).
//
// In buffers, an affine point is two elements, the identity being (0, 0), which is not on the curve; a point is four.

#import field

struct Affine { x: Packed, y: Packed }
struct PackedPoint { x: Packed, y: Packed, zz: Packed, zzz: Packed }
struct Point { x: Fe, y: Fe, zz: Fe, zzz: Fe }

fn point_unpack(p: PackedPoint) -> Point {
    return Point(fe_unpack(p.x), fe_unpack(p.y), fe_unpack(p.zz), fe_unpack(p.zzz));
}

fn point_pack(p: Point) -> PackedPoint {
    return PackedPoint(fe_pack(p.x), fe_pack(p.y), fe_pack(p.zz), fe_pack(p.zzz));
}

fn point_identity() -> Point {
    return Point(fe_zero(), fe_zero(), fe_zero(), fe_zero());
}

// An affine point, negated if `negative`.
fn point_from_affine(a: Affine, negative: bool) -> Point {
    let x = fe_unpack(a.x);
    var y = fe_unpack(a.y);
    if (fe_is_zero(x) && fe_is_zero(y)) {
        return point_identity();
    }
    if (negative) {
        y = fe_neg(y);
    }
    return Point(x, y, fe_one(), fe_one());
}

// dbl-2008-s-1 with a = 0. The curve has no point of order 2; the identity stays the identity.
fn point_double(p: Point) -> Point {
    let u = fe_double(p.y);
    let v = fe_sqr(u);
    let w = fe_mul(u, v);
    let s = fe_mul(p.x, v);
    let square = fe_sqr(p.x);
    let m = fe_add(fe_double(square), square);
    let x = fe_sub(fe_sqr(m), fe_double(s));
    let y = fe_sub(fe_mul(m, fe_sub(s, x)), fe_mul(w, p.y));
    return Point(x, y, fe_mul(v, p.zz), fe_mul(w, p.zzz));
}

// Any two points: add-2008-s, and doubling where both are the same. With q affine (`mixed`), madd-2008-s.
fn point_add(p: Point, q: Point) -> Point {
    if (fe_is_zero(p.zz)) {
        return q;
    }
    if (fe_is_zero(q.zz)) {
        return p;
    }
#if MIXED
    let u1 = p.x;
    let s1 = p.y;
#else
    let u1 = fe_mul(p.x, q.zz);
    let s1 = fe_mul(p.y, q.zzz);
#end
    let h = fe_sub(fe_mul(q.x, p.zz), u1);
    let r = fe_sub(fe_mul(q.y, p.zzz), s1);
    if (fe_is_zero(h)) {
        if (fe_is_zero(r)) {
            return point_double(p);
        }
        return point_identity();
    }
    let hh = fe_sqr(h);
    let hhh = fe_mul(hh, h);
    let v = fe_mul(u1, hh);
    let x = fe_sub(fe_sub(fe_sqr(r), hhh), fe_double(v));
    let y = fe_sub(fe_mul(r, fe_sub(v, x)), fe_mul(s1, hhh));
#if MIXED
    return Point(x, y, fe_mul(p.zz, hh), fe_mul(p.zzz, hhh));
#else
    return Point(x, y, fe_mul(fe_mul(p.zz, q.zz), hh), fe_mul(fe_mul(p.zzz, q.zzz), hhh));
#end
}
