//! CPU time of each kernel on each path, and its ratio to `halo2_proofs`. `cargo bench -p quintet-arith -- [k] [filter]`

use std::{hint::black_box, time::Instant};

use ff::{Field, FromUniformBytes};
use group::{Curve, Group};
use halo2_proofs::{
    arithmetic::{best_fft, best_multiexp, compute_inner_product, eval_polynomial, kate_division},
    poly::EvaluationDomain,
};
use pasta_curves::{Eq, EqAffine, Fp};
use quintet_arith::{Bases, Cosets, Domain, Folding, LANES, Lanes, Path, Scalars, Task, fold_bases, group_ifft, vector};

/// Nanoseconds that the process has spent on CPUs, or the wall clock's where the system does not tell.
fn cpu_time(start: Instant) -> f64 {
    let tasks = std::fs::read_dir("/proc/self/task").ok().and_then(|tasks| {
        tasks
            .map(|task| {
                std::fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?.split(' ').next()?.parse::<f64>().ok()
            })
            .sum()
    });
    tasks.unwrap_or_else(|| start.elapsed().as_nanos() as f64)
}

/// Where a path stands among those that there are.
fn place(path: Path) -> usize {
    Path::available().iter().position(|other| *other == path).unwrap_or(0)
}

struct Bench {
    start: Instant,
    filter: String,
}

impl Bench {
    /// Least CPU milliseconds of a few runs.
    fn time<R>(&self, mut work: impl FnMut() -> R) -> f64 {
        let mut best = f64::INFINITY;
        let mut total = 0.0;
        // The system's clock of CPU time has ticks of milliseconds.
        let wall = Instant::now();
        let mut runs = 1;
        while total < 400.0 && wall.elapsed().as_secs() < 10 {
            let before = cpu_time(self.start);
            for _ in 0..runs {
                black_box(work());
            }
            let spent = (cpu_time(self.start) - before) / 1e6;
            total += spent;
            if spent >= 40.0 {
                best = best.min(spent / f64::from(runs));
            } else {
                runs *= 2;
            }
        }
        best
    }

    fn compare<R>(&self, name: &str, upstream: impl FnMut() -> R, mut ours: impl FnMut(Path)) {
        if !name.contains(&self.filter) {
            return;
        }
        let theirs = self.time(upstream);
        print!("{name:34} upstream {theirs:10.3} ms");
        for &path in Path::available() {
            let spent = self.time(|| ours(path));
            print!("   {path:?} {spent:9.3} ms ×{:<5.2}", theirs / spent);
        }
        println!();
    }
}

struct Chain {
    start: Fp,
    square: bool,
}

impl Task<Fp> for Chain {
    type Output = Fp;

    #[inline(always)]
    fn run<L: Lanes<Field = Fp>>(self) -> Fp {
        let factor = L::splat(self.start);
        let mut values = [factor; 4];
        for _ in 0..10_000 {
            let [a, b, c, d] = values;
            values = if self.square {
                [a.square(), b.square(), c.square(), d.square()]
            } else {
                [a.mul(factor), b.mul(factor), c.mul(factor), d.mul(factor)]
            };
        }
        let mut out = [Fp::ZERO; LANES];
        values[0].add(values[1]).add(values[2].add(values[3])).store(&mut out);
        out[0]
    }
}

fn main() {
    let numbers: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    let k: u32 = numbers.iter().find_map(|arg| arg.parse().ok()).unwrap_or(14);
    let filter = numbers.iter().find(|arg| arg.parse::<u32>().is_err()).cloned().unwrap_or_default();
    let bench = Bench { start: Instant::now(), filter };
    let n = 1usize << k;
    println!("k = {k}, {} threads, CPU time", rayon::current_num_threads());

    let mut state = 1u64;
    let mut word = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state ^ (state >> 29)
    };
    let mut scalar = || {
        let mut bytes = [0; 64];
        bytes.chunks_exact_mut(8).for_each(|chunk| chunk.copy_from_slice(&word().to_le_bytes()));
        Fp::from_uniform_bytes(&bytes)
    };
    let a: Vec<Fp> = (0..n).map(|_| scalar()).collect();
    let b: Vec<Fp> = (0..n).map(|_| scalar()).collect();
    let s = scalar();
    // Squares, so that no two sums of few points are the same.
    let projective: Vec<Eq> = std::iter::successors(Some(s), |scalar| Some(scalar.square() + s))
        .map(|scalar| Eq::generator() * scalar)
        .take(n)
        .collect();
    let mut points = vec![EqAffine::default(); n];
    Eq::batch_normalize(&projective, &mut points);

    let chain = |square: bool| (0..320_000).fold(s, |value: Fp, _| if square { value.square() } else { value * s });
    bench.compare(
        "mul, 320,000",
        || chain(false),
        |path| {
            black_box(path.over_fp(Chain { start: s, square: false }));
        },
    );
    bench.compare(
        "square, 320,000",
        || chain(true),
        |path| {
            black_box(path.over_fp(Chain { start: s, square: true }));
        },
    );

    let upstream = EvaluationDomain::<Fp>::new(5, k);
    let domains: Vec<Domain> = Path::available().iter().map(|path| Domain::new(*path, k)).collect();
    let extended_cosets: Vec<Cosets> = domains.iter().map(|domain| Cosets::new(domain, 2)).collect();
    bench.compare(
        "ifft",
        || upstream.lagrange_to_coeff(upstream.lagrange_from_vec(a.clone())),
        |path| {
            let mut columns = [a.clone()];
            domains[place(path)].ifft_many(&mut columns);
            black_box(columns);
        },
    );
    bench.compare(
        "coefficients to four cosets",
        || upstream.coeff_to_extended(upstream.coeff_from_vec(a.clone())),
        |path| {
            let cosets = &extended_cosets[place(path)];
            (0..4).for_each(|coset| drop(black_box(cosets.evaluate_many(coset, &[&a], Vec::new()))));
        },
    );
    let mut extended = vec![Fp::ZERO; 4 * n];
    bench.compare(
        "fft of 4n, four ffts of n",
        || best_fft(&mut extended, upstream.get_omega(), k + 2),
        |path| {
            let mut columns = [a.clone(), a.clone(), a.clone(), a.clone()];
            domains[place(path)].fft_many(&mut columns);
            black_box(columns);
        },
    );

    let tables = 64 << 20;
    let with: Vec<Bases> =
        Path::available().iter().map(|path| Bases::new(*path, &points).with_tables(tables).with_subsets()).collect();
    let plain: Vec<Bases> = Path::available().iter().map(|path| Bases::new(*path, &points)).collect();
    for bits in [1u32, 8, 16, 32, 64] {
        let values: Vec<u64> = (0..n).map(|_| word() >> (64 - bits)).collect();
        let field: Vec<Fp> = values.iter().map(|&value| Fp::from(value)).collect();
        bench.compare(
            &format!("msm, {bits} bit"),
            || best_multiexp(&field, &points),
            |path| {
                black_box(with[place(path)].msm(Scalars::Uint(&values)));
            },
        );
    }
    bench.compare(
        "msm, full",
        || best_multiexp(&a, &points),
        |path| {
            black_box(plain[place(path)].msm(Scalars::Field(&a)));
        },
    );
    bench.compare(
        "msm, full, 64 MiB of tables",
        || best_multiexp(&a, &points),
        |path| {
            black_box(with[place(path)].msm(Scalars::Field(&a)));
        },
    );

    if "fold".contains(&bench.filter) || bench.filter.is_empty() {
        let collapse = |g: &[EqAffine], u: Fp| -> Vec<EqAffine> {
            let half = g.len() / 2;
            let mut out = vec![EqAffine::default(); half];
            let sums: Vec<Eq> = (0..half).map(|i| g[i + half] * u + g[i]).collect();
            Eq::batch_normalize(&sums, &mut out);
            out
        };
        bench.compare(
            "fold, three challenges",
            || [a[0], a[1], a[2]].iter().fold(points.clone(), |g, u| collapse(&g, *u)),
            |path| {
                black_box(fold_bases(path, &points, &a[..3]));
            },
        );
    }
    bench.compare(
        "opening",
        || {
            let mut g = points.clone();
            let mut p = a.clone();
            let mut x = vector::powers(Path::Portable, s, n);
            for u in &b[..k as usize] {
                let half = p.len() / 2;
                black_box(best_multiexp(&p[half..], &g[..half]));
                black_box(best_multiexp(&p[..half], &g[half..]));
                black_box(compute_inner_product(&p[half..], &x[..half]));
                black_box(compute_inner_product(&p[..half], &x[half..]));
                let (low, high) = g.split_at(half);
                let mut turned = vec![Eq::identity(); half];
                <Eq as pasta_curves::arithmetic::CurveExt>::batch_mul_same_scalar_vartime(high, u, &mut turned);
                turned.iter_mut().zip(low).for_each(|(sum, point)| *sum += *point);
                let mut next = vec![EqAffine::default(); half];
                Eq::batch_normalize(&turned, &mut next);
                g = next;
                p = (0..half).map(|i| p[i] + p[i + half] * u).collect();
                x = (0..half).map(|i| x[i] + x[i + half] * u).collect();
            }
        },
        |path| {
            let mut folding = Folding::new(&with[place(path)], a.clone(), s);
            for u in &b[..k as usize] {
                black_box(folding.round());
                folding.fold(*u, *u);
            }
            black_box(folding.finish());
        },
    );
    bench.compare(
        "inner product",
        || compute_inner_product(&a, &b),
        |path| {
            black_box(vector::inner_product(path, &a, &b));
        },
    );
    bench.compare(
        "evaluation",
        || eval_polynomial(&a, s),
        |path| {
            black_box(vector::evaluate_many(path, &[&a], s));
        },
    );
    bench.compare(
        "division",
        || kate_division(&a, s),
        |path| {
            black_box(vector::divide(path, &a, s));
        },
    );
    bench.compare(
        "axpy",
        || a.iter().zip(&b).map(|(a, b)| a + s * b).collect::<Vec<_>>(),
        |path| {
            let mut sum = a.clone();
            vector::axpy(path, &mut sum, s, &b);
            black_box(sum);
        },
    );
    bench.compare(
        "group ifft",
        || {
            let mut points = projective.clone();
            best_fft(&mut points, upstream.get_omega_inv(), k);
            points
        },
        |path| {
            black_box(group_ifft(path, &points, &|_| {}));
        },
    );
}
