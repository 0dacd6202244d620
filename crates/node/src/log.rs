//! Logs: `tracing` to standard error, for people or for machines; levels by `QUINTET_LOG`. With the feature `otel` also traces to a collector.

use std::io::IsTerminal as _;

use serde::{Deserialize, Serialize};
use tracing_subscriber::{EnvFilter, Layer as _, fmt::MakeWriter, layer::SubscriberExt as _, util::SubscriberInitExt as _};

/// Form of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Human,
    /// For machines, a line an event.
    Json,
}

/// Log and traces of a process. What is under way to a collector is sent when this is dropped, so it has to live as long as the program works.
#[derive(Debug, Default)]
#[must_use = "traces end when this is dropped"]
pub struct Logging {
    /// Held, not read: it sends what is left when it is dropped.
    #[cfg(feature = "otel")]
    _traces: Option<crate::otel::Traces>,
}

/// Levels where none are asked for. Gossipsub warns of each message that is said again, and votes are until they are heard.
const USUAL: &str = "info,libp2p_gossipsub=error";

/// Starts logging, as `service` where that is of interest. `QUINTET_LOG` holds levels, e.g. `info,quintet_sidecar=debug`; one that cannot be read counts as `info`, and says so.
///
/// Does nothing if this process logs already.
pub fn init_log(service: &'static str, format: LogFormat) -> Logging {
    init_log_to(service, format, std::io::stderr)
}

/// As [`init_log`], for a program that shares standard error with something else, for instance progress bars.
#[cfg_attr(not(feature = "otel"), allow(unused_variables, reason = "collectors are told the service, nobody else"))]
pub fn init_log_to<W>(service: &'static str, format: LogFormat, writer: W) -> Logging
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let wanted = std::env::var("QUINTET_LOG").ok().filter(|text| !text.is_empty());
    let filter = wanted.as_deref().map_or_else(|| Ok(EnvFilter::new(USUAL)), EnvFilter::try_new);
    let filter = filter.unwrap_or_else(|error| {
        eprintln!("QUINTET_LOG: {error}; logging at level info");
        EnvFilter::new(USUAL)
    });
    let lines = tracing_subscriber::fmt::layer().with_ansi(std::io::stderr().is_terminal()).with_writer(writer);
    let lines = match format {
        LogFormat::Human => lines.boxed(),
        LogFormat::Json => lines.json().boxed(),
    };
    let log = tracing_subscriber::registry().with(lines.with_filter(filter));
    #[cfg(feature = "otel")]
    let (traces, log) = {
        let traces = crate::otel::Traces::from_environment(service);
        let traces = traces.unwrap_or_else(|error| {
            eprintln!("traces are not sent: {error}");
            None
        });
        let layer = traces.as_ref().map(|traces| traces.layer());
        (traces, log.with(layer))
    };
    // Fails only where there is a log already.
    let _ = log.try_init();
    Logging {
        #[cfg(feature = "otel")]
        _traces: traces,
    }
}
