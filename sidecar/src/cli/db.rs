//! `quintet-sidecar db`.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use quintet_api::{Backup, StoreView, TableView};
use quintet_sidecar::db;
use quintet_store::{BackupSummary, Options, Store, StoreError, inspect, restore, verify_backup};
use serde::Serialize;

/// The store.
#[derive(Debug, Args)]
pub(crate) struct Db {
    /// Folder of the sidecar's data.
    #[arg(long, global = true, value_name = "DIR", default_value = "quintet-sidecar-data", env = "QUINTET_DATA_DIR")]
    data_dir: PathBuf,
    /// Print JSON.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Tables with their entries and bytes.
    Inspect,
    /// Forget jobs of slots before this one, with their submissions. Balances stay.
    Prune {
        /// First slot to keep.
        #[arg(long)]
        before_slot: u64,
    },
    /// Write a consistent copy to a file.
    Backup {
        /// File to write.
        file: PathBuf,
    },
    /// Check that a backup is whole.
    Verify {
        /// File to read.
        file: PathBuf,
    },
    /// Make a data folder from a backup.
    Restore {
        /// File to read.
        file: PathBuf,
    },
}

impl Db {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let path = self.data_dir.join("store");
        match &self.action {
            Action::Inspect => {
                let report = inspect(&path).map_err(hint)?;
                if self.json {
                    let table =
                        |t: &quintet_store::TableReport| TableView { name: t.name.clone(), entries: t.entries, bytes: t.bytes };
                    let tables = report.tables.iter().map(table).collect();
                    return print_json(&StoreView { schema_version: report.version, disk_bytes: report.disk_bytes, tables });
                }
                quintet_node::out!("{report}");
                Ok(())
            }
            Action::Verify { file } => self.summary("whole", file, verify_backup(file)?),
            Action::Restore { file } => self.summary("restored from", file, restore(file, &path).context("restoring")?),
            Action::Backup { file } => self.summary("written to", file, open(&path)?.backup(file)?),
            Action::Prune { before_slot } => {
                let store = open(&path)?;
                let pruned = db::prune_jobs(&store, *before_slot)?;
                store.shutdown()?;
                if self.json {
                    return print_json(&pruned);
                }
                quintet_node::outln!(
                    "{} jobs before slot {before_slot} removed, with {} submissions",
                    pruned.jobs,
                    pruned.submissions
                );
                Ok(())
            }
        }
    }

    fn summary(&self, done: &str, file: &Path, summary: BackupSummary) -> anyhow::Result<()> {
        let file = file.display().to_string();
        if self.json {
            return print_json(&Backup { file, entries: summary.entries, bytes: summary.bytes });
        }
        quintet_node::outln!("{done} {file}: {} entries, {} bytes", summary.entries, summary.bytes);
        Ok(())
    }
}

fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    quintet_node::outln!("{}", serde_json::to_string_pretty(value)?);
    Ok(())
}

fn open(path: &Path) -> anyhow::Result<Store> {
    let options = Options { create: false, ..Options::default() };
    Store::open(path, &db::SCHEMA, &options).map_err(hint)
}

/// What to do about a store that is in use.
fn hint(error: StoreError) -> anyhow::Error {
    let locked = matches!(error, StoreError::Locked { .. });
    let error = anyhow::Error::from(error);
    if !locked {
        return error;
    }
    error.context("stop the sidecar first; a running one is inspected by GET /admin/v1/db and backed up by POST /admin/v1/db/backup on its admin listener")
}
