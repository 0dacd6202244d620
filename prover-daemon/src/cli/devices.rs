//! `quintet-prover devices`: the GPUs of this machine, and what is made of them.

use clap::Args;
use quintet_gpu::{AdapterInfo, Adapters, Device, DeviceOptions, Need, shader::Layout, tune};
use quintet_machine::{AirId, airs};
use serde::Serialize;

/// List the GPUs of this machine, their limits, and how they would be used.
#[derive(Debug, Args)]
pub(crate) struct Devices {
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// Also show what a proof of each AIR with 2^K rows takes of a GPU's memory.
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u32).range(11..=20))]
    k: Option<u32>,
}

/// One adapter, and how it would be used.
#[derive(Debug, Serialize)]
struct Line {
    #[serde(flatten)]
    adapter: AdapterInfo,
    /// Layout of field elements that was measured to be the faster one.
    layout: Option<&'static str>,
    /// Multiplications of an AIR up to which its constraints are written out as kernels, by measurement; 0 where interpreting them is faster.
    written: Option<usize>,
    /// What `--backend auto` does with it.
    automatic: bool,
    /// Why it is not used, if so.
    reason: Option<String>,
    /// Bytes that proofs may hold on it, unless `--gpu-memory` says otherwise.
    memory_budget: u64,
    /// What proofs take on it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    needs: Vec<AirNeed>,
}

/// What a proof of an AIR takes on an adapter.
#[derive(Debug, Serialize)]
struct AirNeed {
    air: &'static str,
    #[serde(flatten)]
    need: Need,
    /// Whether it streams under the budget.
    streams: bool,
    /// Whether it fits at all.
    fits: bool,
}

impl Devices {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let adapters = Adapters::find();
        let lines = adapters.infos().map(|info| {
            let line = line(&adapters, info);
            Ok(Line { needs: self.needs(info, line.written.unwrap_or(0))?, ..line })
        });
        let lines: Vec<Line> = lines.collect::<anyhow::Result<_>>()?;
        if self.json {
            quintet_node::outln!("{}", serde_json::to_string_pretty(&lines)?);
            return Ok(());
        }
        quintet_node::out!("{}", show(&lines));
        Ok(())
    }

    fn needs(&self, info: &AdapterInfo, written: usize) -> anyhow::Result<Vec<AirNeed>> {
        let (Some(k), None) = (self.k, &info.unsuitable) else { return Ok(Vec::new()) };
        let need = |air: AirId| {
            let need = Need::new(&airs::spec(air, k), info.max_binding, written)?;
            let budget = info.budget();
            Ok(AirNeed { air: air.name(), need, streams: need.whole > budget, fits: need.least <= budget })
        };
        AirId::ALL.into_iter().map(need).collect()
    }
}

fn line(adapters: &Adapters, info: &AdapterInfo) -> Line {
    let file = tune::default_file();
    let measured = || -> Result<(Layout, usize), quintet_gpu::Error> {
        let layout = tune::layout(adapters, info.index, file.as_deref())?;
        let device = Device::open(adapters, info.index, DeviceOptions::new(layout))?;
        Ok((layout, tune::written(&device, file.as_deref())?))
    };
    let (measured, reason) = match &info.unsuitable {
        Some(reason) => (None, Some(reason.clone())),
        None if info.software => (None, Some("a program on the CPU is used only if --gpu names it".to_owned())),
        None => match measured() {
            Ok(measured) => (Some(measured), None),
            Err(error) => (None, Some(error.to_string())),
        },
    };
    Line {
        adapter: info.clone(),
        layout: measured.map(|(layout, _)| layout.name()),
        written: measured.map(|(_, written)| written),
        automatic: reason.is_none(),
        reason,
        memory_budget: info.budget(),
        needs: Vec::new(),
    }
}

fn show(lines: &[Line]) -> String {
    if lines.is_empty() {
        return "no GPU: no Vulkan or Metal driver shows one; the CPU proves\n".to_owned();
    }
    let mib = |bytes: u64| format!("{} MiB", bytes >> 20);
    let mut text = String::new();
    for line in lines {
        let info = &line.adapter;
        let use_ = match (&line.layout, &line.reason) {
            (_, Some(reason)) => format!("not used: {reason}"),
            (Some(layout), None) => match line.written.unwrap_or(0) {
                0 => format!("used, {layout}, constraints are interpreted"),
                most => format!("used, {layout}, constraints of up to {most} multiplications are kernels of their own"),
            },
            (None, None) => "used".to_owned(),
        };
        text += &format!("GPU {}  {}  ({}, {}, {})\n", info.index, info.name, info.kind, info.backend, info.driver);
        text += &format!("  largest buffer {}, binding {}, ", mib(info.max_buffer), mib(info.max_binding));
        text += &format!("workgroup memory {} KiB, ", info.workgroup_memory >> 10);
        text += &format!("64-bit integers {}\n", if info.int64 { "yes" } else { "no" });
        let of = info.memory.map_or("an unknown size".to_owned(), mib);
        text += &format!("  memory: up to {} of {of} are used (--gpu-memory)\n  {use_}\n", mib(line.memory_budget));
        for AirNeed { air, need, streams, fits } in &line.needs {
            let way = match (streams, fits) {
                (false, _) => "as a whole",
                (true, true) => "streams",
                (true, false) => "does not fit: the CPU proves it",
            };
            text += &format!("    {air:<12} {:>8} as a whole, {:>8} at least: {way}\n", mib(need.whole), mib(need.least));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_without_a_gpu_is_told_so() {
        assert!(show(&[]).starts_with("no GPU"));
    }

    #[test]
    fn every_adapter_says_how_it_is_used() {
        let adapter = AdapterInfo {
            index: 0,
            name: "Card".into(),
            driver: "driver 1".into(),
            backend: "vulkan".into(),
            kind: "discrete GPU".into(),
            software: false,
            int64: true,
            max_buffer: 1 << 30,
            max_binding: 1 << 28,
            workgroup_memory: 1 << 15,
            memory: None,
            unsuitable: None,
        };
        let need = Need { whole: 300 << 20, least: 100 << 20, kept: 1 << 20 };
        let used = Line {
            adapter: AdapterInfo { memory: Some(1 << 28), ..adapter.clone() },
            layout: Some("13-bit limbs"),
            written: Some(700),
            automatic: true,
            reason: None,
            memory_budget: 200 << 20,
            needs: vec![AirNeed { air: "cpu", need, streams: true, fits: true }],
        };
        let idle = Line {
            layout: None,
            written: None,
            automatic: false,
            reason: Some("it is a program".into()),
            memory_budget: adapter.budget(),
            adapter,
            needs: Vec::new(),
        };
        let text = show(&[used, idle]);
        assert!(
            text.contains("used, 13-bit limbs, constraints of up to 700") && text.contains("not used: it is a program"),
            "{text}"
        );
        assert!(text.contains("up to 200 MiB of 256 MiB") && text.contains("up to 3072 MiB of an unknown size"), "{text}");
        assert!(text.contains("cpu           300 MiB as a whole,  100 MiB at least: streams"), "{text}");
        assert!(text.contains("buffer 1024 MiB, binding 256 MiB, workgroup memory 32 KiB"), "{text}");
    }
}
