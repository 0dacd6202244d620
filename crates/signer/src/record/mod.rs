//! The signing record: what each key signed for which turn, on disk before a signature leaves.
//!
//! One folder for all keys of a sidecar, one thread that owns it. Requests that come while a flush is under way share the next one, so a hundred
//! validators that vote at once cost one flush. The record is kept by the slot of the job: below a floor, which rises with finality, entries are dropped and
//! nothing is signed any more (the low watermark of EIP-3076).

mod entry;
mod exchange;
mod identity;
mod keeper;
mod log;

use std::{
    fmt,
    fs::DirBuilder,
    os::unix::fs::DirBuilderExt,
    path::Path,
    sync::{Arc, mpsc},
    thread::JoinHandle,
};

use quintet_keys::KeyLock;
use quintet_types::{PublicKeyBytes, Root, Slot};
use tokio::sync::oneshot;

use crate::{OpenError, SignError, SigningRequest, Subject, Turn};
use keeper::{Command, Keeper};

pub use entry::Signed;
pub use exchange::{Exchange, Imported};

/// Entries that are kept at most, about 200 MB: when there are more, because nothing was finalized for long, the older half goes and the floor rises.
pub const MAX_ENTRIES: usize = 1_000_000;

/// A request that is on record, or needs none. Made by [`SigningRecord::permit`] only: a back end cannot be asked for anything else.
#[derive(Debug, Clone, Copy)]
pub struct Permit {
    pubkey: PublicKeyBytes,
    request: SigningRequest,
}

impl Permit {
    /// The key that signs.
    #[must_use]
    pub const fn pubkey(&self) -> &PublicKeyBytes {
        &self.pubkey
    }

    /// What it signs.
    #[must_use]
    pub const fn request(&self) -> &SigningRequest {
        &self.request
    }
}

/// A handle to the record. The folder is free for others once all handles are gone.
#[derive(Clone)]
pub struct SigningRecord(Arc<Inner>);

struct Inner {
    commands: Option<mpsc::Sender<Command>>,
    thread: Option<JoinHandle<()>>,
}

impl fmt::Debug for SigningRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningRecord")
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // The thread ends when nobody can ask it any more, and lets go of the lock then.
        self.commands = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl SigningRecord {
    /// Opens the record in `dir`, making it if there is none. `network` is the genesis validators root.
    ///
    /// # Errors
    /// If another process has it, or it is of another network, damaged or copied.
    pub fn open(dir: &Path, network: Root) -> Result<Self, OpenError> {
        Self::open_with(dir, network, MAX_ENTRIES)
    }

    /// [`Self::open`] with another limit than [`MAX_ENTRIES`].
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_with(dir: &Path, network: Root, max_entries: usize) -> Result<Self, OpenError> {
        let lock = lock(dir)?;
        match (identity::examine(dir, network)?, log::Log::has_entries(dir)) {
            (identity::Found::Ours, Some(_)) => {}
            (identity::Found::Ours, None) => {
                return Err(OpenError::Malformed { path: dir.to_owned(), why: "record.log is gone".to_owned() });
            }
            (identity::Found::Copied, _) | (identity::Found::Nothing, Some(true)) => {
                return Err(OpenError::Copied { path: dir.to_owned() });
            }
            // Also where a crash came between the log and the identity.
            (identity::Found::Nothing, found) => {
                if found.is_none() {
                    log::Log::create(dir).map_err(OpenError::io(dir))?;
                }
                identity::settle(dir, network)?;
            }
        }
        let keeper = Keeper::open(dir, network, max_entries, lock)?;
        let (commands, receiver) = mpsc::channel();
        let thread = std::thread::Builder::new().name("signing-record".to_owned()).spawn(move || keeper.run(&receiver));
        let thread = Some(thread.map_err(OpenError::io(dir))?);
        Ok(Self(Arc::new(Inner { commands: Some(commands), thread })))
    }

    /// Genesis validators root of the network that the record in `dir` is of, if there is one.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn network_of(dir: &Path) -> Result<Option<Root>, OpenError> {
        identity::network(dir)
    }

    /// Takes over a record that was copied or restored. `floor` is the first slot for which something may be signed: later than everything that can
    /// have been signed without this copy.
    ///
    /// # Errors
    /// As [`Self::open`]; [`OpenError::Malformed`] if there is no record.
    pub fn adopt(dir: &Path, network: Root, floor: Slot) -> Result<(), OpenError> {
        let lock = lock(dir)?;
        identity::examine(dir, network)?;
        if log::Log::has_entries(dir).is_none() {
            return Err(OpenError::Malformed { path: dir.to_owned(), why: "there is no record.log".to_owned() });
        }
        // The floor first: a crash in between leaves a copy, which is refused.
        let mut keeper = Keeper::open(dir, network, MAX_ENTRIES, lock)?;
        keeper.raise(floor).map_err(OpenError::io(dir))?;
        identity::settle(dir, network)
    }

    /// Puts a request on record, unless it is there already.
    ///
    /// # Errors
    /// [`SignError::Conflict`], [`SignError::BelowFloor`], [`SignError::Record`].
    pub async fn permit(&self, pubkey: PublicKeyBytes, request: SigningRequest) -> Result<Permit, SignError> {
        if let Subject::Turn(turn) = request.subject {
            let signed = Signed { object_root: request.object_root, domain: request.domain };
            self.ask(|reply| Command::Permit { pubkey, turn, signed, reply }).await??;
        }
        Ok(Permit { pubkey, request })
    }

    /// What a key signed for a turn. A message seen under our key that is not on record was signed by a twin, if its slot is not below the floor.
    ///
    /// # Errors
    /// [`SignError::Record`].
    pub async fn lookup(&self, pubkey: PublicKeyBytes, turn: Turn) -> Result<Option<Signed>, SignError> {
        self.ask(|reply| Command::Lookup { pubkey, turn: Box::new(turn), reply }).await
    }

    /// First slot for which something is signed.
    ///
    /// # Errors
    /// [`SignError::Record`].
    pub async fn floor(&self) -> Result<Slot, SignError> {
        self.ask(Command::Floor).await
    }

    /// Drops what was signed for slots before `floor`, for which nothing is signed any more: the first slot that is not finalized.
    ///
    /// # Errors
    /// [`SignError::Record`].
    pub async fn prune(&self, floor: Slot) -> Result<usize, SignError> {
        self.ask(|reply| Command::Prune(floor, reply)).await?
    }

    /// Everything that is on record.
    ///
    /// # Errors
    /// [`SignError::Record`].
    pub async fn export(&self) -> Result<Exchange, SignError> {
        self.ask(Command::Export).await
    }

    /// Takes over what [`Self::export`] gave elsewhere, its floor too. What is here stays as it is.
    ///
    /// # Errors
    /// [`SignError::Record`], also if it is of another network.
    pub async fn import(&self, exchange: Exchange) -> Result<Imported, SignError> {
        self.ask(|reply| Command::Import(exchange, reply)).await?
    }

    async fn ask<T>(&self, command: impl FnOnce(oneshot::Sender<T>) -> Command) -> Result<T, SignError> {
        let gone = || SignError::Record("its thread has ended".to_owned());
        let (reply, answer) = oneshot::channel();
        let commands = self.0.commands.as_ref().ok_or_else(gone)?;
        commands.send(command(reply)).map_err(|_| gone())?;
        answer.await.map_err(|_| gone())
    }
}

fn lock(dir: &Path) -> Result<KeyLock, OpenError> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(OpenError::io(dir))?;
    KeyLock::acquire(&dir.join("lock")).map_err(OpenError::keystore(dir))
}
