//! The rounds of the inner product argument.

use ff::Field;
use quintet_air::F;
use quintet_arith::{Bases as CpuBases, Folding as CpuFolding, Path};
use quintet_gpu::{Bases, Folding, field};

use crate::{device::device, msm::points};

#[test]
fn rounds_are_those_of_the_cpu() {
    let Some(device) = device() else { return };
    let count = 16;
    let points = points(count);
    let coefficients: Vec<F> = (0..count as u64).map(|i| if i == 4 { -F::ONE } else { F::from(i * i) }).collect();
    let x = F::from(12345);
    let (cpu_bases, bases) = (CpuBases::new(Path::best(), &points), Bases::new(device, &points).unwrap());
    let uploaded = device.upload("coefficients", &field::montgomery(device.layout(), &coefficients)).unwrap();
    let mut cpu = CpuFolding::new(&cpu_bases, coefficients, x);
    let mut batch = device.batch();
    let mut gpu = Folding::new(&mut batch, &bases, uploaded.all(), x).unwrap();
    for round in 0..4u64 {
        let (expected, got) = (cpu.round(), gpu.round(&mut batch).unwrap());
        assert_eq!((expected.left, expected.right), (got.left, got.right), "points of round {round}");
        assert_eq!((expected.value_left, expected.value_right), (got.value_left, got.value_right), "values of round {round}");
        let u = if round == 2 { F::ONE } else { F::from(7 + round).pow_vartime([99]) };
        let inverse = u.invert().unwrap();
        cpu.fold(u, inverse);
        gpu.fold(&mut batch, u, inverse).unwrap();
    }
    assert_eq!(cpu.finish(), gpu.finish(&mut batch).unwrap());
}
