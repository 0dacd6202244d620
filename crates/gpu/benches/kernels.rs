//! Wall-clock time of transforms and multi-scalar multiplications on an adapter in each of its layouts, and on all cores of the CPU with its fastest path, in one run; results are compared.
//! `cargo bench -p quintet-gpu -- [smallest k] [largest k] [adapter]`. Whole proofs: `quintet-prover bench --backend gpu`.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use ff::Field;
use group::{Curve, Group};
use pasta_curves::{Eq, EqAffine};
use quintet_air::{ColumnData, F};
use quintet_arith::{Bases as CpuBases, Domain, Path, Scalars, vector};
use quintet_gpu::{Adapters, Bases, Columns, Device, DeviceOptions, Error, HostColumn, PackedColumn, Transform, field};

/// Columns that are transformed together, as those of a proof are.
const COLUMNS: usize = 8;
/// Runs after the first, which compiles what it needs; the fastest counts.
const RUNS: usize = 5;

/// Bytes of tables on the CPU, as its prover has them.
const TABLES: usize = 96 << 20;

/// What a size works on.
struct Work {
    k: u32,
    columns: Vec<Vec<F>>,
    words: Vec<u64>,
    points: Vec<EqAffine>,
}

impl Work {
    fn new(k: u32) -> Self {
        let rows = 1 << k;
        let columns =
            (0..COLUMNS as u64).map(|seed| vector::powers(Path::best(), F::from(seed + 3).pow_vartime([77]), rows)).collect();
        let words = (1..=rows as u64).map(|row| row.wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect();
        // No two sums of few of them are the same.
        let next = |point: &Eq| Some(point.double() + Eq::generator());
        let projective: Vec<Eq> = std::iter::successors(Some(Eq::generator()), next).take(rows).collect();
        let mut points = vec![EqAffine::default(); rows];
        Eq::batch_normalize(&projective, &mut points);
        Self { k, columns, words, points }
    }
}

/// The fastest of some runs after the first.
fn fastest<T>(mut work: impl FnMut() -> Result<T, Error>) -> Result<(Duration, T), Error> {
    let mut value = work()?;
    let mut best = Duration::MAX;
    for _ in 0..RUNS {
        let start = Instant::now();
        value = black_box(work()?);
        best = best.min(start.elapsed());
    }
    Ok((best, value))
}

fn line(work: &str, k: u32, (cpu, gpu): (Duration, Duration), same: bool) {
    let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
    assert!(same, "{work}, k = {k}: another result than the CPU's");
    println!(
        "| {work} | {k} | {:.3} | {:.3} | ×{:.2} |",
        milliseconds(cpu),
        milliseconds(gpu),
        cpu.as_secs_f64() / gpu.as_secs_f64()
    );
}

fn transforms(device: &Device, work: &Work) -> Result<(), Error> {
    let (k, rows) = (work.k, 1usize << work.k);
    let (source, target) = (Columns::new(device, "source", rows, COLUMNS)?, Columns::new(device, "target", rows, COLUMNS)?);
    let mut batch = device.batch();
    for (place, column) in work.columns.iter().enumerate() {
        HostColumn::field(column).upload(device)?.expand(&mut batch, source.column(place))?;
        batch.finish()?;
    }
    let scratch = device.buffer("scratch", (COLUMNS * rows) as u64 * field::BYTES)?;
    let transform = Transform::new(device, k)?;
    let all = 0..COLUMNS;
    let (gpu, ()) = fastest(|| {
        transform.inverse(&mut batch, source.range(all.clone()), None, (target.range(all.clone()), scratch.all(), COLUMNS))?;
        batch.finish()
    })?;
    let domain = Domain::new(Path::best(), k);
    let (cpu, expected) = fastest(|| {
        let mut columns = work.columns.clone();
        domain.ifft_many(&mut columns);
        Ok(columns)
    })?;
    let last = field::from_montgomery::<F>(device.layout(), &device.read(target.column(COLUMNS - 1))?)?;
    line(&format!("{COLUMNS} inverse transforms"), k, (cpu, gpu), last == expected[COLUMNS - 1]);
    Ok(())
}

fn sums(device: &Device, work: &Work) -> Result<(), Error> {
    let gpu_bases = Bases::new(device, &work.points)?;
    let cpu_bases = CpuBases::new(Path::best(), &work.points).with_tables(TABLES).with_subsets();
    let bits: Vec<u64> = work.words.iter().map(|word| word >> 63).collect();
    let field = ColumnData::Field(work.columns[0].clone());
    for (name, column) in
        [("1 bit", ColumnData::Uint(bits)), ("64 bits", ColumnData::Uint(work.words.clone())), ("full size", field)]
    {
        let packed = PackedColumn::new(device, &column)?;
        let (gpu, sum) = fastest(|| gpu_bases.msm_many(&mut device.batch(), &[packed.scalars()]))?;
        let scalars = match &column {
            ColumnData::Uint(values) => Scalars::Uint(values),
            ColumnData::Field(values) => Scalars::Field(values),
        };
        let (cpu, expected) = fastest(|| Ok(cpu_bases.msm(scalars)))?;
        line(&format!("MSM, {name}"), work.k, (cpu, gpu), sum[0].to_affine() == expected.to_affine());
    }
    Ok(())
}

fn main() -> Result<(), Error> {
    let mut numbers = std::env::args().skip(1).filter_map(|arg| arg.parse::<u32>().ok());
    let (smallest, largest) = (numbers.next().unwrap_or(14), numbers.next().unwrap_or(20));
    let index = numbers.next().unwrap_or(0) as usize;
    let adapters = Adapters::find();
    let Some(info) = adapters.infos().nth(index) else {
        eprintln!("no adapter {index}; `quintet-prover devices` lists those that there are");
        std::process::exit(1);
    };
    for layout in info.layouts() {
        let options = DeviceOptions { timeout: Duration::from_secs(600), ..DeviceOptions::new(*layout) };
        let device = Device::open(&adapters, index, options)?;
        println!("{}, {}; CPU: {}, {} threads", info.identity(), layout.name(), Path::best(), rayon::current_num_threads());
        println!("| work | k | CPU, ms | GPU, ms | GPU against CPU |\n| --- | ---: | ---: | ---: | ---: |");
        for k in smallest..=largest {
            let work = Work::new(k);
            transforms(&device, &work)?;
            sums(&device, &work)?;
        }
    }
    Ok(())
}
