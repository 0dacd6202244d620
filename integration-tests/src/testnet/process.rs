//! A client as a process: started with a log file, frozen, stopped.

use std::{
    fs::OpenOptions,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use anyhow::{Context as _, bail};
use tokio::process::{Child, Command};

/// How long a process may take to end after SIGTERM. Lodestar often ignores the first.
const GRACE: Duration = Duration::from_secs(15);
/// Lines of a log's end in error messages.
const TAIL_LINES: usize = 20;

/// What to start.
#[derive(Clone, Debug)]
pub struct Program {
    /// Name in messages.
    pub name: String,
    /// The executable.
    pub path: PathBuf,
    /// Arguments.
    pub arguments: Vec<String>,
    /// Environment beyond the inherited one.
    pub environment: Vec<(String, String)>,
    /// Whether it has to keep to slots, and goes before others where the system allows that.
    pub in_time: bool,
    /// Standard output and error are appended here.
    pub log: PathBuf,
}

/// A running program. Killed when dropped.
#[derive(Debug)]
pub struct Process {
    program: Program,
    child: Child,
}

impl Process {
    /// Starts a program.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn start(program: Program) -> anyhow::Result<Self> {
        let log = OpenOptions::new().create(true).append(true).open(&program.log);
        let log = log.with_context(|| format!("opening {}", program.log.display()))?;
        // Clients miss their slots on a machine that is busy proving. Where this may not be asked for, nice warns and goes on.
        let mut command = Command::new("nice");
        let child = command
            .args(["-n", if program.in_time { "-10" } else { "0" }])
            .arg(&program.path)
            .args(&program.arguments)
            .envs(program.environment.iter().map(|(key, value)| (key, value)))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            // Ctrl-C in a terminal reaches the launcher only, which stops the others in order.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("starting {}", program.path.display()))?;
        Ok(Self { program, child })
    }

    /// Whether it runs.
    ///
    /// # Errors
    /// With the end of its log if it has ended.
    pub fn check(&mut self) -> anyhow::Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => bail!("{} ended by itself: {status}\n{}", self.program.name, self.tail()),
        }
    }

    /// Everything that it wrote so far.
    #[must_use]
    pub fn output(&self) -> String {
        std::fs::read(&self.program.log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    /// The end of its log.
    #[must_use]
    pub fn tail(&self) -> String {
        let output = self.output();
        let lines: Vec<&str> = output.lines().collect();
        lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
    }

    /// Stops it in mid-work without ending it.
    ///
    /// # Errors
    /// If the signal cannot be sent.
    pub async fn freeze(&self) -> anyhow::Result<()> {
        self.signal("STOP").await
    }

    /// Undoes [`Self::freeze`].
    ///
    /// # Errors
    /// If the signal cannot be sent.
    pub async fn thaw(&self) -> anyhow::Result<()> {
        self.signal("CONT").await
    }

    /// Ends it: SIGTERM, and SIGKILL if that does not help.
    ///
    /// # Errors
    /// If it cannot be ended.
    pub async fn stop(&mut self) -> anyhow::Result<()> {
        if self.child.id().is_none() {
            return Ok(());
        }
        self.signal("TERM").await?;
        if tokio::time::timeout(GRACE, self.child.wait()).await.is_err() {
            self.child.kill().await?;
        }
        Ok(())
    }

    /// Ends it at once.
    ///
    /// # Errors
    /// If it cannot be ended.
    pub async fn kill(&mut self) -> anyhow::Result<ExitStatus> {
        self.child.start_kill()?;
        Ok(self.child.wait().await?)
    }

    /// Starts it again as it was started, after [`Self::stop`] or [`Self::kill`].
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn start_again(&mut self) -> anyhow::Result<()> {
        *self = Self::start(self.program.clone())?;
        Ok(())
    }

    async fn signal(&self, signal: &str) -> anyhow::Result<()> {
        let id = self.child.id().with_context(|| format!("{} has ended", self.program.name))?;
        let status = Command::new("kill").args([&format!("-{signal}"), &id.to_string()]).status().await?;
        if !status.success() {
            bail!("kill -{signal} {}: {status}", self.program.name);
        }
        Ok(())
    }
}

/// A local port that is free now.
///
/// # Errors
/// If there is none.
pub fn free_port() -> anyhow::Result<u16> {
    Ok(std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// A folder's file as an argument.
pub(super) fn shown(path: &Path) -> String {
    path.display().to_string()
}
