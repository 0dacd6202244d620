//! `quintet-prover devices`: the GPUs of this machine, and what is made of them.

use clap::Args;
use quintet_gpu::{AdapterInfo, Adapters, shader::Layout, tune};
use serde::Serialize;

/// List the GPUs of this machine, their limits, and how they would be used.
#[derive(Debug, Args)]
pub(crate) struct Devices {
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// One adapter, and how it would be used.
#[derive(Debug, Serialize)]
struct Line {
    #[serde(flatten)]
    adapter: AdapterInfo,
    /// Layout of field elements that was measured to be the faster one.
    layout: Option<&'static str>,
    /// What `--backend auto` does with it.
    automatic: bool,
    /// Why it is not used, if so.
    reason: Option<String>,
}

impl Devices {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let adapters = Adapters::find();
        let lines: Vec<Line> = adapters.infos().map(|info| line(&adapters, info)).collect();
        if self.json {
            println!("{}", serde_json::to_string_pretty(&lines)?);
            return Ok(());
        }
        print!("{}", show(&lines));
        Ok(())
    }
}

fn line(adapters: &Adapters, info: &AdapterInfo) -> Line {
    let of = |layout: Result<Layout, quintet_gpu::Error>| match layout {
        Ok(layout) => (Some(layout.name()), None),
        Err(error) => (None, Some(error.to_string())),
    };
    let (layout, reason) = match &info.unsuitable {
        Some(reason) => (None, Some(reason.clone())),
        None if info.software => (None, Some("a program on the CPU is used only if --gpu names it".to_owned())),
        None => of(tune::layout(adapters, info.index, tune::default_file().as_deref())),
    };
    Line { adapter: info.clone(), layout, automatic: reason.is_none(), reason }
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
            (Some(layout), None) => format!("used, {layout}"),
            (None, None) => "used".to_owned(),
        };
        text += &format!("GPU {}  {}  ({}, {}, {})\n", info.index, info.name, info.kind, info.backend, info.driver);
        text += &format!("  largest buffer {}, binding {}, ", mib(info.max_buffer), mib(info.max_binding));
        text += &format!("workgroup memory {} KiB, ", info.workgroup_memory >> 10);
        text += &format!("64-bit integers {}\n  {use_}\n", if info.int64 { "yes" } else { "no" });
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
        let used = Line { adapter: adapter.clone(), layout: Some("13-bit limbs"), automatic: true, reason: None };
        let idle = Line { adapter, layout: None, automatic: false, reason: Some("it is a program".into()) };
        let text = show(&[used, idle]);
        assert!(text.contains("used, 13-bit limbs") && text.contains("not used: it is a program"), "{text}");
        assert!(text.contains("buffer 1024 MiB, binding 256 MiB, workgroup memory 32 KiB"), "{text}");
    }
}
