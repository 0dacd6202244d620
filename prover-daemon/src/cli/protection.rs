//! `quintet-prover protection`: the record of what a key has signed, to be taken along when the key moves.

use std::path::PathBuf;

use anyhow::{bail, ensure};
use clap::{Args, Subcommand};
use quintet_keys::PublicKey;

use super::run::{default_data_dir, protection_dir};
use crate::protection::{Protection as Record, exists};

/// The record of what a key has signed. A key that moves takes it along.
#[derive(Debug, Args)]
pub(crate) struct Protection {
    /// Data folder of the daemon, which must not be running.
    #[arg(long, global = true, value_name = "DIR", default_value_os_t = default_data_dir(), env = "QUINTET_DATA_DIR")]
    data_dir: PathBuf,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Write the record to a JSON file.
    Export {
        /// The key.
        pubkey: PublicKey,
        /// File to write; it must not exist.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Take over a record that was exported elsewhere.
    Import {
        /// The key.
        pubkey: PublicKey,
        /// The exported file.
        file: PathBuf,
    },
}

impl Protection {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let base = protection_dir(&self.data_dir);
        match self.action {
            Action::Export { pubkey, out } => {
                ensure!(exists(&base, &pubkey.into()), "{} has no record of {pubkey}", base.display());
                let count = Record::open(&base, pubkey.into())?.export(&out)?;
                eprintln!("{count} signed submissions in {}. Do not run the key here any more.", out.display());
            }
            Action::Import { pubkey, file } => {
                let done = Record::open(&base, pubkey.into())?.import(&file)?;
                eprintln!("{} added, {} known before", done.added, done.known);
                if done.conflicting > 0 {
                    bail!(
                        "{} submissions have another body than the one on record here: this key equivocated",
                        done.conflicting
                    );
                }
            }
        }
        Ok(())
    }
}
