//! `quintet-sidecar validator record`: what validators' keys have signed, to be taken along when they move.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use quintet_signer::{Exchange, SigningRecord};
use quintet_types::Slot;

/// The record of what validators' keys have signed. Keys that move take it along: without it they may sign a second vote for a place.
#[derive(Debug, Args)]
pub(super) struct Record {
    /// Data folder of the sidecar, which must not be running.
    #[arg(long, global = true, value_name = "DIR", default_value = "quintet-sidecar-data", env = "QUINTET_DATA_DIR")]
    data_dir: PathBuf,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Write the record to a JSON file.
    Export {
        /// File to write; it must not exist.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Merge a record that was exported elsewhere into the one here. Where both say something the one here stays, and the higher floor counts.
    Import {
        /// The exported file.
        file: PathBuf,
    },
    /// Go on with a record that was copied or restored from a backup, which is refused otherwise.
    Adopt {
        /// First slot for which something is signed: later than everything that can have been signed without this copy.
        #[arg(long, value_name = "SLOT")]
        floor: u64,
    },
}

impl Record {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let dir = self.data_dir.join(quintet_sidecar::joint::RECORD_DIR);
        let here = || {
            let found = SigningRecord::network_of(&dir)?;
            found.with_context(|| format!("{} is no signing record", dir.display()))
        };
        match self.action {
            Action::Export { out } => {
                let exchange = SigningRecord::open(&dir, here()?)?.export().await?;
                exchange.write(&out)?;
                let (signed, floor, file) = (exchange.len(), exchange.floor(), out.display());
                eprintln!("{signed} signatures and the floor, slot {floor}, are in {file}. Do not run the keys here any more.");
            }
            Action::Import { file } => {
                let exchange = Exchange::read(&file)?;
                let record = SigningRecord::open(&dir, exchange.network())?;
                let done = record.import(exchange).await?;
                eprintln!("{} added, {} known before; the floor is slot {}", done.added, done.known, record.floor().await?);
                if done.conflicting > 0 {
                    bail!(
                        "{} turns have another object than the one on record here: a key contradicted itself",
                        done.conflicting
                    );
                }
            }
            Action::Adopt { floor } => {
                SigningRecord::adopt(&dir, here()?, Slot(floor))?;
                eprintln!("{} is used from here on, and nothing is signed for slots before {floor}", dir.display());
            }
        }
        Ok(())
    }
}
