//! Multi-scalar multiplications of every width of scalars, with degenerate points.

use ff::{Field, PrimeField};
use group::{Curve, Group};
use pasta_curves::{Eq, EqAffine, Fp};
use quintet_air::ColumnData;
use quintet_arith::{Bases as CpuBases, Path, Scalars};
use quintet_gpu::{Bases, PackedColumn};

use crate::device::device;

/// Multiples of the generator, with equal, opposite and identity points among them.
pub(crate) fn points(count: usize) -> Vec<EqAffine> {
    let mut point = Eq::generator();
    let mut points: Vec<EqAffine> = (0..count)
        .map(|_| {
            point = point.double() + Eq::generator();
            point.to_affine()
        })
        .collect();
    points[3] = points[2];
    points[5] = -points[4];
    points[7] = EqAffine::default();
    points
}

fn expected(points: &[EqAffine], column: &ColumnData) -> Eq {
    points.iter().enumerate().fold(Eq::identity(), |sum, (row, point)| sum + *point * column.get(row))
}

#[test]
fn sums_are_those_of_the_cpu() {
    let Some(device) = device() else { return };
    let points = points(96);
    let bases = Bases::new(device, &points).unwrap();
    let uint = |bits: u32, count: u64| {
        let top = u64::MAX >> (64 - bits);
        let value = |i: u64| match i % 7 {
            0 => 0,
            1 => top,
            // Equal scalars for the equal and for the opposite points.
            2..=5 => 1,
            _ => i.wrapping_mul(0x9e37_79b9_7f4a_7c15) & top,
        };
        ColumnData::Uint((0..count).map(value).collect())
    };
    let field = |i: u64| match i % 5 {
        0 => Fp::ZERO,
        1 => -Fp::ONE,
        2 => Fp::ONE,
        _ => Fp::from(i + 3).pow_vartime([40 + i]),
    };
    let columns = [
        uint(1, 96),
        uint(8, 96),
        uint(16, 90),
        uint(32, 96),
        uint(64, 17),
        ColumnData::Field((0..96).map(field).collect()),
        ColumnData::Field(vec![-Fp::ONE; 96]),
        ColumnData::Field(vec![Fp::ZERO; 96]),
        ColumnData::Uint(vec![1; 96]),
        ColumnData::Uint(vec![0, 0, 7]),
        ColumnData::Uint(vec![]),
        ColumnData::Field(vec![Fp::TWO_INV; 1]),
    ];
    let packed: Vec<PackedColumn> = columns.iter().map(|column| PackedColumn::new(device, column).unwrap()).collect();
    let scalars: Vec<_> = packed.iter().map(PackedColumn::scalars).collect();
    let sums = bases.msm_many(&mut device.batch(), &scalars).unwrap();
    for (place, (sum, column)) in sums.iter().zip(&columns).enumerate() {
        assert_eq!(*sum, expected(&points, column), "column {place}");
    }
}

/// Lists of several levels; the sums of most shares go on in their neighbours.
#[test]
fn long_sums_are_those_of_the_cpu() {
    let Some(device) = device() else { return };
    let points = points(1100);
    let (cpu, bases) = (CpuBases::new(Path::best(), &points), Bases::new(device, &points).unwrap());
    let bits: Vec<u64> = (0..1100).map(|i| u64::from(i % 3 != 0)).collect();
    let large: Vec<Fp> = (0..1100).map(|i| Fp::from(i).pow_vartime([300])).collect();
    let expected = [cpu.msm(Scalars::Uint(&bits)), cpu.msm(Scalars::Field(&large))];
    let packed = [ColumnData::Uint(bits), ColumnData::Field(large)].map(|column| PackedColumn::new(device, &column).unwrap());
    let scalars: Vec<_> = packed.iter().map(PackedColumn::scalars).collect();
    assert_eq!(bases.msm_many(&mut device.batch(), &scalars).unwrap(), expected);
}
