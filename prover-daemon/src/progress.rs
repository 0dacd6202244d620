//! Progress bars on a terminal, and a log that does not write across them.

use std::{
    io::{self, IsTerminal as _, Write},
    sync::LazyLock,
    time::Duration,
};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use tracing_subscriber::fmt::MakeWriter;

/// All bars of this process share the terminal.
static BARS: LazyLock<MultiProgress> = LazyLock::new(|| MultiProgress::with_draw_target(ProgressDrawTarget::stderr()));

/// Whether there is nobody to show bars to.
pub(crate) fn nobody_watches() -> bool {
    !io::stderr().is_terminal()
}

/// A bar of `length` steps on stderr; hidden with `quiet` or when stderr is no terminal.
pub(crate) fn bar(name: impl Into<String>, length: u64, quiet: bool) -> ProgressBar {
    if quiet || nobody_watches() {
        return ProgressBar::hidden();
    }
    let bar = BARS.add(ProgressBar::new(length));
    let style = ProgressStyle::with_template("{prefix:<28} {bar:30} {pos}/{len} {elapsed}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_prefix(name.into());
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// Standard error for the log: bars step aside while a line is written.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LogWriter;

impl Write for LogWriter {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        BARS.suspend(|| io::stderr().write_all(line))?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

impl<'a> MakeWriter<'a> for LogWriter {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        *self
    }
}
