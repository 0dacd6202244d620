//! Signers as they would answer, well or badly.

pub(crate) mod commit_boost;
pub(crate) mod web3signer;

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::Router;
use quintet_keys::SecretKey;
use quintet_signer::{
    Backend, RecordedSigner, SigningRecord,
    config::{RemoteConfig, SignerUrl, TlsConfig},
};
use quintet_types::{PublicKeyBytes, SignatureBytes};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};

/// How a mock behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    /// As it should.
    Good,
    /// Too slow for the first requests, as many as this.
    Slow(usize),
    /// Says no, with this status.
    Refusing(u16),
    /// Unavailable for the first requests, as many as this.
    Starting(usize),
    /// Signs another root.
    Wrong,
    /// Answers with what is no signature.
    Garbage,
    /// Answers without an end.
    Endless,
}

/// What mocks have in common.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) keys: Vec<SecretKey>,
    pub(crate) mood: Mutex<Mood>,
    pub(crate) asked: AtomicUsize,
}

impl Shared {
    pub(crate) fn new(mood: Mood) -> Arc<Self> {
        let keys = vec![SecretKey::generate().unwrap(), SecretKey::generate().unwrap()];
        Arc::new(Self { keys, mood: Mutex::new(mood), asked: AtomicUsize::new(0) })
    }

    pub(crate) fn pubkeys(&self) -> Vec<PublicKeyBytes> {
        let mut keys: Vec<_> = self.keys.iter().map(|key| key.public_key().into()).collect();
        keys.sort();
        keys
    }

    pub(crate) fn become_(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// Counts a request for a signature; a status instead of an answer, if the mood says so.
    pub(crate) async fn receive(&self) -> Result<Mood, u16> {
        let (number, mood) = (self.asked.fetch_add(1, Ordering::SeqCst), *self.mood.lock().unwrap());
        match mood {
            Mood::Slow(first) if number < first => tokio::time::sleep(Duration::from_secs(5)).await,
            Mood::Starting(first) if number < first => return Err(503),
            Mood::Refusing(status) => return Err(status),
            _ => {}
        }
        Ok(mood)
    }

    pub(crate) fn sign(&self, key: &PublicKeyBytes, mut root: [u8; 32], mood: Mood) -> Option<SignatureBytes> {
        if mood == Mood::Wrong {
            root[0] ^= 1;
        }
        let key = self.keys.iter().find(|secret| PublicKeyBytes::from(secret.public_key()) == *key)?;
        Some(key.sign(&root).into())
    }
}

/// A server on a port of its own.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    task: JoinHandle<()>,
    stop: oneshot::Sender<()>,
}

impl Server {
    pub(crate) async fn start(router: Router) -> Self {
        Self::start_at("127.0.0.1:0".parse().unwrap(), router).await
    }

    pub(crate) async fn start_at(address: SocketAddr, router: Router) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let serve = axum::serve(listener, router).with_graceful_shutdown(async { drop(stopped.await) });
        Self { address, task: tokio::spawn(async { serve.await.unwrap() }), stop }
    }

    pub(crate) fn remote(&self) -> RemoteConfig {
        remote(&format!("http://{}", self.address))
    }

    /// Closes all connections, those that wait for more too.
    pub(crate) async fn stop(self) {
        self.stop.send(()).unwrap();
        self.task.await.unwrap();
    }
}

pub(crate) fn remote(url: &str) -> RemoteConfig {
    RemoteConfig {
        url: SignerUrl::parse(url).unwrap(),
        timeout_ms: 400,
        retries: 1,
        only: Vec::new(),
        tls: TlsConfig::default(),
    }
}

/// A signer with a record in a folder of its own.
pub(crate) fn recorded(backend: impl Backend + 'static) -> (tempfile::TempDir, RecordedSigner) {
    let (dir, spec) = (tempfile::tempdir().unwrap(), super::spec());
    let record = SigningRecord::open(&dir.path().join("record"), spec.genesis_validators_root).unwrap();
    (dir, RecordedSigner::new(Arc::new(backend), record, Arc::new(spec)))
}
