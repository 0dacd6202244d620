//! The thread that owns the record: decides, writes, flushes, then answers.

use std::{collections::BTreeMap, io, path::Path, sync::mpsc::Receiver};

use quintet_keys::KeyLock;
use quintet_types::{PublicKeyBytes, Root, Slot};
use tokio::sync::oneshot;

use super::{
    entry::{Content, Signed},
    exchange::{Exchange, Imported},
    log::{Log, MAX_FLUSH},
};
use crate::{Conflict, OpenError, SignError, Turn, request::signing_root};

/// Entries that a file may have too many before it is rewritten: 64 kB.
const SLACK: usize = 342;

type Reply<T> = oneshot::Sender<T>;

/// What is asked of the keeper.
pub(super) enum Command {
    Permit { pubkey: PublicKeyBytes, turn: Turn, signed: Signed, reply: Reply<Result<(), SignError>> },
    Lookup { pubkey: PublicKeyBytes, turn: Box<Turn>, reply: Reply<Option<Signed>> },
    Floor(Reply<Slot>),
    Prune(Slot, Reply<Result<usize, SignError>>),
    Export(Reply<Exchange>),
    Import(Exchange, Reply<Result<Imported, SignError>>),
}

/// The record in memory, and its file.
pub(super) struct Keeper {
    log: Log,
    network: Root,
    /// By job first, so that old ones are at the front.
    signed: BTreeMap<(Turn, PublicKeyBytes), Signed>,
    floor: Slot,
    max_entries: usize,
    /// Why the file must not be written any more.
    broken: Option<String>,
    _lock: KeyLock,
}

impl Keeper {
    pub(super) fn open(dir: &Path, network: Root, max_entries: usize, lock: KeyLock) -> Result<Self, OpenError> {
        let (log, contents) = Log::open(dir)?;
        let (mut signed, mut floor) = (BTreeMap::new(), Slot(0));
        for content in contents {
            match content {
                // The first one counts; there is no second one unless someone wrote into the file.
                Content::Signed(pubkey, turn, what) => drop(signed.entry((turn, pubkey)).or_insert(what)),
                Content::Floor(slot) => floor = floor.max(slot),
            }
        }
        signed.retain(|(turn, _), _| turn.slot() >= floor);
        Ok(Self { log, network, signed, floor, max_entries, broken: None, _lock: lock })
    }

    /// Answers until nobody is left to ask.
    pub(super) fn run(mut self, commands: &Receiver<Command>) {
        while let Ok(first) = commands.recv() {
            let mut waiting = Some(first);
            while let Some(command) = waiting.take() {
                match command {
                    Command::Permit { .. } => waiting = self.permit_all(command, commands),
                    Command::Lookup { pubkey, turn, reply } => {
                        let _ = reply.send(self.signed.get(&(*turn, pubkey)).copied());
                    }
                    Command::Floor(reply) => drop(reply.send(self.floor)),
                    Command::Prune(floor, reply) => {
                        let pruned = self.guarded(|keeper| keeper.raise(floor));
                        let _ = reply.send(pruned);
                    }
                    Command::Export(reply) => drop(reply.send(Exchange::new(self.network, self.floor, self.contents()))),
                    Command::Import(exchange, reply) => drop(reply.send(self.import(exchange))),
                }
            }
        }
    }

    /// Decides on this request and on all that wait behind it, with one flush for them. Gives back a command of another kind that came in between.
    fn permit_all(&mut self, first: Command, commands: &Receiver<Command>) -> Option<Command> {
        let (mut fresh, mut granted, mut next) = (Vec::new(), Vec::new(), Some(first));
        let mut other = None;
        while let Some(command) = next.take() {
            let Command::Permit { pubkey, turn, signed, reply } = command else {
                other = Some(command);
                break;
            };
            match self.decide(pubkey, turn, signed) {
                Ok(is_new) => {
                    if is_new {
                        self.signed.insert((turn, pubkey), signed);
                        fresh.push(Content::Signed(pubkey, turn, signed));
                    }
                    granted.push(reply);
                }
                Err(error) => drop(reply.send(Err(error))),
            }
            if fresh.len() < MAX_FLUSH {
                next = commands.try_recv().ok();
            }
        }
        let written = self.guarded(|keeper| keeper.log.append(&fresh));
        for reply in granted {
            let _ = reply.send(written.clone());
        }
        if self.signed.len() > self.max_entries {
            let middle = self.signed.keys().nth(self.signed.len() / 2).map(|(turn, _)| turn.slot());
            let floor = middle.unwrap_or(self.floor);
            tracing::warn!(entries = self.signed.len(), %floor, "the signing record is full: nothing is signed for older slots any more");
            let _ = self.guarded(|keeper| keeper.raise(floor));
        }
        other
    }

    /// Whether this is new, if it may be signed.
    fn decide(&self, pubkey: PublicKeyBytes, turn: Turn, signed: Signed) -> Result<bool, SignError> {
        self.usable()?;
        match self.signed.get(&(turn, pubkey)) {
            Some(recorded) if *recorded == signed => Ok(false),
            Some(recorded) => {
                let (recorded, requested) = (signing_root(recorded), signing_root(&signed));
                Err(SignError::Conflict(Box::new(Conflict { pubkey, turn, recorded, requested })))
            }
            None if turn.slot() < self.floor => Err(SignError::BelowFloor { turn: Box::new(turn), floor: self.floor }),
            None => Ok(true),
        }
    }

    /// Raises the floor, on disk first, and says how many entries went.
    pub(super) fn raise(&mut self, floor: Slot) -> io::Result<usize> {
        if floor <= self.floor {
            return Ok(0);
        }
        self.log.append(&[Content::Floor(floor)])?;
        self.floor = floor;
        let before = self.signed.len();
        self.signed.retain(|(turn, _), _| turn.slot() >= floor);
        if self.log.entries() > 2 * self.signed.len() + SLACK {
            let contents: Vec<_> = self.contents().collect();
            self.log.rewrite(&contents)?;
        }
        Ok(before - self.signed.len())
    }

    fn import(&mut self, exchange: Exchange) -> Result<Imported, SignError> {
        if exchange.network() != self.network {
            let network = exchange.network();
            return Err(SignError::Record(format!("the exchange file is of the network {network}, not {}", self.network)));
        }
        let (mut imported, mut fresh) = (Imported::default(), Vec::new());
        let floor = exchange.floor();
        for (pubkey, turn, signed) in exchange.contents() {
            match self.signed.get(&(turn, pubkey)) {
                Some(recorded) if *recorded == signed => imported.known += 1,
                Some(_) => imported.conflicting += 1,
                // Below our floor nothing is signed, whatever it was.
                None if turn.slot() < self.floor => imported.known += 1,
                None => {
                    imported.added += 1;
                    self.signed.insert((turn, pubkey), signed);
                    fresh.push(Content::Signed(pubkey, turn, signed));
                }
            }
        }
        self.guarded(|keeper| {
            keeper.log.append(&fresh)?;
            keeper.raise(floor).map(drop)
        })?;
        Ok(imported)
    }

    fn contents(&self) -> impl Iterator<Item = Content> {
        let signed = self.signed.iter().map(|(&(turn, pubkey), &signed)| Content::Signed(pubkey, turn, signed));
        std::iter::once(Content::Floor(self.floor)).chain(signed)
    }

    fn usable(&self) -> Result<(), SignError> {
        self.broken.as_ref().map_or(Ok(()), |why| Err(SignError::Record(why.clone())))
    }

    /// Writes; after a failure nothing is written or signed until the record is opened anew, as what reached the disk is not known.
    fn guarded<T>(&mut self, write: impl FnOnce(&mut Self) -> io::Result<T>) -> Result<T, SignError> {
        self.usable()?;
        write(self).map_err(|error| {
            let why = format!("cannot be written ({error}); nothing is signed until the next start");
            tracing::error!("signing record {why}");
            self.broken = Some(why.clone());
            SignError::Record(why)
        })
    }
}
