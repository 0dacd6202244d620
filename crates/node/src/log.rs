//! Logs: `tracing` to standard error, for people or for machines; levels by `QUINTET_LOG`.

use std::io::IsTerminal as _;

use serde::{Deserialize, Serialize};
use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

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

/// Starts logging. `QUINTET_LOG` holds levels, e.g. `info,quintet_sidecar=debug`; one that cannot be read counts as `info`, and says so.
///
/// Does nothing if this process logs already.
pub fn init_log(format: LogFormat) {
    init_log_to(format, std::io::stderr);
}

/// As [`init_log`], for a program that shares standard error with something else, for instance progress bars.
pub fn init_log_to<W>(format: LogFormat, writer: W)
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let wanted = std::env::var("QUINTET_LOG").ok().filter(|text| !text.is_empty());
    let filter = wanted.as_deref().map_or_else(|| Ok(EnvFilter::new("info")), EnvFilter::try_new);
    let filter = filter.unwrap_or_else(|error| {
        eprintln!("QUINTET_LOG: {error}; logging at level info");
        EnvFilter::new("info")
    });
    let builder =
        tracing_subscriber::fmt().with_env_filter(filter).with_ansi(std::io::stderr().is_terminal()).with_writer(writer);
    // Fails only where there is a log already.
    let _ = match format {
        LogFormat::Human => builder.try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
}
