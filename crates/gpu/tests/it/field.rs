//! Field arithmetic in every layout, both fields.

use ff::PrimeField;
use pasta_curves::{Fp, Fq};
use quintet_gpu::{Device, KernelSpec, field, shader::FieldKind};

use crate::device::devices;

const OPERATIONS: u32 = 6;

fn run<T: PrimeField<Repr = [u8; 32]>>(device: &Device, kind: FieldKind, operation: u32, left: &[T], right: &[T]) -> Vec<T> {
    let spec = KernelSpec { module: "field_ops", field: kind, constants: Vec::new(), text: None };
    let kernel = device.kernel(&spec).unwrap();
    let (a, b) = (field::integers(left), field::integers(right));
    let (a, b) = (device.upload("left", &a).unwrap(), device.upload("right", &b).unwrap());
    let result = device.buffer("result", field::BYTES * left.len() as u64).unwrap();
    let mut batch = device.batch();
    let groups = left.len().div_ceil(64) as u32;
    batch.run(&kernel, &[left.len() as u32, operation, 1], &[a.all(), b.all(), result.all()], [groups, 1]).unwrap();
    field::from_integers(&batch.read(result.all()).unwrap()).unwrap()
}

fn expected<T: PrimeField>(operation: u32, a: T, b: T) -> T {
    match operation {
        0 => a + b,
        1 => a - b,
        2 => a * b,
        3 => a.invert().into_option().unwrap_or(T::ZERO),
        4 => -a,
        _ => T::from(u64::from(a == b) + 2 * u64::from(bool::from(a.is_zero()))),
    }
}

/// Edge values, values whose limbs are all ones or next to a limb's border, and arbitrary ones.
fn values<T: PrimeField>() -> Vec<T> {
    let two = T::from(2);
    let powers = [12u64, 13, 14, 31, 32, 33, 64, 128, 253, 254].into_iter().map(|bits| two.pow_vartime([bits]));
    let powers = powers.flat_map(|power| [power, power - T::ONE, -power]);
    let arbitrary = (1..20u64).map(|i| T::from(i.wrapping_mul(0x9e37_79b9_7f4a_7c15)).pow_vartime([i + 4]));
    [T::ZERO, T::ONE, -T::ONE, two, -two, T::TWO_INV].into_iter().chain(powers).chain(arbitrary).collect()
}

fn every_operation<T: PrimeField<Repr = [u8; 32]>>(device: &Device, kind: FieldKind) {
    let values = values::<T>();
    let pairs: Vec<(T, T)> = values.iter().flat_map(|a| values.iter().map(|b| (*a, *b))).collect();
    let (left, right): (Vec<T>, Vec<T>) = pairs.into_iter().unzip();
    for operation in 0..OPERATIONS {
        // An inverse takes 400 multiplications and has one operand.
        let step = if operation == 3 { 57 } else { 1 };
        let (left, right): (Vec<T>, Vec<T>) = left.iter().zip(&right).step_by(step).map(|(a, b)| (*a, *b)).unzip();
        let got = run(device, kind, operation, &left, &right);
        for ((a, b), got) in left.iter().zip(&right).zip(got) {
            let layout = device.layout();
            assert_eq!(got, expected(operation, *a, *b), "operation {operation}, {layout:?}, {kind:?}: {a:?}, {b:?}");
        }
    }
}

#[test]
fn operations_are_those_of_the_cpu() {
    for device in devices() {
        every_operation::<Fp>(device, FieldKind::Fp);
        every_operation::<Fq>(device, FieldKind::Fq);
    }
}
