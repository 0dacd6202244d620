//! Traces to an OpenTelemetry collector, by OTLP over HTTP. A job's trace follows from its id, so that sidecar and provers meet in it without a word to each other.

use std::{cell::Cell, sync::OnceLock};

use opentelemetry::{
    Context, KeyValue,
    trace::{
        SpanBuilder, SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState, Tracer as _,
        TracerProvider as _,
    },
};
use opentelemetry_otlp::{ExporterBuildError, SpanExporter, WithExportConfig as _};
pub use opentelemetry_sdk::trace::Span;
use opentelemetry_sdk::{
    Resource,
    trace::{IdGenerator, RandomIdGenerator, SdkTracer, SdkTracerProvider},
};
use quintet_types::{JobId, Phase, TreeHash as _};
use tracing::{Level, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::{Layer, filter::Targets, registry::LookupSpan};

use crate::trace::SPANS;

/// Where traces go if either is set; read and completed (`/v1/traces`) by the exporter, like all other variables of OpenTelemetry.
const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];

/// Sends spans to a collector, in the background. What is left is sent when this is dropped.
#[derive(Debug)]
pub struct Traces {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
}

impl Drop for Traces {
    fn drop(&mut self) {
        if let Err(error) = self.provider.shutdown() {
            tracing::warn!(%error, "some traces were not sent");
        }
    }
}

impl Traces {
    /// To the collector that the environment names, if it names one.
    ///
    /// # Errors
    /// If it is no address.
    pub fn from_environment(service: &'static str) -> Result<Option<Self>, ExporterBuildError> {
        let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let disabled = std::env::var("OTEL_SDK_DISABLED").is_ok_and(|value| value.eq_ignore_ascii_case("true"));
        if disabled || !ENDPOINTS.into_iter().any(is_set) {
            return Ok(None);
        }
        let exporter = SpanExporter::builder().with_http().build()?;
        let traces = Self::with(exporter, service);
        // A process has one collector.
        let _ = JOBS.set(traces.jobs());
        Ok(Some(traces))
    }

    /// To the collector at `url`, the path included.
    ///
    /// # Errors
    /// If it is no address.
    pub fn to(url: &str, service: &'static str) -> Result<Self, ExporterBuildError> {
        let exporter = SpanExporter::builder().with_http().with_endpoint(url).build()?;
        Ok(Self::with(exporter, service))
    }

    fn with(exporter: SpanExporter, service: &'static str) -> Self {
        // `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` are read by the builder, and this must not come after them.
        let named = std::env::var_os("OTEL_SERVICE_NAME").is_some();
        let resource = Resource::builder();
        let resource = if named { resource } else { resource.with_service_name(service) };
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_id_generator(Ids::default())
            .with_resource(resource.build())
            .build();
        let tracer = provider.tracer("quintet");
        Self { provider, tracer }
    }

    /// The layer that turns spans of [`SPANS`] into traces.
    pub fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let layer = tracing_opentelemetry::layer().with_tracer(self.tracer.clone());
        layer.with_filter(Targets::new().with_target(SPANS, Level::TRACE))
    }

    /// Spans of whole jobs and phases, which last longer than any function.
    #[must_use]
    pub fn jobs(&self) -> JobTracer {
        JobTracer(self.tracer.clone())
    }
}

static JOBS: OnceLock<JobTracer> = OnceLock::new();

/// Spans of whole jobs and phases, if this process has a collector.
#[must_use]
pub fn jobs() -> Option<JobTracer> {
    JOBS.get().cloned()
}

/// Opens spans of jobs and phases.
#[derive(Clone, Debug)]
pub struct JobTracer(SdkTracer);

impl JobTracer {
    /// The span of a job, under which all others lie. Ends when it is dropped.
    #[must_use]
    pub fn job(&self, job: &JobId) -> Span {
        let (trace, span) = ids(job);
        CHOSEN.set((Some(trace), Some(span)));
        let builder = SpanBuilder::from_name("job").with_attributes([
            KeyValue::new("job", job.to_string()),
            KeyValue::new("slot", i64::try_from(job.slot.0).unwrap_or(i64::MAX)),
        ]);
        let span = self.0.build_with_context(builder, &Context::new());
        CHOSEN.take();
        span
    }

    /// The span of a phase. Ends when it is dropped.
    #[must_use]
    pub fn phase(&self, job: &JobId, phase: Phase) -> Span {
        let builder = SpanBuilder::from_name(phase.to_string()).with_attributes([KeyValue::new("job", job.to_string())]);
        self.0.build_with_context(builder, &parent(job))
    }
}

/// The trace of a job, and the span of the job itself.
fn ids(job: &JobId) -> (TraceId, SpanId) {
    let root = job.tree_hash_root().0;
    let (mut trace, mut span) = ([0; 16], [0; 8]);
    trace.copy_from_slice(&root[..16]);
    span.copy_from_slice(&root[16..24]);
    (TraceId::from_bytes(trace), SpanId::from_bytes(span))
}

fn parent(job: &JobId) -> Context {
    let (trace, span) = ids(job);
    Context::new().with_remote_span_context(SpanContext::new(trace, span, TraceFlags::SAMPLED, true, TraceState::default()))
}

/// Puts a span under its job. Without a layer that makes traces there is nothing to do.
pub(crate) fn adopt(span: &tracing::Span, job: &JobId) {
    if !span.is_disabled() {
        let _ = span.set_parent(parent(job));
    }
}

thread_local! {
    /// Ids of the span that this thread builds next.
    static CHOSEN: Cell<(Option<TraceId>, Option<SpanId>)> = const { Cell::new((None, None)) };
}

/// Random ids, unless some were chosen: the library lets nobody name a span's id otherwise.
#[derive(Clone, Debug, Default)]
struct Ids(RandomIdGenerator);

impl IdGenerator for Ids {
    fn new_trace_id(&self) -> TraceId {
        let (trace, span) = CHOSEN.take();
        CHOSEN.set((None, span));
        trace.unwrap_or_else(|| self.0.new_trace_id())
    }

    fn new_span_id(&self) -> SpanId {
        let (trace, span) = CHOSEN.take();
        CHOSEN.set((trace, None));
        span.unwrap_or_else(|| self.0.new_span_id())
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read as _, Write as _},
        net::TcpListener,
        sync::mpsc,
        time::Duration,
    };

    use opentelemetry::trace::Span as _;
    use opentelemetry_proto::tonic::{collector::trace::v1::ExportTraceServiceRequest, trace::v1::Span as Sent};
    use prost::Message as _;
    use quintet_types::{Root, Slot};
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    /// A collector that takes everything.
    fn collector() -> (String, mpsc::Receiver<(String, ExportTraceServiceRequest)>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/v1/traces", listener.local_addr().unwrap());
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (mut stream, mut message, mut buffer) = (stream.unwrap(), Vec::new(), [0; 4096]);
                let (head, length) = loop {
                    let got = stream.read(&mut buffer).unwrap();
                    message.extend_from_slice(&buffer[..got]);
                    let Some(head) = message.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
                    let text = String::from_utf8(message[..head].to_vec()).unwrap().to_lowercase();
                    let length: usize =
                        text.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap();
                    break (head + 4, length);
                };
                while message.len() < head + length {
                    let got = stream.read(&mut buffer).unwrap();
                    message.extend_from_slice(&buffer[..got]);
                }
                let line = String::from_utf8_lossy(&message).lines().next().unwrap_or_default().to_owned();
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").unwrap();
                let request = ExportTraceServiceRequest::decode(&message[head..]).unwrap();
                if sender.send((line, request)).is_err() {
                    return;
                }
            }
        });
        (url, receiver)
    }

    #[test]
    fn what_happens_to_a_job_is_one_trace_in_the_collector() {
        let (url, received) = collector();
        let job = JobId::new(Slot(7), Root::repeat_byte(9));
        let traces = Traces::to(&url, "quintet-test").unwrap();
        let subscriber = tracing_subscriber::registry().with(traces.layer());
        tracing::subscriber::with_default(subscriber, || {
            let whole = traces.jobs().job(&job);
            let mut phase = traces.jobs().phase(&job, Phase::T1);
            let check = crate::job_span!(&job, "check", phase = %Phase::T1);
            check.in_scope(|| {
                let _inner = tracing::trace_span!(target: SPANS, "inner").entered();
                let _other = tracing::info_span!("of something else").entered();
            });
            drop(check);
            phase.end();
            drop((phase, whole));
            drop(crate::job_span!(&JobId { attempt: 1, ..job }, "another job"));
        });
        drop(traces);

        let (line, request) = received.recv_timeout(Duration::from_secs(20)).unwrap();
        assert_eq!(line, "POST /v1/traces HTTP/1.1");
        let resource = &request.resource_spans[0];
        assert!(format!("{:?}", resource.resource).contains("quintet-test"));
        let spans: Vec<Sent> = resource.scope_spans.iter().flat_map(|scope| scope.spans.clone()).collect();
        let find = |name: &str| spans.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("{name}: {spans:?}"));
        let (trace, root) = ids(&job);
        let whole = find("job");
        assert_eq!((&whole.trace_id[..], &whole.span_id[..]), (&trace.to_bytes()[..], &root.to_bytes()[..]));
        assert!(whole.parent_span_id.is_empty());
        for name in ["T1", "check"] {
            assert_eq!((&find(name).trace_id, &find(name).parent_span_id), (&whole.trace_id, &whole.span_id), "{name}");
        }
        assert!(find("check").attributes.iter().any(|attribute| attribute.key == "job"));
        assert_eq!(find("inner").parent_span_id, find("check").span_id);
        assert_ne!(find("another job").trace_id, whole.trace_id);
        assert_eq!(spans.len(), 5, "spans of libraries are left out");
    }
}
