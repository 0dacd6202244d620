//! Each container keeps its value through SSZ and JSON, and refuses what is not its form.

use proptest::collection::vec;
use proptest::prelude::*;
use quintet_types::evidence::WrongDigestEvidence;
use quintet_types::submission::{CommitmentsSummary, SubBlockProof};
use quintet_types::*;
use serde::Serialize;
use serde::de::DeserializeOwned;
use ssz_types::VariableList;

fn keeps_its_value<T>(value: &T) -> Result<(), TestCaseError>
where
    T: Encode + Decode + Serialize + DeserializeOwned + PartialEq + std::fmt::Debug,
{
    let bytes = value.as_ssz_bytes();
    prop_assert_eq!(bytes.len(), value.ssz_bytes_len());
    prop_assert_eq!(&T::from_ssz_bytes(&bytes).unwrap(), value);
    let json = serde_json::to_string(value).unwrap();
    prop_assert_eq!(&serde_json::from_str::<T>(&json).unwrap(), value);
    // Truncated bytes decode to something else or to nothing, never to the same and never to a panic.
    for cut in [0, bytes.len() / 2, bytes.len().saturating_sub(1)] {
        if cut < bytes.len() {
            prop_assert!(T::from_ssz_bytes(&bytes[..cut]).ok().as_ref() != Some(value));
        }
    }
    Ok(())
}

fn root() -> impl Strategy<Value = Root> {
    any::<[u8; 32]>().prop_map(Root::from)
}

fn key() -> impl Strategy<Value = PublicKeyBytes> {
    any::<[u8; 32]>().prop_map(|b| PublicKeyBytes::right_padding_from(&b))
}

fn signature() -> impl Strategy<Value = SignatureBytes> {
    any::<[u8; 32]>().prop_map(|b| SignatureBytes::right_padding_from(&b))
}

fn job() -> impl Strategy<Value = JobId> {
    (any::<u64>(), root(), any::<u16>(), any::<u8>()).prop_map(|(slot, block_root, sub_block, attempt)| JobId {
        slot: Slot(slot),
        block_root,
        sub_block,
        attempt,
    })
}

fn phase() -> impl Strategy<Value = Phase> {
    (1u64..=5).prop_map(|n| Phase::from_number(n).unwrap())
}

fn bytes<N: ssz_types::typenum::Unsigned + std::fmt::Debug>(max: usize) -> impl Strategy<Value = ByteList<N>> {
    vec(any::<u8>(), 0..=max).prop_map(|v| v.try_into().unwrap())
}

fn list<T: std::fmt::Debug, N: ssz_types::typenum::Unsigned + std::fmt::Debug>(
    element: impl Strategy<Value = T>,
) -> impl Strategy<Value = VariableList<T, N>> {
    vec(element, 0..5).prop_map(|v| VariableList::new(v).unwrap())
}

fn commitments() -> impl Strategy<Value = Commitments> {
    let commitment = (any::<u32>(), root(), list(root()), bytes(99)).prop_map(|(i, digest, boundary, points)| Commitment {
        instance: InstanceIndex(i),
        digest,
        boundary,
        points,
    });
    (list(commitment), bytes(50)).prop_map(|(commitments, full_proof)| Commitments { commitments, full_proof })
}

fn partial() -> impl Strategy<Value = PartialProof> {
    (any::<u32>(), root(), root(), bytes(200)).prop_map(|(i, digest, sum, proof)| PartialProof {
        instance: InstanceIndex(i),
        digest,
        sum,
        proof,
    })
}

fn partials() -> impl Strategy<Value = PartialProofs> {
    (list(partial()), bytes(50)).prop_map(|(proofs, full_proof)| PartialProofs { proofs, full_proof })
}

fn full_proof() -> impl Strategy<Value = FullProof> {
    (vec(root(), 0..9), list(partial()), bytes(99)).prop_map(|(ids, own, aggregation)| FullProof {
        bloom_hash: BloomHash::new(ids.len(), &ids),
        partials: VariableList::new(ids).unwrap(),
        own,
        aggregation,
    })
}

fn agg_proof() -> impl Strategy<Value = AggProof> {
    let sub_block = (job(), root(), root(), root()).prop_map(|(job, full_proof_root, pre_state, post_state)| SubBlockProof {
        job,
        full_proof_root,
        pre_state,
        post_state,
    });
    (list(sub_block), bytes(99)).prop_map(|(sub_blocks, proof)| AggProof { sub_blocks, proof })
}

fn signed<B: SubmissionBody>(body: impl Strategy<Value = B>) -> impl Strategy<Value = Signed<B>> {
    (job(), phase(), key(), body, signature()).prop_map(|(job, phase, prover, body, signature)| Signed {
        job,
        phase,
        prover,
        body,
        signature,
    })
}

fn submission() -> impl Strategy<Value = Submission> {
    prop_oneof![
        signed(commitments()).prop_map(Submission::Commitments),
        signed(partials()).prop_map(Submission::PartialProofs),
        signed(full_proof()).prop_map(Submission::FullProof),
        signed(agg_proof()).prop_map(Submission::AggProof),
    ]
}

fn header() -> impl Strategy<Value = SubmissionHeader> {
    (root(), phase(), key(), root()).prop_map(|(job_root, phase, prover, body_root)| SubmissionHeader {
        job_root,
        phase,
        prover,
        body_root,
    })
}

fn bundle() -> impl Strategy<Value = PhaseBundle> {
    fn entry() -> impl Strategy<Value = BundleEntry> {
        (key(), root()).prop_map(|(prover, body_root)| BundleEntry { prover, body_root })
    }
    let late = (job(), equivocation()).prop_map(|(job, evidence)| LateEquivocation { job, evidence });
    let evidence = (list(equivocation()), list(late));
    (job(), phase(), root(), any::<(u64, u16, u64)>(), list(entry()), list(root()), list(entry()), evidence).prop_map(
        |(job, phase, previous, (leader, rank, slot), accepted, digests, agg_proofs, (equivocations, late_equivocations))| {
            PhaseBundle {
                job,
                phase,
                previous,
                attesters: VariableList::new(vec![ValidatorIndex(leader)]).unwrap(),
                leader: ValidatorIndex(leader),
                rank,
                slot: Slot(slot),
                plan_root: previous,
                accepted,
                digests,
                agg_proofs,
                equivocations,
                late_equivocations,
            }
        },
    )
}

fn equivocation() -> impl Strategy<Value = EquivocationEvidence> {
    (header(), header(), signature()).prop_map(|(header_1, header_2, signature)| EquivocationEvidence {
        header_1,
        signature_1: signature,
        header_2,
        signature_2: signature,
    })
}

fn plan() -> impl Strategy<Value = Plan> {
    let entry = any::<(u16, u32, u64)>().prop_map(|(air, index, rows)| PlanEntry { air, index, rows });
    (any::<(u8, u64, u64)>(), root(), list(entry), list(any::<u64>())).prop_map(
        |((k, exit_code, cycles), root, entries, outputs)| Plan {
            k,
            program_id: root,
            machine_id: !root,
            input_root: root,
            entries,
            outputs,
            exit_code,
            cycles,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn job_ids(value in job()) {
        keeps_its_value(&value)?;
        prop_assert_eq!(value.to_string().parse(), Ok(value));
    }

    #[test]
    fn plans(value in plan()) {
        keeps_its_value(&value)?;
    }

    #[test]
    fn submissions(value in submission()) {
        keeps_its_value(&value)?;
        let signed = match &value {
            Submission::Commitments(signed) => signed.as_ssz_bytes(),
            Submission::PartialProofs(signed) => signed.as_ssz_bytes(),
            Submission::FullProof(signed) => signed.as_ssz_bytes(),
            Submission::AggProof(signed) => signed.as_ssz_bytes(),
        };
        prop_assert_eq!(value.ssz_of(&signed), value.as_ssz_bytes());
        let header = value.header();
        prop_assert_eq!(header.job_root, value.job().root());
        prop_assert_eq!(&header.prover, value.prover());
        keeps_its_value(&header)?;
    }

    #[test]
    fn bundles(bundle in bundle(), signature in signature(), round: u32, signers in vec(any::<u64>(), 0..9)) {
        let attesters = VariableList::new(signers.into_iter().map(ValidatorIndex).collect()).unwrap();
        let ballot = bundle.ballot(round);
        let certificate = BundleCertificate { ballot, attesters, signature };
        keeps_its_value(&CertifiedBundle { bundle: bundle.clone(), certificate: certificate.clone() })?;
        let (validator, kind) = (ValidatorIndex(round.into()), VoteKind::Precommit);
        let vote = SignedVote { ballot, kind, validator, signature };
        keeps_its_value(&vote)?;
        for attestation in [Attestation::Vote(vote), Attestation::Certificate(certificate.clone())] {
            prop_assert_eq!(Attestation::from_ssz_bytes(&attestation.as_ssz_bytes()), Ok(attestation));
        }
        let proposal = Proposal {
            job_root: ballot.job_root, phase: ballot.phase, round, polka: 1, bundle_root: ballot.bundle_root, proposer: validator,
        };
        let polka = vec![PolkaVote { validator, signature }];
        let signed = SignedProposal {
            proposal, bundle, previous: vec![certificate].try_into().unwrap(), polka: polka.try_into().unwrap(), signature,
        };
        keeps_its_value(&signed)?;
        prop_assert_eq!(signed.polka_votes().count(), 1);
        let header = ProposalHeader { proposal, signature };
        let other = ProposalHeader { proposal: Proposal { polka: 0, ..proposal }, signature };
        keeps_its_value(&ValidatorEquivocation::proposals(header, other).unwrap())?;
        let introduction = Introduction { validator, expires: Slot(round.into()), signature };
        keeps_its_value(&introduction)?;
        keeps_its_value(&introduction.claim(ballot.bundle_root))?;
    }

    #[test]
    fn evidence(a in header(), b in header(), signature in signature(), body in commitments(), job in job()) {
        keeps_its_value(&EquivocationEvidence {
            header_1: a, signature_1: signature, header_2: b, signature_2: signature,
        })?;
        let body: CommitmentsSummary = body.summary();
        let prover = a.prover;
        let instance = InstanceIndex(7);
        keeps_its_value(&WrongDigestEvidence { job, prover, body, signature, instance, expected: a.body_root })?;
    }

    #[test]
    fn ledger_entries(job in job(), phase in phase(), n in any::<u64>(), amount in any::<i64>(), r in 0..16usize) {
        for account in [Account::Prover(ProverIndex(n)), Account::Validator(ValidatorIndex(n))] {
            let entry = LedgerEntry { job, phase, account, reason: Reason::ALL[r], amount: Reward(amount) };
            keeps_its_value(&entry)?;
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in vec(any::<u8>(), 0..600)) {
        if let Ok(submission) = Submission::from_ssz_bytes(&bytes) {
            // One value, one encoding.
            prop_assert_eq!(submission.as_ssz_bytes(), bytes.clone());
        }
        let _ = CertifiedBundle::from_ssz_bytes(&bytes);
        let _ = SignedProposal::from_ssz_bytes(&bytes);
        let _ = Attestation::from_ssz_bytes(&bytes);
        let _ = ValidatorEquivocation::from_ssz_bytes(&bytes);
        let _ = Plan::from_ssz_bytes(&bytes);
        let _ = LedgerEntry::from_ssz_bytes(&bytes);
        let _ = EquivocationEvidence::from_ssz_bytes(&bytes);
        let _ = WrongDigestEvidence::from_ssz_bytes(&bytes);
        let _ = serde_json::from_slice::<Submission>(&bytes);
    }

    #[test]
    fn amounts_keep_their_text(value in any::<i64>()) {
        prop_assert_eq!(Reward(value).to_string().parse(), Ok(Reward(value)));
    }
}

#[test]
fn a_body_is_signed_only_in_its_phase() {
    let spec = Spec::default();
    for phase in Phase::ALL {
        let job = JobId::default();
        let prover = PublicKeyBytes::ZERO;
        let signature = SignatureBytes::ZERO;
        let t1 = Signed { job, phase, prover, body: Commitments::default(), signature };
        let t2 = Signed { job, phase, prover, body: PartialProofs::default(), signature };
        let full = Signed { job, phase, prover, body: FullProof::default(), signature };
        let agg = Signed { job, phase, prover, body: AggProof::default(), signature };
        assert_eq!(t1.signing_root(&spec).is_ok(), phase == Phase::T1);
        assert_eq!(t2.signing_root(&spec).is_ok(), phase == Phase::T2);
        assert_eq!(full.signing_root(&spec).is_ok(), phase.is_aggregation());
        assert!(agg.signing_root(&spec).is_ok());
    }
}

#[test]
fn json_has_quoted_integers_and_hex() {
    let job = JobId { slot: Slot(5), block_root: Root::repeat_byte(0x11), sub_block: 1, attempt: 2 };
    let signed = Signed {
        job,
        phase: Phase::T1,
        prover: PublicKeyBytes::repeat_byte(0x22),
        body: Commitments::default(),
        signature: SignatureBytes::repeat_byte(0x33),
    };
    let expected = serde_json::json!({
        "type": "commitments",
        "data": {
            "job": {
                "slot": "5",
                "block_root": format!("0x{}", "11".repeat(32)),
                "sub_block": "1",
                "attempt": "2",
            },
            "phase": "T1",
            "prover": format!("0x{}", "22".repeat(48)),
            "body": { "commitments": [], "full_proof": "0x" },
            "signature": format!("0x{}", "33".repeat(96)),
        },
    });
    assert_eq!(serde_json::to_value(Submission::Commitments(signed)).unwrap(), expected);
}

#[test]
fn an_oversized_list_is_refused() {
    let bytes = vec![0u8; 32_769];
    let mut partial = PartialProof::default().as_ssz_bytes();
    partial.extend_from_slice(&bytes);
    assert!(PartialProof::from_ssz_bytes(&partial).is_err());
    partial.pop();
    assert!(PartialProof::from_ssz_bytes(&partial).is_ok());
}

/// Ids bind everything that identifies a partial; changing any input changes the id.
#[test]
fn partial_ids_bind_job_instance_prover_digest_sum_and_proof() {
    let (job, prover) = (JobId::default(), PublicKeyBytes::repeat_byte(1));
    let base = PartialProof::default();
    let id = base.id(&job, &prover);
    assert_ne!(id, base.id(&JobId { attempt: 1, ..job }, &prover));
    assert_ne!(id, base.id(&job, &PublicKeyBytes::repeat_byte(2)));
    for other in [
        PartialProof { instance: InstanceIndex(1), ..base.clone() },
        PartialProof { digest: Root::repeat_byte(1), ..base.clone() },
        PartialProof { sum: Root::repeat_byte(1), ..base.clone() },
        PartialProof { proof: vec![0].try_into().unwrap(), ..base },
    ] {
        assert_ne!(id, other.id(&job, &prover));
    }
}
