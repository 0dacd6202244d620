//! Settlements over HTTP: signatures are taken or refused by name, sidecars give each other theirs, and accounts get their proofs.

use std::{sync::Arc, time::Duration};

use alloy_primitives::keccak256;
use async_trait::async_trait;
use quintet_api::{ClientError, GatewayClient, SettlementSignature, SettlementSignatures, SettlementState, SettlementSummary};
use quintet_keys::SecretKey;
use quintet_sidecar::{
    metrics::Metrics,
    staking::{Peer, SettlementSigners, Settler, StakingRegistry, ValidatorKeys},
};
use quintet_signer::{SignError, SigningRequest, ValidatorKey, ValidatorSigner};
use quintet_types::{
    Account, ProverIndex, PublicKeyBytes, Root, SignatureBytes, SigningVariant, TreeHash as _, ValidatorIndex,
};

use super::fixture::{Gateway, config};
use crate::{
    contracts::{WEIGHT, known, registry, validator, with_posted},
    settling::{earn, entries, finalize},
    world::{GENESIS_MS, World, secrets, spec},
};

struct Settled {
    gateway: Gateway,
    client: GatewayClient,
    source: Arc<StakingRegistry>,
    _world: tempfile::TempDir,
}

/// A gateway with two settlements that nobody has signed.
async fn settled() -> Settled {
    let source = registry(known(secrets(), GENESIS_MS / 1000 + 1_000_000));
    let mut world = World::staked(spec(), Arc::clone(&source) as _);
    earn(&mut world, &entries()[..4]);
    finalize(&mut world, 50);
    let (core, folder) = world.into_parts();
    let gateway = Gateway::around(config(), core).await;
    let client = GatewayClient::new(&gateway.url(""), Duration::from_secs(10)).unwrap();
    Settled { gateway, client, source, _world: folder }
}

fn signatures(of: &SettlementSummary, signers: &[(u64, &SecretKey)]) -> SettlementSignatures {
    let sign = |(index, secret): &(u64, &SecretKey)| SettlementSignature {
        validator: ValidatorIndex(*index),
        signature: secret.sign(&of.signing_root.0).to_bytes().into(),
    };
    SettlementSignatures { statement_root: of.statement_root, signatures: signers.iter().map(sign).collect() }
}

fn refused<T: std::fmt::Debug>(result: Result<T, ClientError>) -> (u16, String) {
    match result.unwrap_err() {
        ClientError::Refused { code, message, .. } => (code, message),
        error => panic!("{error}"),
    }
}

#[tokio::test]
async fn signatures_are_taken_once_and_all_others_are_refused_by_name() {
    let Settled { gateway, client, _world, .. } = settled().await;
    let list = client.settlements(10).await.unwrap();
    assert_eq!(list.iter().map(|s| (s.number, s.num_leaves)).collect::<Vec<_>>(), [(2, 3), (1, 2)]);
    let first = &list[1];
    let [one, two, three, stranger] = [1, 2, 3, 9].map(validator);
    let sign = |number, body: SettlementSignatures| {
        let client = client.clone();
        async move { client.sign_settlement(number, &body).await }
    };

    let (code, message) = refused(sign(7, signatures(first, &[(1, &one)])).await);
    assert_eq!((code, message.as_str()), (404, "there is no settlement 7 here yet"));
    let other = SettlementSignatures { statement_root: Root::repeat_byte(5), ..signatures(first, &[(1, &one)]) };
    let (code, message) = refused(sign(1, other).await);
    assert!(code == 409 && message.ends_with("the ledgers differ"), "{code} {message}");
    let (code, message) = refused(sign(1, signatures(first, &[(9, &stranger)])).await);
    assert_eq!((code, message.as_str()), (403, "validator 9 is not enrolled"));
    let (code, message) = refused(sign(1, signatures(first, &[(1, &two)])).await);
    assert_eq!((code, message.as_str()), (400, "the signature of validator 1 is false"));
    let nothing = SettlementSignatures { signatures: Vec::new(), ..signatures(first, &[]) };
    assert_eq!(refused(sign(1, nothing).await).0, 400);

    // Good ones are taken beside bad ones.
    let taken = sign(1, signatures(first, &[(1, &one), (9, &stranger), (2, &one), (3, &three)])).await.unwrap();
    assert_eq!(taken.accepted, [ValidatorIndex(1), ValidatorIndex(3)]);
    let reasons: Vec<_> = taken.refused.iter().map(|refused| (refused.validator.0, refused.reason.as_str())).collect();
    assert_eq!(reasons, [(9, "not_enrolled"), (2, "signature")]);
    let (code, message) = refused(sign(1, signatures(first, &[(1, &one)])).await);
    assert_eq!((code, message.as_str()), (409, "validator 1 has signed already"));

    let detail = client.settlement(1, 1, 1).await.unwrap();
    assert_eq!(detail.signers.iter().map(|signer| signer.validator.0).collect::<Vec<_>>(), [1, 3]);
    assert_eq!((detail.settlement.signed_gwei.0, detail.settlement.total_gwei.0), (2 * WEIGHT as i128, 4 * WEIGHT as i128));
    assert_eq!(detail.leaves.len(), 1, "a part of the leaves");
    assert_eq!(detail.leaves[0].account, Account::Prover(ProverIndex(1)));

    // What is no request at all.
    let url = gateway.url("/v1/ledger/settlements/1/signatures");
    let huge = reqwest::Client::new().post(&url).body(vec![b' '; 1 << 20]).send().await.unwrap();
    assert_eq!(huge.status(), 413);
    let garbage = reqwest::Client::new().post(&url).body("{}").send().await.unwrap();
    assert_eq!(garbage.status(), 400);
    assert_eq!(gateway.get("/v1/ledger/settlements?limit=x").await.status(), 400);
    assert_eq!(gateway.get("/v1/ledger/settlements/none").await.status(), 400);
}

#[tokio::test]
async fn sidecars_give_each_other_their_signatures() {
    let (a, b) = (settled().await, settled().await);
    let settler = |of: &Settled, keys: &[u8], peer: &Settled| {
        let keys = ValidatorKeys::new(keys.iter().copied().map(validator));
        let peer = Peer::new(peer.client.clone());
        Settler::new(of.gateway.app.shared.clone(), keys, vec![peer], None, Metrics::default())
    };
    let (mut of_a, mut of_b) = (settler(&a, &[1, 2], &b), settler(&b, &[3, 9], &a));
    of_a.step().await.unwrap();
    of_b.step().await.unwrap();
    for settled in [&a, &b] {
        for summary in settled.client.settlements(10).await.unwrap() {
            assert_eq!(summary.signed_gwei.0, 3 * WEIGHT as i128, "settlement {}", summary.number);
        }
    }
    // A second look has nothing to do, and a restarted one is told that all is there.
    of_a.step().await.unwrap();
    settler(&a, &[1, 2], &b).step().await.unwrap();

    // A peer that is away, or that has another ledger, holds up nobody.
    let gone = Peer::new(GatewayClient::new("http://127.0.0.1:1", Duration::from_secs(1)).unwrap());
    let keys = ValidatorKeys::new([validator(4)]);
    let mut alone = Settler::new(a.gateway.app.shared.clone(), keys, vec![gone], None, Metrics::default());
    alone.step().await.unwrap();
    assert_eq!(a.client.settlement(1, 0, 0).await.unwrap().signers.len(), 4);
}

/// A signer with the key of one validator.
#[derive(Debug)]
struct OneKey(SigningVariant);

#[async_trait]
impl ValidatorSigner for OneKey {
    async fn public_keys(&self) -> Result<Vec<ValidatorKey>, SignError> {
        Ok(vec![ValidatorKey { pubkey: validator(2).public_key().into(), variant: self.0 }])
    }

    async fn sign(&self, _: &PublicKeyBytes, request: SigningRequest) -> Result<SignatureBytes, SignError> {
        Ok(validator(2).sign(&request.wrapped_root(self.0, &spec()).0).to_bytes().into())
    }

    async fn prove_possession(&self, _: &PublicKeyBytes, _: [u8; 32]) -> Result<SignatureBytes, SignError> {
        unreachable!("nobody enrols here")
    }
}

#[tokio::test]
async fn the_validators_signer_signs_settlements_where_its_key_signs_directly() {
    let settled = settled().await;
    let signers = |settled: &Settled| {
        let core = settled.gateway.app.shared.read();
        core.settlements.signatures(1).keys().map(|index| index.0).collect::<Vec<_>>()
    };
    for (variant, expected) in [(SigningVariant::CommitBoost, vec![1]), (SigningVariant::Direct, vec![1, 2])] {
        let keys = SettlementSigners::new(ValidatorKeys::new([validator(1)]), Some(Arc::new(OneKey(variant))));
        let mut settler = Settler::new(settled.gateway.app.shared.clone(), keys, Vec::new(), None, Metrics::default());
        settler.step().await.unwrap();
        assert_eq!(signers(&settled), expected, "{variant}");
    }
    let core = settled.gateway.app.shared.read();
    let root = core.check_statement(1, core.settlements.get(1).unwrap().statement.tree_hash_root()).unwrap();
    let signed = core.settlements.signatures(1)[&ValidatorIndex(2)];
    assert!(signed.signature.verify(&root.0, &validator(2).public_key()));
}

#[tokio::test]
async fn accounts_get_a_leaf_and_a_proof_once_the_settlement_is_posted() {
    let Settled { gateway, client, source, _world } = settled().await;
    let key = secrets()[1].public_key().into();
    let (code, message) = refused(client.claim(&key, None).await);
    assert_eq!((code, message.as_str()), (404, "no settlement is posted yet"));

    for number in [1, 2] {
        let statement = gateway.app.shared.read().settlements.get(number).unwrap().statement;
        source.update(Arc::new(with_posted(&source.known(), &statement)));
    }
    assert!(client.settlements(10).await.unwrap().iter().all(|summary| summary.state == SettlementState::Posted));
    let claim = client.claim(&key, None).await.unwrap();
    assert_eq!((claim.settlement, claim.leaf.rewards.0, claim.leaf.penalties.0), (2, 0, 40));
    let leaf = quintet_staking::Leaf { kind: quintet_staking::AccountKind::Prover, index: 1, rewards: 0, penalties: 40 };
    let root = claim.leaf.proof.iter().fold(leaf.hash(), |below, sibling| {
        let mut pair = [below, *sibling];
        pair.sort_unstable();
        keccak256(pair.concat())
    });
    assert_eq!(root, claim.leaves_root);
    assert_eq!(client.claim(&key, Some(1)).await.unwrap().settlement, 1, "if the pool does not cover the newest");

    let without = secrets()[5].public_key().into();
    let (code, message) = refused(client.claim(&without, None).await);
    assert_eq!((code, message.as_str()), (404, "settlement 2 has nothing for this account"));
    let stranger = validator(1).public_key().into();
    assert!(refused(client.claim(&stranger, None).await).1.ends_with("is not a registered prover"));
    assert_eq!(gateway.get("/v1/validators/3/claim").await.status(), 200);
    assert_eq!(gateway.get("/v1/validators/4/claim").await.status(), 404);
}
