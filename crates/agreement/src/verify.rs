//! Signatures: what has passed here is [`Verified`], and an agreement takes nothing else.

use std::collections::BTreeMap;
use std::ops::Deref;

use quintet_keys::{PublicKey, Signature, SignatureSet, verify_batch};
use quintet_types::{
    BundleCertificate, CertifiedBundle, PhaseBundle, SignedProposal, SignedVote, SigningVariant, Spec, ValidatorEquivocation,
    VoteKind,
};

use crate::{AgreementError, Committee};

/// A message whose signatures hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified<T>(T);

impl<T> Verified<T> {
    /// For messages that were verified before, such as those read back from one's own disk, and for simulations without
    /// cryptography.
    pub const fn trusted(message: T) -> Self {
        Self(message)
    }

    /// The message.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> Deref for Verified<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// A claim with its parts parsed.
type Claim<'a> = (&'a PublicKey, [u8; 32], Signature);

fn vote_claim<'a>(vote: &SignedVote, committee: &'a Committee, spec: &Spec) -> Result<Claim<'a>, AgreementError> {
    let member = committee.voter(vote.validator)?;
    let signature = Signature::try_from(&vote.signature).map_err(|_| AgreementError::Signature(vote.validator))?;
    Ok((&member.key, vote.ballot.signing_root(vote.kind, member.variant, spec).0, signature))
}

/// Checks votes in one batch: one answer for each, in order.
pub fn verify_votes(
    votes: Vec<SignedVote>,
    committee: &Committee,
    spec: &Spec,
) -> Vec<Result<Verified<SignedVote>, AgreementError>> {
    let claims: Vec<_> = votes.iter().map(|vote| vote_claim(vote, committee, spec)).collect();
    let sets: Vec<_> =
        claims.iter().flatten().map(|(key, signing_root, signature)| SignatureSet { key, signing_root, signature }).collect();
    let verdict = verify_batch(&sets);
    let mut place = 0;
    votes
        .into_iter()
        .zip(&claims)
        .map(|(vote, claim)| {
            claim.as_ref().map_err(Clone::clone)?;
            place += 1;
            if verdict.is_valid(place - 1) { Ok(Verified(vote)) } else { Err(AgreementError::Signature(vote.validator)) }
        })
        .collect()
}

/// Checks the proposer's signature and the prevotes that come with a bundle that is proposed once more. The previous
/// certificate is judged with the bundle.
///
/// # Errors
/// Names what is wrong.
pub fn verify_proposal(
    signed: SignedProposal,
    committee: &Committee,
    spec: &Spec,
) -> Result<Verified<SignedProposal>, AgreementError> {
    check_shape(&signed, committee)?;
    let proposer = signed.proposal.proposer;
    let member = committee.member(proposer).ok_or(AgreementError::NoVoter(proposer))?;
    let own = Signature::try_from(&signed.signature).map_err(|_| AgreementError::Signature(proposer))?;
    if !own.verify(&signed.proposal.signing_root(member.variant, spec).0, &member.key) {
        return Err(AgreementError::Signature(proposer));
    }
    verify_votes(signed.polka_votes().collect(), committee, spec).into_iter().try_for_each(|vote| vote.map(drop))?;
    Ok(Verified(signed))
}

/// Whether the parts of a proposal belong together; no signature is looked at.
///
/// # Errors
/// Names what is wrong.
pub(crate) fn check_shape(signed: &SignedProposal, committee: &Committee) -> Result<(), AgreementError> {
    let (proposal, bundle) = (&signed.proposal, &signed.bundle);
    let fault = |what| Err(AgreementError::Malformed(what));
    if (proposal.job_root, proposal.phase) != (bundle.job.root(), bundle.phase) {
        return fault("job or phase is not the bundle's");
    }
    if proposal.bundle_root != bundle.root() {
        return fault("root is not the bundle's");
    }
    if !bundle.is_ordered() || !bundle.attesters.is_sorted_by(|a, b| a < b) {
        return fault("the bundle's lists do not rise");
    }
    match proposal.polka_round() {
        None if !signed.polka.is_empty() => fault("prevotes without a round"),
        None => Ok(()),
        Some(round) if round >= proposal.round => fault("prevotes are not of an earlier round"),
        Some(_) if !signed.polka.is_sorted_by(|a, b| a.validator < b.validator) => Err(AgreementError::NotOrdered),
        Some(_) => committee.check_quorum(committee.weight(signed.polka.iter().map(|vote| vote.validator))?),
    }
}

/// Checks that `certificate` makes `bundle` count: more than two thirds of the committee's weight have signed for it.
///
/// # Errors
/// Names what is wrong.
pub fn verify_certificate(
    certificate: &BundleCertificate,
    bundle: &PhaseBundle,
    committee: &Committee,
    spec: &Spec,
) -> Result<(), AgreementError> {
    let found = bundle.root();
    if certificate.ballot.bundle_root != found {
        return Err(AgreementError::OtherBundle { certified: certificate.ballot.bundle_root, found });
    }
    if certificate.ballot != bundle.ballot(certificate.ballot.round) {
        return Err(AgreementError::OtherPlace);
    }
    verify_signers(certificate, committee, spec)
}

/// [`verify_certificate`] for both in one.
///
/// # Errors
/// Names what is wrong.
pub fn verify_certified(
    certified: CertifiedBundle,
    committee: &Committee,
    spec: &Spec,
) -> Result<Verified<CertifiedBundle>, AgreementError> {
    verify_certificate(&certified.certificate, &certified.bundle, committee, spec)?;
    Ok(Verified(certified))
}

impl Verified<BundleCertificate> {
    /// Checks a certificate that came without its bundle.
    ///
    /// # Errors
    /// Names what is wrong.
    pub fn certificate(certificate: BundleCertificate, committee: &Committee, spec: &Spec) -> Result<Self, AgreementError> {
        verify_signers(&certificate, committee, spec)?;
        Ok(Self(certificate))
    }
}

fn verify_signers(certificate: &BundleCertificate, committee: &Committee, spec: &Spec) -> Result<(), AgreementError> {
    if !certificate.is_ordered() {
        return Err(AgreementError::NotOrdered);
    }
    committee.check_quorum(committee.weight(certificate.attesters.iter().copied())?)?;
    let signature = Signature::try_from(&certificate.signature).map_err(|_| AgreementError::Aggregate)?;
    let mut groups: BTreeMap<SigningVariant, Vec<&PublicKey>> = BTreeMap::new();
    for &attester in &certificate.attesters {
        let member = committee.voter(attester)?;
        groups.entry(member.variant).or_default().push(&member.key);
    }
    let roots: Vec<_> = groups.keys().map(|&variant| certificate.signing_root(variant, spec).0).collect();
    let holds = match (&roots[..], groups.values().next()) {
        ([root], Some(keys)) => signature.fast_aggregate_verify(root, keys.iter().copied()),
        // One pairing a signer; committees of one variant are the rule.
        _ => {
            let pairs = roots.iter().zip(groups.values()).flat_map(|(root, keys)| keys.iter().map(move |&key| (root, key)));
            signature.aggregate_verify(pairs)
        }
    };
    if holds { Ok(()) } else { Err(AgreementError::Aggregate) }
}

/// Checks that a validator contradicted itself, given its key and how it signs.
///
/// # Errors
/// Names what is wrong.
pub fn verify_evidence(
    evidence: &ValidatorEquivocation,
    key: &PublicKey,
    variant: SigningVariant,
    spec: &Spec,
) -> Result<(), AgreementError> {
    if !evidence.is_consistent() {
        return Err(AgreementError::NoContradiction);
    }
    let fault = AgreementError::Signature(evidence.validator());
    let holds = evidence
        .claims(variant, spec)
        .iter()
        .all(|(root, bytes)| Signature::try_from(bytes).is_ok_and(|signature| signature.verify(&root.0, key)));
    if holds { Ok(()) } else { Err(fault) }
}

/// Adds up the precommits of one ballot.
pub(crate) fn certify(votes: &[SignedVote]) -> Result<BundleCertificate, AgreementError> {
    let first = votes.first().ok_or(AgreementError::NoQuorum { found: 0, total: 0 })?;
    let mut votes: Vec<_> =
        votes.iter().filter(|vote| vote.ballot == first.ballot && vote.kind == VoteKind::Precommit).collect();
    votes.sort_unstable_by_key(|vote| vote.validator);
    votes.dedup_by_key(|vote| vote.validator);
    let parse =
        |vote: &&SignedVote| Signature::try_from(&vote.signature).map_err(|_| AgreementError::Signature(vote.validator));
    let signatures = votes.iter().map(parse).collect::<Result<Vec<_>, _>>()?;
    let signature = Signature::aggregate(&signatures).map_err(|_| AgreementError::Aggregate)?;
    let attesters: Vec<_> = votes.iter().map(|vote| vote.validator).collect();
    let attesters = attesters.try_into().map_err(|_| AgreementError::NotOrdered)?;
    Ok(BundleCertificate { ballot: first.ballot, attesters, signature: signature.into() })
}
