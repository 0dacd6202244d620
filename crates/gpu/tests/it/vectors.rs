//! Columns, transforms, sums, products, divisions.

use ff::{Field, PrimeField, WithSmallOrderMulGroup};
use quintet_air::{ColumnData, F};
use quintet_arith::{Domain, Path, vector};
use quintet_gpu::{Columns, Device, HostColumn, PackedColumn, Scale, Slice, Transform, field};

use crate::device::device;

/// Arbitrary values with the edge values among them.
fn values(seed: u64, count: usize) -> Vec<F> {
    let value = |i: u64| match i % 11 {
        0 => F::ZERO,
        1 => F::ONE,
        2 => -F::ONE,
        _ => F::from(seed * 1000 + i).pow_vartime([7 + i % 5]) * F::ROOT_OF_UNITY,
    };
    (0..count as u64).map(value).collect()
}

fn upload(device: &Device, rows: usize, columns: &[Vec<F>]) -> Columns {
    let made = Columns::new(device, "columns", rows, columns.len()).unwrap();
    let mut batch = device.batch();
    for (place, column) in columns.iter().enumerate() {
        HostColumn::field(column).upload(device).unwrap().expand(&mut batch, made.column(place)).unwrap();
    }
    batch.flush().unwrap();
    made
}

fn download(device: &Device, slice: Slice<'_>) -> Vec<F> {
    field::from_montgomery(device.layout(), &device.read(slice).unwrap()).unwrap()
}

#[test]
fn packed_columns_become_field_elements() {
    let Some(device) = device() else { return };
    for bits in [1, 8, 9, 16, 17, 32, 33, 64] {
        let top = u64::MAX >> (64 - bits);
        let integers: Vec<u64> = (0..37).map(|i| if i % 3 == 0 { top } else { (i * 0x1234_5678_9abc) & top }).collect();
        let column = ColumnData::Uint(integers);
        let target = device.buffer("column", 64 * field::BYTES).unwrap();
        let mut batch = device.batch();
        let packed = PackedColumn::new(device, &column).unwrap();
        assert!(packed.bits() >= bits && packed.bits() < 16.max(2 * bits));
        packed.expand(&mut batch, target.all()).unwrap();
        batch.flush().unwrap();
        assert_eq!(download(device, target.all()), column.to_field(64), "{bits} bits");
    }
}

#[test]
fn transforms_are_those_of_the_cpu() {
    let Some(device) = device() else { return };
    // One pass; and two, of 5 and 4 bits.
    for k in [4, 6, 9] {
        let rows = 1 << k;
        let columns: Vec<Vec<F>> = (0..3).map(|seed| values(seed, rows)).collect();
        let (source, target) = (upload(device, rows, &columns), Columns::new(device, "target", rows, 3).unwrap());
        let scratch = device.buffer("scratch", 3 * rows as u64 * field::BYTES).unwrap();
        let (cpu, gpu) = (Domain::new(Path::best(), k), Transform::new(device, k).unwrap());
        let mut batch = device.batch();
        gpu.inverse(&mut batch, source.range(0..3), None, (target.range(0..3), scratch.all(), 3)).unwrap();
        batch.flush().unwrap();
        for (place, column) in columns.iter().enumerate() {
            let mut expected = column.clone();
            cpu.ifft(&mut expected);
            assert_eq!(download(device, target.column(place)), expected, "k = {k}, column {place}");
        }
        // The last column and the first, on a coset.
        let scale = device.buffer("scale", rows as u64 * field::BYTES).unwrap();
        let list = device.upload("list", &[2, 0]).unwrap();
        batch.powers(F::ZETA, F::ONE, scale.all()).unwrap();
        let place = (target.range(0..3), scratch.all(), 2);
        gpu.forward(&mut batch, source.range(0..3), Some(&list), Scale::Before(scale.all()), place).unwrap();
        batch.flush().unwrap();
        for (place, column) in [2, 0].into_iter().enumerate() {
            let powers = vector::powers(Path::best(), F::ZETA, rows);
            let mut expected: Vec<F> = columns[column].iter().zip(powers).map(|(value, power)| value * power).collect();
            cpu.fft(&mut expected);
            assert_eq!(download(device, target.column(place)), expected, "k = {k}, column {column} on a coset");
        }
    }
}

#[test]
fn sums_products_and_folds_are_those_of_the_cpu() {
    let Some(device) = device() else { return };
    let rows = 128;
    let columns: Vec<Vec<F>> = (0..4).map(|seed| values(seed + 9, rows)).collect();
    let source = upload(device, rows, &columns);
    let target = device.buffer("target", rows as u64 * field::BYTES).unwrap();
    let mut batch = device.batch();
    let terms = [(3, F::from(7)), (0, -F::ONE), (1, F::ZERO)];
    batch.combine(&source, &terms, target.all()).unwrap();
    batch.combine_onto(&source, &[(2, F::ROOT_OF_UNITY)], target.all(), true).unwrap();
    batch.flush().unwrap();
    let row = |row: usize| columns[3][row] * F::from(7) - columns[0][row] + columns[2][row] * F::ROOT_OF_UNITY;
    assert_eq!(download(device, target.all()), (0..rows).map(row).collect::<Vec<_>>());

    let point = -F::from(3);
    batch.powers(point, F::ONE, target.all()).unwrap();
    let got = batch.inner_products(&source, &[3, 1], target.all()).unwrap();
    let evaluate = |column: &[F]| column.iter().rev().fold(F::ZERO, |sum, value| sum * point + value);
    assert_eq!(got, [evaluate(&columns[3]), evaluate(&columns[1])]);

    batch.fold(source.column(0), rows / 2, point).unwrap();
    batch.flush().unwrap();
    let (low, high) = columns[0].split_at(rows / 2);
    let expected: Vec<F> = low.iter().zip(high).map(|(low, high)| *low + point * high).collect();
    assert_eq!(download(device, source.column(0))[..rows / 2], expected);

    let integers = device.buffer("integers", rows as u64 * field::BYTES).unwrap();
    batch.integers(source.column(1), integers.all()).unwrap();
    assert_eq!(field::from_integers::<F>(&batch.read(integers.all()).unwrap()).unwrap(), columns[1]);
}

#[test]
fn divisions_are_those_of_the_cpu() {
    let Some(device) = device() else { return };
    // One chunk, several, and several of several.
    for rows in [16, 64, 2048] {
        let polynomial = values(rows as u64, rows);
        let (source, target) =
            (upload(device, rows, std::slice::from_ref(&polynomial)), Columns::new(device, "target", rows, 1).unwrap());
        for z in [F::ZERO, F::ONE, -F::ONE, F::ROOT_OF_UNITY] {
            let mut batch = device.batch();
            batch.divide(source.column(0), z, target.column(0)).unwrap();
            batch.flush().unwrap();
            let mut expected = vec![F::ZERO; rows];
            let mut sum = F::ZERO;
            for (quotient, coefficient) in expected.iter_mut().zip(&polynomial).rev() {
                *quotient = sum;
                sum = sum * z + coefficient;
            }
            assert_eq!(download(device, target.column(0)), expected, "{rows} rows, z = {z:?}");
        }
    }
}
