//! `quintet-sidecar db`.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use quintet_sidecar::db;
use quintet_store::{Options, Store, inspect, restore};

/// The store.
#[derive(Debug, Args)]
pub(crate) struct Db {
    /// Folder of the sidecar's data.
    #[arg(long, global = true, value_name = "DIR", default_value = "quintet-sidecar-data", env = "QUINTET_DATA_DIR")]
    data_dir: PathBuf,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Tables with their entries and bytes.
    Inspect,
    /// Forget jobs of slots before this one, with their submissions.
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
    /// Make a data folder from a backup.
    Restore {
        /// File to read.
        file: PathBuf,
    },
}

impl Db {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let path = self.data_dir.join("store");
        match self.action {
            Action::Inspect => println!("{}", inspect(&path)?),
            Action::Restore { file } => println!("{:?}", restore(&file, &path).context("restoring")?),
            Action::Backup { file } => println!("{:?}", open(&path)?.backup(&file)?),
            Action::Prune { before_slot } => {
                let store = open(&path)?;
                let removed = store.prune(&db::JOBS, ..(before_slot, [0; 32], 0, 0))?;
                println!("{removed} jobs before slot {before_slot} removed");
                store.shutdown()?;
            }
        }
        Ok(())
    }
}

fn open(path: &std::path::Path) -> anyhow::Result<Store> {
    let options = Options { create: false, ..Options::default() };
    Ok(Store::open(path, &db::SCHEMA, &options)?)
}
