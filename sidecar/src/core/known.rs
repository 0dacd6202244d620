//! Partials in bundles that count, which full proofs may refer to.

use std::{collections::BTreeMap, sync::Arc};

use quintet_protocol::checks::KnownPartial;
use quintet_types::{InstanceIndex, JobId, PartialProof, Phase, ProverIndex, Root, Submission};

use super::{
    Core, LiveJob, Received, Verdict,
    judge::{Bench, parse},
};

/// A partial with its id.
type Known = (Root, (KnownPartial, quintet_plonk::PartialProof));

impl Core {
    /// Verified partials of a bundle that closed T2, or own ones of a bundle that closed T3 or T4.
    pub(super) fn certified_partials(&self, live: &LiveJob, counted: &[(ProverIndex, &Received)]) -> Vec<Known> {
        let Some(proving) = &live.proving else { return Vec::new() };
        let mut known = Vec::new();
        for &(maker, received) in counted {
            let key = received.submission.prover();
            let bench = Bench {
                proving: Arc::clone(proving),
                round: None,
                settled: live.record.settled.clone(),
                known: BTreeMap::new(),
                submitter: maker,
            };
            let (partials, valid): (&[PartialProof], Vec<InstanceIndex>) = match (&*received.submission, &received.verdict) {
                (Submission::PartialProofs(signed), Some(Verdict::Partials { valid, .. })) => {
                    (&signed.body.proofs, valid.clone())
                }
                (Submission::FullProof(signed), Some(Verdict::FullProof { makers: Some(_) })) => {
                    (&signed.body.own, signed.body.own.iter().map(|partial| partial.instance).collect())
                }
                _ => continue,
            };
            for partial in partials.iter().filter(|partial| valid.contains(&partial.instance)) {
                if let Some(parsed) = parse(&bench, key, partial) {
                    let of = KnownPartial { instance: partial.instance, maker };
                    known.push((partial.id(live.id(), key), (of, parsed)));
                }
            }
        }
        known
    }

    /// Works out again which partials may be referred to, after a restart.
    pub(super) fn restore_known(&mut self, id: &JobId) {
        let Some(live) = self.jobs.get(id) else { return };
        let closed = live.record.phases.iter().filter(|line| line.closed_ms.is_some() && line.phase != Phase::T1);
        let known: Vec<_> = closed
            .flat_map(|line| {
                let counted: Vec<_> =
                    live.of_phase(line.phase).filter(|(_, received)| line.accepted.contains(&received.body_root)).collect();
                self.certified_partials(live, &counted)
            })
            .collect();
        if let Some(live) = self.jobs.get_mut(id) {
            live.known.extend(known);
        }
    }
}
