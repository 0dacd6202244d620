//! Standard output, whose reader may have seen enough.

use std::{
    fmt,
    io::{self, ErrorKind, Write},
};

/// Writes text and an end of line to standard output. A reader that has gone, as `head` goes after its lines, is no error.
///
/// # Errors
/// If standard output cannot be written to for another reason.
pub fn print_line(text: &str) -> io::Result<()> {
    write_out(&mut io::stdout().lock(), format_args!("{text}\n"))
}

fn write_out(out: &mut impl Write, text: fmt::Arguments<'_>) -> io::Result<()> {
    match out.write_fmt(text).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// What [`out!`](crate::out) does.
#[doc(hidden)]
pub fn print_out(text: fmt::Arguments<'_>) {
    if let Err(error) = write_out(&mut io::stdout().lock(), text) {
        eprintln!("error: standard output: {error}");
        std::process::exit(1);
    }
}

/// As `print!`, which panics when its reader has gone: here the text then goes nowhere, and the program goes on. Where standard output fails for
/// another reason (a full disk), the process says so and ends.
#[macro_export]
macro_rules! out {
    ($($text:tt)*) => { $crate::print_out(::std::format_args!($($text)*)) };
}

/// As `println!`; see [`out!`](crate::out).
#[macro_export]
macro_rules! outln {
    () => { $crate::out!("\n") };
    ($($text:tt)*) => { $crate::out!("{}\n", ::std::format_args!($($text)*)) };
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fails(ErrorKind);

    impl Write for Fails {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_has_gone_is_no_error_and_a_full_disk_is() {
        assert!(write_out(&mut Fails(ErrorKind::BrokenPipe), format_args!("text")).is_ok());
        assert!(write_out(&mut Fails(ErrorKind::StorageFull), format_args!("text")).is_err());
    }

    #[test]
    fn text_comes_as_it_is() {
        let mut out = Vec::new();
        write_out(&mut out, format_args!("{}\n", format_args!("{} {:>3}", 1, 2))).unwrap();
        assert_eq!(out, b"1   2\n");
    }
}
