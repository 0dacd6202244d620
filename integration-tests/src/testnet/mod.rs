//! Chains of real clients from npm, in a folder of their own: installed, started, supplied with transactions, disturbed.

mod clients;
mod packages;
mod process;
mod rpc;
mod transactions;

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use alloy_primitives::hex;
use anyhow::{Context as _, bail};
use serde_json::json;
use tokio::task::JoinHandle;

pub use clients::Chain;
pub use packages::{Package, unavailable};
pub use process::{Process, Program, free_port};
pub use rpc::{beacon, head_slot};
pub use transactions::Traffic;

use clients::{Ports, consensus, driver_data, execution, jwt_file, local};

/// How long a client may take until it answers. Lodestar on a busy machine takes a minute.
const START: Duration = Duration::from_secs(240);
/// How often a client that does not answer yet is asked.
const ASK_EVERY: Duration = Duration::from_millis(300);

/// What to start.
#[derive(Clone, Copy, Debug)]
pub struct TestnetOptions {
    /// Which clients.
    pub chain: Chain,
    /// Length of a slot, in whole seconds.
    pub slot: Duration,
    /// Transfers in a block. 0: nobody but the test sends anything.
    pub transfers: u64,
}

/// A running chain. Everything ends when it is dropped.
#[derive(Debug)]
pub struct Testnet {
    options: TestnetOptions,
    dir: PathBuf,
    ports: Ports,
    execution: Process,
    consensus: Process,
    sender: Option<JoinHandle<anyhow::Result<()>>>,
}

impl Drop for Testnet {
    fn drop(&mut self) {
        self.stop_sending();
    }
}

impl Testnet {
    /// Installs the clients if need be, starts them in `dir`, and waits for a block with transactions.
    ///
    /// # Errors
    /// If they cannot be installed, or do not get that far. The end of the failing client's log is part of the message.
    pub async fn start(dir: &Path, options: TestnetOptions) -> anyhow::Result<Self> {
        for package in options.chain.packages() {
            package.install()?;
        }
        std::fs::create_dir_all(dir.join("execution"))?;
        let mut secret = [0; 32];
        std::io::Read::read_exact(&mut std::fs::File::open("/dev/urandom")?, &mut secret)?;
        std::fs::write(jwt_file(dir), hex::encode_prefixed(secret))?;

        let ports = Ports::free()?;
        let mut execution = Process::start(execution(options.chain, dir, &ports))?;
        let genesis = wait_for_execution(&mut execution, &local(ports.rpc)).await?;
        let consensus = Process::start(consensus(options.chain, dir, &ports, options.slot, &genesis))?;
        let mut testnet = Self { options, dir: dir.to_owned(), ports, execution, consensus, sender: None };
        testnet.wait_for_head(1).await?;
        if options.transfers > 0 {
            let traffic = Traffic { transfers: options.transfers, slot: options.slot };
            testnet.sender = Some(tokio::spawn(transactions::send(testnet.rpc_url(), traffic)));
            testnet.wait_for_transactions().await?;
        }
        Ok(testnet)
    }

    /// Base URL of the Beacon API.
    #[must_use]
    pub fn beacon_url(&self) -> String {
        local(self.ports.beacon)
    }

    /// Base URL of the execution client's JSON-RPC.
    #[must_use]
    pub fn rpc_url(&self) -> String {
        local(self.ports.rpc)
    }

    /// The consensus client's process.
    #[must_use]
    pub const fn consensus(&self) -> &Process {
        &self.consensus
    }

    /// Whether all clients run.
    ///
    /// # Errors
    /// Names one that has ended.
    pub fn check(&mut self) -> anyhow::Result<()> {
        self.execution.check()?;
        self.consensus.check()
    }

    fn stop_sending(&mut self) {
        if let Some(sender) = self.sender.take() {
            sender.abort();
        }
    }

    /// Waits until the head is at `slot` or later; returns its slot.
    ///
    /// # Errors
    /// If a client ends, or it takes too long.
    pub async fn wait_for_head(&mut self, slot: u64) -> anyhow::Result<u64> {
        let until = Instant::now() + START + self.options.slot * u32::try_from(slot).unwrap_or(u32::MAX);
        loop {
            match head_slot(&self.beacon_url()).await {
                Ok(head) if head >= slot => return Ok(head),
                answer if Instant::now() > until => bail!("no head at slot {slot}: {answer:?}\n{}", self.consensus.tail()),
                _ => tokio::time::sleep(ASK_EVERY).await,
            }
            self.check()?;
        }
    }

    async fn wait_for_transactions(&mut self) -> anyhow::Result<()> {
        let (http, until) = (rpc::http()?, Instant::now() + START);
        while Instant::now() < until {
            let number = rpc::call(&http, &self.rpc_url(), "eth_getBlockTransactionCountByNumber", json!(["latest"])).await;
            if number.is_ok_and(|number| rpc::quantity(&number).is_ok_and(|number| number >= self.options.transfers)) {
                return Ok(());
            }
            self.check()?;
            tokio::time::sleep(ASK_EVERY).await;
        }
        bail!("no block with {} transactions\n{}", self.options.transfers, self.execution.tail())
    }

    /// The consensus client hangs; connections stay open.
    ///
    /// # Errors
    /// If it has ended.
    pub async fn freeze(&self) -> anyhow::Result<()> {
        self.consensus.freeze().await
    }

    /// It goes on.
    ///
    /// # Errors
    /// If it has ended.
    pub async fn thaw(&self) -> anyhow::Result<()> {
        self.consensus.thaw().await
    }

    /// Stops the consensus client.
    ///
    /// # Errors
    /// If it cannot be stopped.
    pub async fn stop_consensus(&mut self) -> anyhow::Result<()> {
        self.consensus.stop().await
    }

    /// Starts it again with what it kept on disk, and waits for a new block.
    ///
    /// # Errors
    /// If it does not come back.
    pub async fn restart_consensus(&mut self) -> anyhow::Result<u64> {
        self.consensus.start_again()?;
        let back = self.wait_for_head(1).await?;
        self.wait_for_head(back + 1).await
    }

    /// Makes the block driver lie about its next block; `kind` as in `testnet/driver/src/forge.mjs`. Returns slot and root of the block in question.
    ///
    /// # Errors
    /// If it does not do so.
    pub async fn forge(&mut self, kind: &str) -> anyhow::Result<(u64, String)> {
        let (file, part) = (driver_data(&self.dir).join("forge"), driver_data(&self.dir).join("forge.part"));
        std::fs::write(&part, kind)?;
        std::fs::rename(part, file)?;
        let (said, until) = (format!("forged {kind} at slot "), Instant::now() + START);
        while Instant::now() < until {
            self.check()?;
            if let Some((_, rest)) = self.consensus.output().rsplit_once(&said)
                && let Some((line, _)) = rest.split_once('\n')
            {
                let (slot, root) = line.split_once(", root ").context("slot and root")?;
                return Ok((slot.parse()?, root.to_owned()));
            }
            tokio::time::sleep(ASK_EVERY).await;
        }
        bail!("the driver told no lie\n{}", self.consensus.tail())
    }

    /// Stops everything, consensus first.
    ///
    /// # Errors
    /// If something cannot be stopped.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        self.stop_sending();
        self.consensus.stop().await?;
        self.execution.stop().await
    }
}

/// Waits until the execution client answers; returns the hash of its genesis block.
async fn wait_for_execution(process: &mut Process, url: &str) -> anyhow::Result<String> {
    let (http, until) = (rpc::http()?, Instant::now() + START);
    loop {
        match rpc::call(&http, url, "eth_getBlockByNumber", json!(["0x0", false])).await {
            Ok(block) => return Ok(block["hash"].as_str().context("the genesis block has a hash")?.to_owned()),
            Err(error) if Instant::now() > until => return Err(error.context("the execution client does not answer")),
            Err(_) => tokio::time::sleep(ASK_EVERY).await,
        }
        process.check()?;
    }
}
