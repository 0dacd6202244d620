//! Evidence of faults that anyone can check: two signed bodies, votes or proposals, or a signed digest that recomputation contradicts.

use axum::{extract::State, response::Response};
use quintet_api::{Data, EvidenceView};
use quintet_types::{Account, JobId, Phase, ProverIndex, Reason, Submission, WrongDigestEvidence};

use super::{App, extract::json};
use crate::core::Core;

/// Evidence of equivocation of provers and validators, kept for good, and of wrong digests, of the jobs that are kept.
#[utoipa::path(get, path = "/v1/evidence", tag = "ledger", responses((status = 200, body = Data<EvidenceView>)))]
pub(super) async fn evidence(State(app): State<App>) -> Response {
    let core = app.shared.read();
    json(EvidenceView {
        equivocations: core.evidence().cloned().collect(),
        wrong_digests: wrong_digests(&core),
        validators: core.validator_evidence().cloned().collect(),
    })
}

/// For each penalty for a wrong digest the signed T1 body and the first instance that is wrong in it.
fn wrong_digests(core: &Core) -> Vec<WrongDigestEvidence> {
    let fined = |id: &JobId| -> Vec<ProverIndex> {
        let entries = core.books.ledger.job(id).filter(|entry| entry.reason == Reason::WrongDigest);
        let provers = entries.filter_map(|entry| match entry.account {
            Account::Prover(prover) => Some(prover),
            _ => None,
        });
        provers.collect()
    };
    core.jobs().flat_map(|(id, _)| fined(id).into_iter().filter_map(|prover| of_prover(core, id, prover))).collect()
}

/// The evidence against a prover that was fined in a job. It may have signed in an earlier attempt, whose D was taken over.
fn of_prover(core: &Core, id: &JobId, prover: ProverIndex) -> Option<WrongDigestEvidence> {
    let attempts = (0..=id.attempt).rev().map(|attempt| JobId { attempt, ..*id });
    attempts.filter_map(|of| core.job(&of)).find_map(|live| {
        let Submission::Commitments(signed) = &*live.received.get(&(Phase::T1, prover))?.submission else { return None };
        let right = |of: &JobId| Some(&core.job(of)?.record.recomputed);
        let wrong = signed.body.commitments.iter().find_map(|claim| {
            // Recomputed before D was closed, or later, for the attempt in which it came out.
            let expected = [id, live.id()].into_iter().find_map(|of| right(of)?.get(&claim.instance))?.digest;
            (expected != claim.digest).then_some((claim.instance, expected))
        });
        let (instance, expected) = wrong?;
        Some(WrongDigestEvidence {
            job: *live.id(),
            prover: signed.prover,
            body: signed.body.summary(),
            signature: signed.signature,
            instance,
            expected,
        })
    })
}
