//! `quintet-prover verify`: a proof of a block, against the block and our own keys.

use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use quintet_plonk::{Encode as _, FullProof, ProofFile, verify_full};

use crate::{block_file::Block, params};

/// Check a proof of a block. Exit status 0 only if it is valid.
#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// Beacon block that the proof is said to be of, JSON or SSZ.
    #[arg(long, value_name = "FILE")]
    block: PathBuf,
    /// Full proof, as `prove --out` writes it.
    #[arg(long, value_name = "FILE")]
    proof: PathBuf,
    /// Folder of the generators.
    #[arg(long, value_name = "DIR", env = "QUINTET_PARAMS_DIR")]
    params_dir: Option<PathBuf>,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

impl Verify {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let block = Block::read(&self.block)?;
        let file = read_proof(&self.proof)?;
        check_statement(&block, &file)?;
        let circuits = params::circuits(self.params_dir, self.json)?;
        let sized = circuits.at(file.k)?;
        let started = Instant::now();
        verify_full(&sized.keys, &sized.program, &file.statement, &file.proof).context("the proof is not valid")?;
        let seconds = started.elapsed().as_secs_f64();
        let (number, root, instances) = (block.output.block_number, block.info.block_root, file.proof.partials.len());
        if self.json {
            let report = serde_json::json!({
                "valid": true, "block_number": number, "block_root": root, "instances": instances, "k": file.k, "seconds": seconds,
            });
            quintet_node::outln!("{report}");
        } else {
            quintet_node::outln!("valid: block {number} ({root}), {instances} instances at k = {}, {seconds:.2} s", file.k);
        }
        Ok(())
    }
}

fn read_proof(path: &Path) -> anyhow::Result<ProofFile> {
    let shown = path.display();
    let limit = FullProof::MAX_BYTES as u64 + 4096;
    let mut bytes = Vec::new();
    let file = File::open(path).with_context(|| format!("opening {shown}"))?;
    file.take(limit + 1).read_to_end(&mut bytes).with_context(|| format!("reading {shown}"))?;
    if bytes.len() as u64 > limit {
        bail!("{shown} is larger than {limit} bytes: no full proof is");
    }
    ProofFile::decode(&bytes).with_context(|| format!("{shown} is no full proof"))
}

/// The statement is about this block: its job, its input, and the outputs that the guest commits for it.
fn check_statement(block: &Block, file: &ProofFile) -> anyhow::Result<()> {
    let statement = &file.statement;
    ensure!((11..=20).contains(&file.k), "the proof is of size k = {}, 11 to 20 exist", file.k);
    ensure!(statement.job_root == block.job().root().0, "the proof is of another block, sub-block or attempt");
    ensure!(statement.input_root == block.input_root().0, "the proof is of another input");
    ensure!(statement.outputs == block.output.to_words(), "the proof's outputs are not those of this block");
    Ok(())
}
