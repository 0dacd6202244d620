//! Commit-Boost's back end against a mock, and the root against a signature that Commit-Boost made.

use std::{collections::BTreeMap, sync::Arc};

use alloy_primitives::{b256, hex};
use quintet_keys::{PublicKey, Signature};
use quintet_signer::{CommitBoostBackend, OpenError, SignError, ValidatorSigner as _, config::CommitBoostConfig};
use quintet_types::{
    PublicKeyBytes, Root, SigningVariant,
    signing_variant::{COMMIT_BOOST_SIGNING_ID, commit_boost_signing_root},
};

use crate::{
    mock::{
        Mood, Server, Shared,
        commit_boost::{Config, Module, router},
        recorded,
    },
    prevote, spec,
};

struct Setup {
    shared: Arc<Shared>,
    server: Server,
    files: tempfile::TempDir,
}

impl Setup {
    async fn new(mood: Mood, signing_id: Root, chain_id: u64) -> Self {
        let shared = Shared::new(mood);
        let modules = BTreeMap::from([("QUINTET".to_owned(), Module { secret: "supersecret".to_owned(), signing_id })]);
        let config = Config { shared: Arc::clone(&shared), modules, chain_id };
        let files = tempfile::tempdir().unwrap();
        std::fs::write(files.path().join("jwt"), "supersecret\n").unwrap();
        Self { shared, server: Server::start(router(Arc::new(config))).await, files }
    }

    async fn good() -> Self {
        Self::new(Mood::Good, COMMIT_BOOST_SIGNING_ID, spec().deposit_chain_id).await
    }

    fn config(&self) -> CommitBoostConfig {
        CommitBoostConfig {
            remote: self.server.remote(),
            jwt_secret_file: self.files.path().join("jwt"),
            module: "QUINTET".to_owned(),
        }
    }

    fn backend(&self) -> CommitBoostBackend {
        CommitBoostBackend::open(&self.config(), Arc::new(spec())).unwrap()
    }

    fn key(&self) -> PublicKeyBytes {
        self.shared.pubkeys()[0]
    }
}

/// From Commit-Boost's own `test_signer_sign_request_good`: Hoodi, nonce 101.
#[test]
fn root_is_the_one_that_commit_boost_signs() {
    let key = hex!("883827193f7627cd04e621e1e8d56498362a52b2a30c9a1c72036eb935c4278dee23d38a24d2f7dda62689886f0c39f4");
    let signature = hex!(
        "b653034a6da0e516cb999d6bbcd5ddd8dde9695322a94aefcd3049e6235e0f4f63b13d81ddcd80d4e1e698c3f88c3b440ae696650ccef2f22329afb4ffecec85a34523e25920ceced54c5bc31168174a3b352977750c222c1c25f72672467e5c"
    );
    let data = b256!("0x0123456789012345678901234567890123456789012345678901234567890123");
    let signing_id = b256!("0x6a33a23ef26a4836979edff86c493a69b26ccf0b4a16491a815a13787657431b");
    let spec = spec();
    assert_eq!(spec.deposit_chain_id, 560_048);
    let root = commit_boost_signing_root(data, signing_id, 101, 560_048, spec.genesis_fork_version);
    let (key, signature) = (PublicKey::from_bytes(&key).unwrap(), Signature::from_bytes(&signature).unwrap());
    assert!(signature.verify(&root.0, &key));
}

#[tokio::test]
async fn votes_are_signed_under_its_domain() {
    let setup = Setup::good().await;
    let (_dir, signer) = recorded(setup.backend());
    signer.check().await.unwrap();
    let keys = signer.public_keys().await.unwrap();
    assert_eq!(keys.iter().map(|key| key.pubkey).collect::<Vec<_>>(), setup.shared.pubkeys());
    let request = prevote(9, 1);
    let signature = signer.sign(&setup.key(), request).await.unwrap();
    let (point, key) = (Signature::try_from(&signature).unwrap(), PublicKey::try_from(&setup.key()).unwrap());
    assert!(point.verify(&request.wrapped_root(SigningVariant::CommitBoost, &spec()).0, &key));
    assert!(matches!(signer.sign(&setup.key(), prevote(9, 2)).await, Err(SignError::Conflict(_))));
    assert!(!format!("{signer:?}").contains("supersecret"));
}

#[tokio::test]
async fn wrong_secret_or_module_is_refused_once_and_explained() {
    let setup = Setup::good().await;
    for wrong in ["secret", "module"] {
        let mut config = setup.config();
        match wrong {
            "secret" => {
                config.jwt_secret_file = setup.files.path().join("other");
                std::fs::write(&config.jwt_secret_file, "guess").unwrap();
            }
            _ => config.module = "ANOTHER".to_owned(),
        }
        let (_dir, signer) = recorded(CommitBoostBackend::open(&config, Arc::new(spec())).unwrap());
        let before = setup.shared.asked();
        let error = signer.sign(&setup.key(), prevote(9, 1)).await.unwrap_err();
        assert!(
            matches!(&error, SignError::Refused { status: 401, message, .. } if message.contains("jwt_secret_file")),
            "{error}"
        );
        // Failed tokens count against us there.
        assert_eq!(setup.shared.asked(), before + 1);
        assert!(matches!(signer.public_keys().await, Err(SignError::Refused { status: 401, .. })));
    }
}

#[tokio::test]
async fn another_signing_id_or_chain_is_named() {
    let chain = spec().deposit_chain_id;
    let setup = Setup::new(Mood::Good, Root::repeat_byte(5), chain).await;
    let (_dir, signer) = recorded(setup.backend());
    let error = signer.sign(&setup.key(), prevote(9, 1)).await.unwrap_err().to_string();
    assert!(error.contains(&COMMIT_BOOST_SIGNING_ID.to_string()), "{error}");
    let setup = Setup::new(Mood::Good, COMMIT_BOOST_SIGNING_ID, chain + 1).await;
    let (_dir, signer) = recorded(setup.backend());
    let error = signer.sign(&setup.key(), prevote(9, 1)).await.unwrap_err().to_string();
    assert!(error.contains("chain"), "{error}");
}

#[tokio::test]
async fn wrong_slow_and_refusing_signers() {
    let setup = Setup::good().await;
    let (_dir, signer) = recorded(setup.backend());
    setup.shared.become_(Mood::Wrong);
    assert!(matches!(signer.sign(&setup.key(), prevote(9, 1)).await, Err(SignError::WrongSignature { .. })));
    setup.shared.become_(Mood::Garbage);
    assert!(matches!(signer.sign(&setup.key(), prevote(9, 1)).await, Err(SignError::Answer { .. })));
    for status in [400, 429, 500] {
        setup.shared.become_(Mood::Refusing(status));
        let before = setup.shared.asked();
        let error = signer.sign(&setup.key(), prevote(9, 1)).await.unwrap_err();
        assert!(matches!(error, SignError::Refused { status: found, .. } if found == status), "{error}");
        assert_eq!(setup.shared.asked(), before + 1);
    }
    setup.shared.become_(Mood::Slow(usize::MAX));
    assert!(signer.sign(&setup.key(), prevote(9, 1)).await.unwrap_err().is_temporary());
    setup.shared.become_(Mood::Good);
    signer.sign(&setup.key(), prevote(9, 1)).await.unwrap();
    let unknown = PublicKeyBytes::repeat_byte(1);
    assert!(matches!(signer.sign(&unknown, prevote(9, 1)).await, Err(SignError::UnknownKey(_))));
}

#[tokio::test]
async fn what_cannot_be_used_is_named_at_the_start() {
    let setup = Setup::good().await;
    let mut config = setup.config();
    let without_chain = quintet_types::Spec { deposit_chain_id: 0, ..spec() };
    let error = CommitBoostBackend::open(&config, Arc::new(without_chain)).unwrap_err();
    assert!(matches!(error, OpenError::Config { key: "DEPOSIT_CHAIN_ID", .. }), "{error}");
    std::fs::write(&config.jwt_secret_file, "\n").unwrap();
    assert!(matches!(CommitBoostBackend::open(&config, Arc::new(spec())), Err(OpenError::Malformed { .. })));
    config.jwt_secret_file = "/nonexistent/jwt".into();
    let error = CommitBoostBackend::open(&config, Arc::new(spec())).unwrap_err().to_string();
    assert!(error.contains("/nonexistent/jwt"), "{error}");
}
