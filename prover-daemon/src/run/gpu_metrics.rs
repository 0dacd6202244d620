//! Metrics of GPUs, read from the backend when they are asked for.

use std::fmt;

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, NoLabelSet},
    metrics::MetricType,
};
use quintet_gpu::{DeviceStatus, Monitor};

/// Shows the devices of a backend.
#[derive(Debug)]
pub(super) struct GpuMetrics(pub(super) Monitor);

type Value = fn(&DeviceStatus) -> u64;

const GAUGES: [(&str, &str, Value); 4] = [
    ("gpu_working", "1 while a GPU is used, 0 while it is lost", |status| u64::from(status.working)),
    ("gpu_memory_bytes", "Bytes that this process holds on a GPU", |status| status.memory),
    ("gpu_memory_peak_bytes", "The most that this process held on a GPU at a time", |status| status.peak_memory),
    ("gpu_memory_budget_bytes", "What this process may hold on a GPU", |status| status.memory_budget),
];

const COUNTERS: [(&str, &str, Value); 4] = [
    ("gpu_made", "Commitments and proofs made on a GPU", |status| status.made),
    ("gpu_fallbacks", "Commitments and proofs that the CPU made after a GPU failed", |status| status.fallbacks),
    ("gpu_streamed", "Proofs that did not fit a GPU's memory as a whole and streamed", |status| status.streamed),
    ("gpu_reopened", "How often a GPU was opened again after it was lost", |status| status.reopened),
];

impl Collector for GpuMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let devices = self.0.status();
        let working = devices.iter().filter(|status| status.working).count() as u64;
        encoder.encode_descriptor("gpus", "GPUs that are used", None, MetricType::Gauge)?.encode_gauge(&working)?;
        let labels = |status: &DeviceStatus| [("gpu", status.index.to_string()), ("device", status.name.clone())];
        for (name, help, value) in GAUGES {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for status in &devices {
                family.encode_family(&labels(status))?.encode_gauge(&value(status))?;
            }
        }
        for (name, help, value) in COUNTERS {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            for status in &devices {
                family.encode_family(&labels(status))?.encode_counter::<NoLabelSet, _, u64>(&value(status), None)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::{encoding::text::encode, registry::Registry};

    use super::*;

    #[test]
    fn metrics_can_be_read_where_there_is_no_device() {
        let mut registry = Registry::with_prefix("quintet_prover");
        registry.register_collector(Box::new(GpuMetrics(Monitor::default())));
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        assert!(text.contains("quintet_prover_gpus 0\n"), "{text}");
    }
}
