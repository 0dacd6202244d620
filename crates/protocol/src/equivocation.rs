//! "Only one transaction per prover is allowed" (source, T1): what was signed first counts, a second is evidence.

use std::collections::BTreeMap;

use quintet_types::{EquivocationEvidence, Phase, PublicKeyBytes, Root, SignatureBytes, SubmissionHeader};
use serde::{Deserialize, Serialize};

/// What a signed header is to those seen before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Observed {
    /// The first of its prover for this job and phase.
    New,
    /// The same again.
    Repeated,
    /// Another body in T1 or T2: slashable, and reported for the first time.
    Equivocation(Box<EquivocationEvidence>),
    /// Another body, of a prover whose equivocation in this job and phase is known.
    KnownEquivocation,
    /// Another body in T3–T5: ignored, aggregates differ legitimately.
    Later,
}

/// First headers by (job, phase, prover). Signatures must have been verified.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubmissionLog {
    seen: BTreeMap<(Root, Phase, PublicKeyBytes), Seen>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Seen {
    header: SubmissionHeader,
    signature: SignatureBytes,
    equivocated: bool,
}

impl SubmissionLog {
    /// Notes a header and says what it is.
    pub fn observe(&mut self, header: SubmissionHeader, signature: SignatureBytes) -> Observed {
        let key = (header.job_root, header.phase, header.prover);
        let Some(seen) = self.seen.get_mut(&key) else {
            self.seen.insert(key, Seen { header, signature, equivocated: false });
            return Observed::New;
        };
        if seen.header == header {
            return Observed::Repeated;
        }
        let Some(evidence) = EquivocationEvidence::new((seen.header, seen.signature), (header, signature)) else {
            return Observed::Later;
        };
        if std::mem::replace(&mut seen.equivocated, true) {
            return Observed::KnownEquivocation;
        }
        Observed::Equivocation(Box::new(evidence))
    }

    /// Forgets all about a job.
    pub fn forget(&mut self, job_root: &Root) {
        self.seen.retain(|(job, _, _), _| job != job_root);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(phase: Phase, prover: u8, body: u8) -> SubmissionHeader {
        SubmissionHeader {
            job_root: Root::repeat_byte(1),
            phase,
            prover: PublicKeyBytes::repeat_byte(prover),
            body_root: Root::repeat_byte(body),
        }
    }

    #[test]
    fn equivocating_prover_is_recorded_once() {
        let mut log = SubmissionLog::default();
        let signature = SignatureBytes::ZERO;
        assert_eq!(log.observe(header(Phase::T1, 1, 1), signature), Observed::New);
        assert_eq!(log.observe(header(Phase::T1, 1, 1), signature), Observed::Repeated);
        assert!(matches!(log.observe(header(Phase::T1, 1, 2), signature), Observed::Equivocation(e) if e.is_slashable()));
        assert_eq!(log.observe(header(Phase::T1, 1, 3), signature), Observed::KnownEquivocation);
        assert_eq!(log.observe(header(Phase::T1, 1, 1), signature), Observed::Repeated);
        assert_eq!(log.observe(header(Phase::T2, 1, 2), signature), Observed::New);
        assert_eq!(log.observe(header(Phase::T1, 2, 2), signature), Observed::New);
    }

    #[test]
    fn later_aggregates_are_ignored() {
        let mut log = SubmissionLog::default();
        for phase in [Phase::T3, Phase::T4, Phase::T5] {
            assert_eq!(log.observe(header(phase, 1, 1), SignatureBytes::ZERO), Observed::New);
            assert_eq!(log.observe(header(phase, 1, 2), SignatureBytes::ZERO), Observed::Later);
        }
        log.forget(&Root::repeat_byte(1));
        assert_eq!(log, SubmissionLog::default());
    }
}
