//! The signer that the sidecar holds: any back end behind the signing record, and no way around it.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use quintet_keys::{PublicKey, Signature};
use quintet_types::{PublicKeyBytes, SignatureBytes, SigningVariant, Spec};

use crate::{Permit, SignError, SigningRecord, SigningRequest, Subject, ValidatorKey};

/// Signs as validators.
#[async_trait]
pub trait ValidatorSigner: fmt::Debug + Send + Sync {
    /// The keys that can sign, in rising order. Remote signers are asked, so that keys come and go without a restart.
    ///
    /// # Errors
    /// If the signer cannot be reached.
    async fn public_keys(&self) -> Result<Vec<ValidatorKey>, SignError>;

    /// Signs. A turn is on disk before this returns; the same request again gives the same signature, another object for the turn never gets one.
    ///
    /// # Errors
    /// [`SignError`]; nothing that was signed has left then.
    async fn sign(&self, key: &PublicKeyBytes, request: SigningRequest) -> Result<SignatureBytes, SignError>;

    /// The proof of possession that enrolment shows: a signature of key and `binding` under the tag of such proofs.
    ///
    /// # Errors
    /// [`SignError::Unsupported`] by remote signers: they sign no such proofs.
    async fn prove_possession(&self, key: &PublicKeyBytes, binding: [u8; 32]) -> Result<SignatureBytes, SignError>;
}

/// Where keys lie. What it is asked to sign has passed the record, or needs no record.
#[async_trait]
pub trait Backend: fmt::Debug + Send + Sync {
    /// Name for logs and errors, without secrets.
    fn name(&self) -> String;

    /// What its signatures are over.
    fn variant(&self) -> SigningVariant;

    /// The keys it has.
    ///
    /// # Errors
    /// If it cannot be reached.
    async fn keys(&self) -> Result<Vec<PublicKeyBytes>, SignError>;

    /// Signs what the permit is for.
    ///
    /// # Errors
    /// [`SignError`].
    async fn sign(&self, permit: &Permit) -> Result<SignatureBytes, SignError>;

    /// Whether it is up. Keys that are here always are.
    ///
    /// # Errors
    /// If it cannot be reached.
    async fn check(&self) -> Result<(), SignError> {
        Ok(())
    }

    /// See [`ValidatorSigner::prove_possession`].
    ///
    /// # Errors
    /// [`SignError::Unsupported`] unless the secret is here.
    async fn prove_possession(&self, _key: &PublicKeyBytes, _binding: [u8; 32]) -> Result<SignatureBytes, SignError> {
        Err(SignError::Unsupported {
            signer: self.name(),
            what: "a proof of possession".to_owned(),
            why: "remote signers sign 32-byte roots under the tag of messages, proofs of possession have a tag of their own",
        })
    }
}

/// A back end behind a record.
#[derive(Debug)]
pub struct RecordedSigner {
    backend: Arc<dyn Backend>,
    record: SigningRecord,
    spec: Arc<Spec>,
}

impl RecordedSigner {
    /// Puts a record before a back end.
    #[must_use]
    pub fn new(backend: Arc<dyn Backend>, record: SigningRecord, spec: Arc<Spec>) -> Self {
        Self { backend, record, spec }
    }

    /// The record, for pruning and to look up whether a message seen under our key is ours.
    #[must_use]
    pub const fn record(&self) -> &SigningRecord {
        &self.record
    }

    /// The name of the back end.
    #[must_use]
    pub fn name(&self) -> String {
        self.backend.name()
    }

    /// Whether the back end is up.
    ///
    /// # Errors
    /// If it cannot be reached.
    pub async fn check(&self) -> Result<(), SignError> {
        self.backend.check().await
    }

    /// What its signatures are over.
    #[must_use]
    pub fn variant(&self) -> SigningVariant {
        self.backend.variant()
    }
}

#[async_trait]
impl ValidatorSigner for RecordedSigner {
    async fn public_keys(&self) -> Result<Vec<ValidatorKey>, SignError> {
        let variant = self.backend.variant();
        let mut keys: Vec<_> = self.backend.keys().await?.into_iter().map(|pubkey| ValidatorKey { pubkey, variant }).collect();
        keys.sort();
        keys.dedup();
        Ok(keys)
    }

    async fn sign(&self, key: &PublicKeyBytes, request: SigningRequest) -> Result<SignatureBytes, SignError> {
        let variant = self.backend.variant();
        if matches!(request.subject, Subject::Settlement { .. }) && variant != SigningVariant::Direct {
            return Err(SignError::Unsupported {
                signer: self.backend.name(),
                what: request.subject.to_string(),
                why: "the settlement contract knows the direct variant only",
            });
        }
        if !request.is_consistent(&self.spec) {
            return Err(SignError::WrongDomain { subject: request.subject.to_string(), domain: request.domain });
        }
        let permit = self.record.permit(*key, request).await?;
        let signature = self.backend.sign(&permit).await?;
        // Also of our own keys: a bit that flips in a signature must not cost a vote, and a millisecond is little beside a flush.
        let root = request.wrapped_root(variant, &self.spec);
        let point = PublicKey::try_from(key).ok().zip(Signature::try_from(&signature).ok());
        if !point.is_some_and(|(key, signature)| signature.verify(&root.0, &key)) {
            return Err(SignError::WrongSignature { signer: self.backend.name(), pubkey: *key, hint: hint(variant) });
        }
        Ok(signature)
    }

    async fn prove_possession(&self, key: &PublicKeyBytes, binding: [u8; 32]) -> Result<SignatureBytes, SignError> {
        self.backend.prove_possession(key, binding).await
    }
}

/// What the operator should look at when a signature does not verify.
const fn hint(variant: SigningVariant) -> &'static str {
    match variant {
        SigningVariant::Direct => "the signer signed another root",
        SigningVariant::CommitBoost => {
            "compare the module's signing_id and the chain in Commit-Boost's configuration with ours"
        }
        SigningVariant::Web3signer => "compare Web3Signer's --network with ours",
    }
}
