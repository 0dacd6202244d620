//! Web3Signer's back end against a mock.

use std::sync::Arc;

use quintet_keys::{PublicKey, Signature};
use quintet_signer::{
    Backend as _, SignError, SigningRequest, Subject, ValidatorSigner as _, Web3SignerBackend,
    config::{Web3SignerApi, Web3SignerConfig},
};
use quintet_types::{PublicKeyBytes, SignatureBytes, SigningVariant};

use crate::{
    mock::{
        Mood, Server, Shared, recorded, remote,
        web3signer::{Api, router},
    },
    prevote, spec,
};

struct Setup {
    shared: Arc<Shared>,
    server: Server,
}

impl Setup {
    async fn new(mood: Mood, api: Api) -> Self {
        let shared = Shared::new(mood);
        let server = Server::start(router(&shared, api)).await;
        Self { shared, server }
    }

    fn backend(&self, api: Web3SignerApi) -> Web3SignerBackend {
        let config = Web3SignerConfig { remote: self.server.remote(), api };
        Web3SignerBackend::open(&config, Arc::new(spec())).unwrap()
    }

    fn key(&self) -> PublicKeyBytes {
        self.shared.pubkeys()[0]
    }
}

fn verifies(signature: &SignatureBytes, key: &PublicKeyBytes, request: &SigningRequest, variant: SigningVariant) -> bool {
    let (signature, key) = (Signature::try_from(signature).unwrap(), PublicKey::try_from(key).unwrap());
    signature.verify(&request.wrapped_root(variant, &spec()).0, &key)
}

#[tokio::test]
async fn its_commit_boost_interface_signs_votes() {
    let setup = Setup::new(Mood::Good, Api::CommitBoost).await;
    let (_dir, signer) = recorded(setup.backend(Web3SignerApi::CommitBoost));
    signer.check().await.unwrap();
    let keys = signer.public_keys().await.unwrap();
    assert_eq!(keys.iter().map(|key| key.pubkey).collect::<Vec<_>>(), setup.shared.pubkeys());
    assert!(keys.iter().all(|key| key.variant == SigningVariant::Web3signer));
    let request = prevote(9, 1);
    let signature = signer.sign(&setup.key(), request).await.unwrap();
    assert!(verifies(&signature, &setup.key(), &request, SigningVariant::Web3signer));
    assert!(!verifies(&signature, &setup.key(), &request, SigningVariant::Direct));
    assert_eq!(signer.sign(&setup.key(), request).await.unwrap(), signature);
    assert!(matches!(signer.sign(&setup.key(), prevote(9, 2)).await, Err(SignError::Conflict(_))));
}

#[tokio::test]
async fn plain_web3signer_signs_nothing_of_ours_and_the_error_says_why() {
    let setup = Setup::new(Mood::Good, Api::Plain).await;
    let (_dir, signer) = recorded(setup.backend(Web3SignerApi::CommitBoost));
    let error = signer.sign(&setup.key(), prevote(9, 1)).await.unwrap_err().to_string();
    assert!(error.contains("--commit-boost-api-enabled"), "{error}");
    let (_dir, signer) = recorded(setup.backend(Web3SignerApi::Eth2));
    let error = signer.sign(&setup.key(), prevote(9, 1)).await.unwrap_err().to_string();
    assert!(error.contains("QUINTET"), "{error}");
}

#[tokio::test]
async fn signer_that_knows_our_type_signs_directly() {
    let setup = Setup::new(Mood::Good, Api::Quintet).await;
    let (_dir, signer) = recorded(setup.backend(Web3SignerApi::Eth2));
    let request = prevote(9, 1);
    let signature = signer.sign(&setup.key(), request).await.unwrap();
    assert!(verifies(&signature, &setup.key(), &request, SigningVariant::Direct));
    let unknown = PublicKeyBytes::repeat_byte(1);
    assert!(matches!(signer.sign(&unknown, request).await, Err(SignError::UnknownKey(key)) if key == unknown));
}

#[tokio::test]
async fn wrong_signatures_are_never_used() {
    let setup = Setup::new(Mood::Wrong, Api::CommitBoost).await;
    let (_dir, signer) = recorded(setup.backend(Web3SignerApi::CommitBoost));
    let error = signer.sign(&setup.key(), prevote(9, 1)).await.unwrap_err();
    assert!(matches!(error, SignError::WrongSignature { .. }), "{error}");
    setup.shared.become_(Mood::Garbage);
    assert!(matches!(signer.sign(&setup.key(), prevote(9, 1)).await, Err(SignError::Answer { .. })));
    setup.shared.become_(Mood::Endless);
    assert!(matches!(signer.sign(&setup.key(), prevote(9, 1)).await, Err(SignError::Answer { .. })));
    // Once it has come to its senses, the same request is signed.
    setup.shared.become_(Mood::Good);
    signer.sign(&setup.key(), prevote(9, 1)).await.unwrap();
}

#[tokio::test]
async fn slow_and_starting_signers_are_asked_again_refusing_ones_are_not() {
    for mood in [Mood::Slow(1), Mood::Starting(1)] {
        let setup = Setup::new(mood, Api::CommitBoost).await;
        let (_dir, signer) = recorded(setup.backend(Web3SignerApi::CommitBoost));
        signer.sign(&setup.key(), prevote(9, 1)).await.unwrap();
        assert_eq!(setup.shared.asked(), 2, "{mood:?}");
    }
    let setup = Setup::new(Mood::Slow(9), Api::CommitBoost).await;
    let (_dir, signer) = recorded(setup.backend(Web3SignerApi::CommitBoost));
    let error = signer.sign(&setup.key(), prevote(9, 1)).await.unwrap_err();
    assert!(error.is_temporary() && error.to_string().contains("no answer in time"), "{error}");
    for status in [400, 412, 500] {
        let setup = Setup::new(Mood::Refusing(status), Api::CommitBoost).await;
        let (_dir, signer) = recorded(setup.backend(Web3SignerApi::CommitBoost));
        let error = signer.sign(&setup.key(), prevote(9, 1)).await.unwrap_err();
        assert!(matches!(error, SignError::Refused { status: found, .. } if found == status), "{error}");
        assert_eq!(setup.shared.asked(), 1);
    }
}

#[tokio::test]
async fn restart_of_the_signer_is_bridged() {
    let setup = Setup::new(Mood::Good, Api::CommitBoost).await;
    let (_dir, signer) = recorded(setup.backend(Web3SignerApi::CommitBoost));
    let first = signer.sign(&setup.key(), prevote(9, 1)).await.unwrap();
    let (address, key, shared) = (setup.server.address, setup.key(), Arc::clone(&setup.shared));
    setup.server.stop().await;
    assert!(signer.sign(&key, prevote(9, 1)).await.unwrap_err().is_temporary());
    let _server = Server::start_at(address, router(&shared, Api::CommitBoost)).await;
    assert_eq!(signer.sign(&key, prevote(9, 1)).await.unwrap(), first);
}

#[tokio::test]
async fn only_some_keys_are_used_if_named() {
    let setup = Setup::new(Mood::Good, Api::CommitBoost).await;
    let mut config = Web3SignerConfig { remote: setup.server.remote(), api: Web3SignerApi::CommitBoost };
    config.remote.only = vec![setup.key()];
    let backend = Web3SignerBackend::open(&config, Arc::new(spec())).unwrap();
    assert_eq!(backend.keys().await.unwrap(), [setup.key()]);
}

#[tokio::test]
async fn what_it_cannot_do_is_said_plainly() {
    let setup = Setup::new(Mood::Good, Api::CommitBoost).await;
    let (_dir, signer) = recorded(setup.backend(Web3SignerApi::CommitBoost));
    let proof = signer.prove_possession(&setup.key(), [0; 32]).await.unwrap_err();
    assert!(matches!(proof, SignError::Unsupported { .. }), "{proof}");
    let mut settlement = prevote(9, 1);
    settlement.subject = Subject::Settlement { number: 1 };
    let error = signer.sign(&setup.key(), settlement).await.unwrap_err();
    assert!(matches!(error, SignError::Unsupported { .. }), "{error}");
}

#[tokio::test]
async fn certificates_that_do_not_fit_are_named() {
    let mut config = Web3SignerConfig { remote: remote("https://localhost:1"), api: Web3SignerApi::CommitBoost };
    config.remote.tls.certificate = Some("/nonexistent/cert.pem".into());
    let error = Web3SignerBackend::open(&config, Arc::new(spec())).unwrap_err().to_string();
    assert!(error.contains("certificate and key"), "{error}");
    config.remote.tls.key = Some("/nonexistent/key.pem".into());
    let error = Web3SignerBackend::open(&config, Arc::new(spec())).unwrap_err().to_string();
    assert!(error.contains("/nonexistent/cert.pem"), "{error}");
}
