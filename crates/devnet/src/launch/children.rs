//! The processes: found, started with a log file each, watched, stopped.

use std::{
    fs::File,
    io::{Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context as _, bail};
use tokio::process::{Child, Command};

/// How long a process may take to end on its own.
const GRACE: Duration = Duration::from_secs(5);
/// Bytes of a log's end that are shown after a failure.
const TAIL: u64 = 3000;

/// The programs, which lie beside this one.
#[derive(Debug)]
pub struct Programs {
    /// `quintet-sidecar`.
    pub sidecar: PathBuf,
    /// `quintet-prover`.
    pub prover: PathBuf,
}

impl Programs {
    /// Finds them.
    ///
    /// # Errors
    /// Names the one that is missing, and how to build it.
    pub fn find() -> anyhow::Result<Self> {
        let own = std::env::current_exe().context("where this program lies")?;
        let dir = own.parent().context("where this program lies")?;
        // Tests lie one folder deeper.
        let dir = if dir.ends_with("deps") { dir.parent().unwrap_or(dir) } else { dir };
        let find = |name: &str| {
            let path = dir.join(name);
            if path.is_file() {
                return Ok(path);
            }
            let release = if dir.ends_with("release") { "--release " } else { "" };
            bail!("{} is not there; build it with: cargo build {release}-p quintet-sidecar -p quintet-prover", path.display())
        };
        Ok(Self { sidecar: find("quintet-sidecar")?, prover: find("quintet-prover")? })
    }
}

#[derive(Debug)]
struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

/// All processes, in the order in which they were started.
#[derive(Debug, Default)]
pub struct Children(Vec<Process>);

impl Children {
    /// Starts a program, with standard output and error at the end of a file.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn spawn(
        &mut self,
        name: &str,
        program: &Path,
        arguments: impl Iterator<Item = String>,
        log: PathBuf,
    ) -> anyhow::Result<()> {
        let file = File::options().create(true).append(true).open(&log).with_context(|| format!("making {}", log.display()))?;
        let child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            // Ctrl-C in a terminal reaches this program only, which then stops the others in order.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("starting {}", program.display()))?;
        self.0.push(Process { name: name.to_owned(), child, log });
        Ok(())
    }

    /// Whether nothing was started.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Id of the process of this name, if it runs.
    #[must_use]
    pub fn id(&self, name: &str) -> Option<u32> {
        self.0.iter().find(|process| process.name == name)?.child.id()
    }

    /// SIGKILL to the processes of this name: no time to do anything.
    ///
    /// # Errors
    /// If one cannot be killed.
    pub async fn kill(&mut self, name: &str) -> anyhow::Result<()> {
        for process in self.0.iter_mut().filter(|process| process.name == name) {
            process.child.kill().await?;
        }
        self.0.retain(|process| process.name != name);
        Ok(())
    }

    /// Whether all of them run.
    ///
    /// # Errors
    /// Names one that has ended.
    pub fn check(&mut self) -> anyhow::Result<()> {
        for process in &mut self.0 {
            if let Some(status) = process.child.try_wait()? {
                bail!("{} ended by itself: {status}", process.name);
            }
        }
        Ok(())
    }

    /// SIGTERM to all, the last started first; SIGKILL to those that do not end.
    pub async fn stop(&mut self) {
        for process in self.0.iter().rev() {
            // No id: it has ended.
            if let Some(id) = process.child.id() {
                let sent = Command::new("kill").args(["-TERM", &id.to_string()]).stderr(Stdio::null()).status().await;
                if let Err(error) = sent {
                    eprintln!("kill: {error}");
                }
            }
        }
        let until = tokio::time::Instant::now() + GRACE;
        for process in self.0.iter_mut().rev() {
            if tokio::time::timeout_at(until, process.child.wait()).await.is_err()
                && let Err(error) = process.child.kill().await
            {
                eprintln!("{} cannot be killed: {error}", process.name);
            }
        }
    }

    /// The ends of all logs, on standard error.
    pub fn print_tails(&self) {
        for process in &self.0 {
            let tail = tail(&process.log).unwrap_or_else(|error| format!("{}: {error}", process.log.display()));
            eprintln!("---- {} ----\n{tail}", process.name);
        }
    }
}

/// Whole lines at the end of a file.
fn tail(path: &Path) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Ok(match text.split_once('\n') {
        Some((_, rest)) if length > TAIL => rest.to_owned(),
        _ => text,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_of_a_long_log_begins_with_a_whole_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        std::fs::write(&path, "first\nsecond\n").unwrap();
        assert_eq!(tail(&path).unwrap(), "first\nsecond\n");
        let lines: String = (0..1000).map(|line| format!("line {line}\n")).collect();
        std::fs::write(&path, lines).unwrap();
        let end = tail(&path).unwrap();
        assert!(end.starts_with("line ") && end.ends_with("line 999\n") && end.len() as u64 <= TAIL, "{end}");
    }

    #[tokio::test]
    async fn a_process_that_ends_is_noticed_and_all_are_stopped() {
        let dir = tempfile::tempdir().unwrap();
        let mut children = Children::default();
        let arguments = |text: &str| ["-c".to_owned(), text.to_owned()].into_iter();
        let shell = Path::new("/bin/sh");
        children.spawn("sleeper", shell, arguments("exec sleep 600"), dir.path().join("a")).unwrap();
        children.check().unwrap();
        children.spawn("quick", shell, arguments("echo done"), dir.path().join("b")).unwrap();
        let error = loop {
            match children.check() {
                Ok(()) => tokio::time::sleep(Duration::from_millis(10)).await,
                Err(error) => break error,
            }
        };
        assert!(error.to_string().starts_with("quick ended by itself"), "{error}");
        assert_eq!(std::fs::read_to_string(dir.path().join("b")).unwrap(), "done\n");
        children.stop().await;
        assert!(children.check().unwrap_err().to_string().contains("sleeper"));
    }
}
