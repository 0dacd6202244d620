//! Standard output, whose reader may have seen enough.

use std::io::{self, ErrorKind, Write as _};

/// Writes text and an end of line to standard output. A reader that has gone, as `head` goes after its lines, is no error.
///
/// # Errors
/// If standard output cannot be written to for another reason.
pub fn print_line(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}
