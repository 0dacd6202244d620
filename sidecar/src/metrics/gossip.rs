//! The network's counters as metrics: read when they are asked for. A sidecar that runs alone has none of them.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric as _},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge},
};
use quintet_gossip::{
    Topic,
    metrics::{Metrics, ScoreBand, TopicMetrics},
    peers::conduct::Fault,
    wire::requests::RequestKind,
};

/// Shows a network's counters, once there is a network.
#[derive(Clone, Debug, Default)]
pub struct GossipMetrics(Arc<OnceLock<Arc<Metrics>>>);

impl GossipMetrics {
    /// From now on the counters of this network are shown. A second network is ignored: a process has one.
    pub fn show(&self, metrics: &Arc<Metrics>) {
        let _ = self.0.set(Arc::clone(metrics));
    }
}

/// Name and help of a metric; counters get `_total` by themselves.
type Named = (&'static str, &'static str);

struct Writer<'a>(DescriptorEncoder<'a>);

impl Writer<'_> {
    fn one(&mut self, (name, help): Named, kind: MetricType, value: u64) -> fmt::Result {
        let encoder = self.0.encode_descriptor(name, help, None, kind)?;
        write(encoder, kind, value)
    }

    fn family<L: EncodeLabelSet>(
        &mut self,
        (name, help): Named,
        kind: MetricType,
        rows: impl IntoIterator<Item = (L, u64)>,
    ) -> fmt::Result {
        let mut encoder = self.0.encode_descriptor(name, help, None, kind)?;
        rows.into_iter().try_for_each(|(labels, value)| write(encoder.encode_family(&labels)?, kind, value))
    }
}

fn write(encoder: prometheus_client::encoding::MetricEncoder<'_>, kind: MetricType, value: u64) -> fmt::Result {
    match kind {
        MetricType::Counter => ConstCounter::new(value).encode(encoder),
        _ => ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX)).encode(encoder),
    }
}

impl Collector for GossipMetrics {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Some(all) = self.0.get() else { return Ok(()) };
        let mut writer = Writer(encoder);
        peers(&mut writer, all)?;
        topics(&mut writer, all)?;
        requests(&mut writer, all)?;
        fetches(&mut writer, all)
    }
}

fn peers(writer: &mut Writer<'_>, all: &Metrics) -> fmt::Result {
    use MetricType::{Counter, Gauge};
    writer.one(("gossip_peers", "Sidecars of other validators that are connected"), Gauge, all.peers.get())?;
    let groups = ("gossip_address_groups", "Groups of addresses (IPv4 /16, IPv6 /32) that peers are in");
    writer.one(groups, Gauge, all.address_groups.get())?;
    writer.one(("gossip_isolated", "1 while this sidecar looks cut off from the others"), Gauge, all.isolated.get())?;
    let bands = ScoreBand::ALL.map(|band| ([("band", band.name())], all.scores[band.index()].get()));
    writer.family(("gossip_peer_scores", "Connected peers by what gossipsub's score does with them"), Gauge, bands)?;
    let faults = Fault::ALL.map(|fault| ([("fault", fault.name())], all.fault(fault).get()));
    writer.family(("gossip_faults", "Faults of peers by kind"), Counter, faults)?;
    writer.one(("gossip_bans", "Peers that were banned"), Counter, all.bans.get())?;
    writer.one(("gossip_wrong_network", "Connections to other networks that were ended"), Counter, all.wrong_network.get())?;
    let denied = ("gossip_denied", "Connections refused because of bans or too many of one address");
    writer.one(denied, Counter, all.denied.get())?;
    writer.one(("gossip_dial_failures", "Attempts to connect that failed"), Counter, all.dial_failures.get())?;
    let lost = ("gossip_events_lost", "Events of the network that this sidecar was too slow to take");
    writer.one(lost, Counter, all.events_lost.get())?;
    let ways = [
        ([("direction", "in"), ("of", "requests")], all.request_bytes_in()),
        ([("direction", "out"), ("of", "requests")], all.request_bytes_out()),
        ([("direction", "in"), ("of", "gossip")], all.gossip_bytes_in()),
        ([("direction", "out"), ("of", "gossip")], all.gossip_bytes_out()),
    ];
    writer.family(("gossip_bytes", "Bytes on all streams, below them noise and yamux"), Counter, ways)
}

fn topics(writer: &mut Writer<'_>, all: &Metrics) -> fmt::Result {
    use MetricType::{Counter, Gauge};
    let of = |value: fn(&TopicMetrics) -> u64| Topic::ALL.map(|topic| ([("topic", topic.name())], value(all.topic(topic))));
    let verdicts = Topic::ALL.into_iter().flat_map(|topic| {
        let counted = all.topic(topic);
        let (ignored, overdue) = (counted.ignored.get(), counted.overdue.get());
        [
            ("accepted", counted.accepted.get()),
            ("ignored", ignored.saturating_sub(overdue)),
            ("overdue", overdue),
            ("rejected", counted.rejected.get()),
            ("malformed", counted.malformed.get()),
        ]
        .map(|(verdict, count)| ([("topic", topic.name()), ("verdict", verdict)], count))
    });
    writer.family(("gossip_messages", "Messages by topic and what was made of them"), Counter, verdicts)?;
    let received = ("gossip_messages_received", "Messages that came for the first time, by topic");
    writer.family(received, Counter, of(|topic| topic.received.get()))?;
    writer.family(("gossip_published", "Messages of this sidecar by topic"), Counter, of(|topic| topic.published.get()))?;
    let bytes = ("gossip_topic_bytes_in", "Bytes of messages in by topic, compressed, duplicates included");
    writer.family(bytes, Counter, of(|topic| topic.bytes_in.get()))?;
    writer.family(("gossip_mesh_peers", "Peers in the mesh of a topic"), Gauge, of(|topic| topic.mesh.get()))
}

fn requests(writer: &mut Writer<'_>, all: &Metrics) -> fmt::Result {
    let rows = RequestKind::ALL.into_iter().flat_map(|kind| {
        let counted = all.request(kind);
        [
            ("sent", counted.sent.get()),
            ("failed", counted.failed.get()),
            ("received", counted.received.get()),
            ("limited", counted.limited.get()),
        ]
        .map(|(result, count)| ([("request", kind.name()), ("result", result)], count))
    });
    let named =
        ("gossip_requests", "Requests by protocol: sent and of these failed, received and of these refused by rate limits");
    writer.family(named, MetricType::Counter, rows)
}

fn fetches(writer: &mut Writer<'_>, all: &Metrics) -> fmt::Result {
    use MetricType::{Counter, Gauge};
    let fetch = &all.fetch;
    let waiting = [([("state", "running")], fetch.running.get()), ([("state", "waiting")], fetch.waiting.get())];
    writer.family(("gossip_fetches_open", "Announced submissions that are being pulled"), Gauge, waiting)?;
    let results = [
        ([("result", "fetched")], fetch.fetched.get()),
        ([("result", "retried")], fetch.retried.get()),
        ([("result", "mismatched")], fetch.mismatched.get()),
        ([("result", "abandoned")], fetch.abandoned.get()),
    ];
    writer.family(("gossip_fetches", "Pulled submissions by what came of it"), Counter, results)?;
    let parts = [([("result", "pulled")], fetch.parts_pulled.get()), ([("result", "known")], fetch.parts_known.get())];
    let named =
        ("gossip_fetched_parts", "Parts that pulled submissions have in common with others: pulled for them, or known already");
    writer.family(named, Counter, parts)?;
    writer.one(("gossip_part_bytes", "Bytes of parts of submissions that are remembered"), Gauge, fetch.part_bytes.get())?;
    let assembled = ("gossip_assembled", "Pulled submissions that were put together from outlines and parts");
    writer.one(assembled, Counter, fetch.assembled.get())?;
    writer.one(("gossip_fetched_bytes", "Bytes of submissions that were pulled"), Counter, fetch.bytes.get())
}
