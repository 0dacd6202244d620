//! Messages that are in order, and changes to them: bytes from which the fuzzer need not find SSZ's offsets and good signatures first.

use std::sync::LazyLock;

use quintet_agreement::{Committee, Leaders, Member, Rounds, Setup, Timing};
use quintet_gossip::SubmissionId;
use quintet_keys::{SecretKey, Signature};
use quintet_types::submission::{Signed, SubmissionBody};
use quintet_types::*;

pub const DEADLINE_MS: u64 = 120_000;
const VALIDATORS: u64 = 4;

static TEMPLATES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(all);

/// A template with changes of four bytes each: the place (two bytes), what is done there (a byte is replaced, put in, or taken out), the byte.
pub fn changed(template: usize, changes: &[u8]) -> Vec<u8> {
    let mut bytes = TEMPLATES[template % TEMPLATES.len()].clone();
    for change in changes.chunks_exact(4) {
        let place = usize::from(u16::from_le_bytes([change[0], change[1]])) % (bytes.len() + 1);
        match change[2] % 3 {
            0 if place < bytes.len() => bytes[place] = change[3],
            1 if place < bytes.len() => drop(bytes.remove(place)),
            _ => bytes.insert(place, change[3]),
        }
    }
    bytes
}

fn key(index: u64) -> SecretKey {
    let mut bytes = [0; 32];
    bytes[24..].copy_from_slice(&(index + 1).to_be_bytes());
    SecretKey::from_bytes(&bytes).expect("it is small and not zero")
}

/// What the messages are about.
pub fn setup() -> Setup {
    let member = |index| Member {
        index: ValidatorIndex(index),
        key: key(index).public_key(),
        weight: 32,
        variant: SigningVariant::Direct,
    };
    Setup {
        job: JobId::new(Slot(7), Root::repeat_byte(3)),
        phase: Phase::T2,
        committee: Committee::new((0..VALIDATORS).map(member).collect()).expect("four with equal weight"),
        rounds: Rounds::new(Slot(10), 0, Timing::default(), &Spec::default()),
        leaders: Leaders::drawn((0..VALIDATORS).map(ValidatorIndex).collect()),
        me: None,
    }
}

fn submission<B: SubmissionBody>(phase: Phase, body: B) -> Signed<B> {
    let (prover, signature) = (PublicKeyBytes::repeat_byte(5), SignatureBytes::repeat_byte(6));
    Signed { job: setup().job, phase, prover, body, signature }
}

fn all() -> Vec<Vec<u8>> {
    let (setup, spec) = (setup(), Spec::default());
    let signature = |index, root: Root| SignatureBytes::from(key(index).sign(&root.0));
    let list = "it is short";
    let header = |mark| SubmissionHeader {
        job_root: setup.job.root(),
        phase: setup.phase,
        prover: PublicKeyBytes::repeat_byte(5),
        body_root: Root::repeat_byte(mark),
    };
    let evidence = EquivocationEvidence {
        header_1: header(1),
        signature_1: SignatureBytes::repeat_byte(1),
        header_2: header(2),
        signature_2: SignatureBytes::repeat_byte(2),
    };
    let entry = |mark| BundleEntry { prover: PublicKeyBytes::repeat_byte(mark), body_root: Root::repeat_byte(mark) };
    let bundle = PhaseBundle {
        job: setup.job,
        phase: setup.phase,
        previous: Root::repeat_byte(1),
        attesters: vec![ValidatorIndex(0), ValidatorIndex(2)].try_into().expect(list),
        leader: ValidatorIndex(0),
        rank: 0,
        slot: Slot(10),
        plan_root: Root::repeat_byte(4),
        accepted: vec![entry(1), entry(2)].try_into().expect(list),
        digests: vec![Root::repeat_byte(7)].try_into().expect(list),
        agg_proofs: vec![entry(3)].try_into().expect(list),
        equivocations: vec![evidence.clone()].try_into().expect(list),
        late_equivocations: vec![LateEquivocation { job: JobId::new(Slot(6), Root::repeat_byte(2)), evidence }]
            .try_into()
            .expect(list),
    };
    let vote = |kind, index| {
        let ballot = bundle.ballot(0);
        let signature = signature(index, ballot.signing_root(kind, SigningVariant::Direct, &spec));
        SignedVote { ballot, kind, validator: ValidatorIndex(index), signature }
    };
    let precommits =
        (0..3).map(|index| Signature::try_from(&vote(VoteKind::Precommit, index).signature).expect("it was made here"));
    let certificate = BundleCertificate {
        ballot: bundle.ballot(0),
        attesters: (0..3).map(ValidatorIndex).collect::<Vec<_>>().try_into().expect(list),
        signature: Signature::aggregate(&precommits.collect::<Vec<_>>()).expect("there are three").into(),
    };
    let proposal = |round, polka, proposer| Proposal {
        job_root: setup.job.root(),
        phase: setup.phase,
        round,
        polka,
        bundle_root: bundle.root(),
        proposer: ValidatorIndex(proposer),
    };
    let signed = |proposal: Proposal, polka: Vec<PolkaVote>| SignedProposal {
        signature: signature(proposal.proposer.0, proposal.signing_root(SigningVariant::Direct, &spec)),
        proposal,
        bundle: bundle.clone(),
        previous: vec![certificate.clone()].try_into().expect(list),
        polka: polka.try_into().expect(list),
    };
    let prevotes = (0..3).map(|index| {
        let SignedVote { validator, signature, .. } = vote(VoteKind::Prevote, index);
        PolkaVote { validator, signature }
    });
    let again = signed(proposal(1, 1, 1), prevotes.collect());
    let partial = PartialProof { proof: vec![9; 20].try_into().expect(list), ..Default::default() };
    let commitment = Commitment {
        boundary: vec![Root::repeat_byte(1)].try_into().expect(list),
        points: vec![8; 64].try_into().expect(list),
        ..Default::default()
    };
    let commitments = Commitments {
        commitments: vec![commitment.clone(), commitment].try_into().expect(list),
        full_proof: vec![7; 9].try_into().expect(list),
    };
    let partials = PartialProofs {
        proofs: vec![partial.clone(), partial.clone()].try_into().expect(list),
        full_proof: Default::default(),
    };
    let full = FullProof {
        partials: vec![Root::repeat_byte(1), Root::repeat_byte(2)].try_into().expect(list),
        own: vec![partial].try_into().expect(list),
        aggregation: vec![6; 30].try_into().expect(list),
        bloom_hash: BloomHash::new(2, [&Root::repeat_byte(1)]),
    };
    let commitments = Submission::Commitments(submission(Phase::T1, commitments));
    vec![
        SubmissionId::of(&commitments).as_ssz_bytes(),
        signed(proposal(0, 0, 0), vec![]).as_ssz_bytes(),
        again.as_ssz_bytes(),
        Attestation::Vote(vote(VoteKind::Prevote, 1)).as_ssz_bytes(),
        Attestation::Certificate(certificate.clone()).as_ssz_bytes(),
        CertifiedBundle { bundle: bundle.clone(), certificate }.as_ssz_bytes(),
        commitments.as_ssz_bytes(),
        Submission::PartialProofs(submission(Phase::T2, partials)).as_ssz_bytes(),
        Submission::FullProof(submission(Phase::T3, full)).as_ssz_bytes(),
        Submission::AggProof(submission(Phase::T3, AggProof::default())).as_ssz_bytes(),
    ]
}
