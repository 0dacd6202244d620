//! The rule by which a validator prevotes: what may be wrong with a bundle, given what this node has seen.

use std::collections::{BTreeMap, BTreeSet};

use quintet_types::{BundleEntry, Phase, PhaseBundle, PublicKeyBytes, Root, ValidatorIndex};

/// What this node knows of a submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// Its signature and all that it claims hold.
    Valid,
    /// They do not.
    Invalid,
    /// Not known yet.
    Pending,
}

/// A submission that arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Received {
    /// Root of its body.
    pub body_root: Root,
    /// When it arrived, Unix ms.
    pub arrived_ms: u64,
    /// What is known of it.
    pub check: Check,
}

/// Submissions by prover; more than one of a prover means that it equivocates.
pub type Submissions = BTreeMap<PublicKeyBytes, Vec<Received>>;

/// What this node has seen of a phase.
#[derive(Debug, Clone, Copy)]
pub struct LocalView<'a> {
    /// The phase's submissions.
    pub submissions: &'a Submissions,
    /// Aggregations of sub-blocks.
    pub agg_proofs: &'a Submissions,
    /// Start of the slot that the bundle closes the phase at, Unix ms.
    pub deadline_ms: u64,
    /// Arrival tolerance after the deadline, ms.
    pub tolerance_ms: u64,
    /// How long before the deadline a submission must have been here for its omission to be a fault, and how long after the
    /// tolerance it may arrive here without being one, ms. At least 2,000 and at least the 99th percentile of gossip delay.
    pub grace_ms: u64,
    /// When this node learnt that the previous phase is certified (for T1: that the job exists), Unix ms.
    pub opened_ms: u64,
    /// How long a phase must have been open before it is closed, ms; PHASE_SLOTS less the delay of a certificate.
    pub min_open_ms: u64,
    /// The previous certified bundle.
    pub previous: Root,
    /// Validators whose precommits for `previous` this node has verified: those in its own certificate, and in the one that
    /// came with the proposal.
    pub previous_signers: &'a BTreeSet<ValidatorIndex>,
    /// The plan as this node recomputed it.
    pub plan_root: Root,
    /// T1: the right digest of each instance as far as this node knows it. Empty in other phases.
    pub digests: &'a [Option<Root>],
    /// Ranks of provers that submit without being selected; these are listed while there is room, by rank.
    pub open_ranks: &'a BTreeMap<PublicKeyBytes, u64>,
    /// How many of those a bundle has room for.
    pub max_open: usize,
}

/// Why a validator does not prevote for a bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Objection {
    /// The chain of bundles is broken.
    #[error("the previous bundle is {expected}, not {found}")]
    Previous {
        /// The last certified one here.
        expected: Root,
        /// The one that is named.
        found: Root,
    },
    /// Signers of the previous certificate are named that this node has no signature of.
    #[error("validator {0} is not known to have signed the previous certificate")]
    Attester(ValidatorIndex),
    /// Submissions were judged by another plan.
    #[error("the plan is {expected}, not {found}")]
    Plan {
        /// The recomputed one.
        expected: Root,
        /// The one that is named.
        found: Root,
    },
    /// Provers did not have the time that is theirs.
    #[error("the phase was open for {open_ms} ms of {min_ms}")]
    TooShort {
        /// From the previous certificate to the deadline.
        open_ms: u64,
        /// What it should be.
        min_ms: u64,
    },
    /// It lists what this node does not have.
    #[error("the submission {body_root} of {prover} is not here")]
    Missing {
        /// Whose.
        prover: PublicKeyBytes,
        /// Root of its body.
        body_root: Root,
    },
    /// It lists what this node has not verified yet.
    #[error("the submission {body_root} of {prover} is not verified yet")]
    Pending {
        /// Whose.
        prover: PublicKeyBytes,
        /// Root of its body.
        body_root: Root,
    },
    /// It lists what is wrong.
    #[error("the submission {body_root} of {prover} is false")]
    Invalid {
        /// Whose.
        prover: PublicKeyBytes,
        /// Root of its body.
        body_root: Root,
    },
    /// It lists what came late.
    #[error("the submission of {prover} arrived {late_ms} ms after the deadline")]
    Late {
        /// Whose.
        prover: PublicKeyBytes,
        /// By how much.
        late_ms: u64,
    },
    /// It omits what came in time.
    #[error("the submission of {prover} arrived {early_ms} ms before the deadline and is left out")]
    Omitted {
        /// Whose.
        prover: PublicKeyBytes,
        /// By how much.
        early_ms: u64,
    },
    /// More provers that were not selected than there is room for.
    #[error("{found} provers are listed that were not selected, room is for {limit}")]
    TooManyOpen {
        /// How many are listed.
        found: usize,
        /// How many may be.
        limit: usize,
    },
    /// D has another length than the plan.
    #[error("{found} digests for {expected} instances")]
    DigestCount {
        /// Instances.
        expected: usize,
        /// Digests.
        found: usize,
    },
    /// A digest differs from the right one, or is left out though it is known.
    #[error("the digest of instance {0} is not the right one")]
    Digest(usize),
    /// A digest that this node can neither confirm nor refute.
    #[error("the digest of instance {0} is not known here")]
    UnknownDigest(usize),
    /// It accuses a prover of two bodies that it did not sign.
    #[error("the evidence against {0} does not hold")]
    Evidence(PublicKeyBytes),
}

impl Objection {
    /// A short name, for metrics.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Previous { .. } => "previous",
            Self::Attester(_) => "attester",
            Self::Plan { .. } => "plan",
            Self::TooShort { .. } => "too_short",
            Self::Missing { .. } => "missing",
            Self::Pending { .. } => "pending",
            Self::Invalid { .. } => "invalid",
            Self::Late { .. } => "late",
            Self::Omitted { .. } => "omitted",
            Self::TooManyOpen { .. } => "too_many_open",
            Self::DigestCount { .. } => "digest_count",
            Self::Digest(_) => "digest",
            Self::UnknownDigest(_) => "unknown_digest",
            Self::Evidence(_) => "evidence",
        }
    }

    /// Whether it may vanish as this node learns more: then wait with the answer rather than reject.
    pub const fn is_passing(&self) -> bool {
        matches!(self, Self::Missing { .. } | Self::Pending { .. } | Self::Attester(_) | Self::UnknownDigest(_))
    }
}

/// Whether this node has anything against a bundle: it holds and has verified all that is listed, and nothing is left out
/// that was here well before the deadline. Of a prover that equivocates any one of its submissions will do, and none if the
/// bundle shows the equivocation; the signatures of such evidence are for the caller to verify.
///
/// Job, phase, leader, rank and slot are checked before a bundle is judged. Lasting objections are found first, but for
/// those to digests: what is listed and not here yet may show that it is this node that is wrong.
///
/// # Errors
/// The first objection.
pub fn judge_proposal(bundle: &PhaseBundle, view: &LocalView<'_>) -> Result<(), Objection> {
    if bundle.previous != view.previous {
        return Err(Objection::Previous { expected: view.previous, found: bundle.previous });
    }
    if bundle.plan_root != view.plan_root {
        return Err(Objection::Plan { expected: view.plan_root, found: bundle.plan_root });
    }
    let open_ms = view.deadline_ms.saturating_sub(view.opened_ms);
    if open_ms < view.min_open_ms {
        return Err(Objection::TooShort { open_ms, min_ms: view.min_open_ms });
    }
    judge_open(bundle, view)?;
    judge_omissions(&bundle.accepted, view.submissions, Some(bundle), view)?;
    judge_omissions(&bundle.agg_proofs, view.agg_proofs, None, view)?;
    judge_digest_count(bundle, view)?;
    let listed = || {
        let accepted = bundle.accepted.iter().map(|entry| (entry, view.submissions));
        accepted.chain(bundle.agg_proofs.iter().map(|entry| (entry, view.agg_proofs)))
    };
    // What is false for good before what may still turn out well.
    let mut passing = listed().filter_map(|(entry, known)| judge_entry(entry, known, view).err()).collect::<Vec<_>>();
    passing.sort_by_key(Objection::is_passing);
    if let Some(objection) = passing.first() {
        return Err(*objection);
    }
    judge_digests(bundle, view)?;
    if let Some(unknown) =
        bundle.digests.iter().zip(view.digests).position(|(digest, known)| *digest != Root::ZERO && known.is_none())
    {
        return Err(Objection::UnknownDigest(unknown));
    }
    match bundle.attesters.iter().find(|attester| !view.previous_signers.contains(attester)) {
        Some(attester) => Err(Objection::Attester(*attester)),
        None => Ok(()),
    }
}

fn judge_entry(entry: &BundleEntry, known: &Submissions, view: &LocalView<'_>) -> Result<(), Objection> {
    let BundleEntry { prover, body_root } = *entry;
    let all = known.get(&prover).map_or(&[][..], Vec::as_slice);
    let Some(received) = all.iter().find(|received| received.body_root == body_root) else {
        return Err(Objection::Missing { prover, body_root });
    };
    let latest = view.deadline_ms.saturating_add(view.tolerance_ms).saturating_add(view.grace_ms);
    match received.check {
        Check::Invalid => Err(Objection::Invalid { prover, body_root }),
        _ if received.arrived_ms > latest => {
            Err(Objection::Late { prover, late_ms: received.arrived_ms.saturating_sub(view.deadline_ms) })
        }
        Check::Pending => Err(Objection::Pending { prover, body_root }),
        Check::Valid => Ok(()),
    }
}

fn judge_omissions(
    listed: &[BundleEntry],
    known: &Submissions,
    bundle: Option<&PhaseBundle>,
    view: &LocalView<'_>,
) -> Result<(), Objection> {
    let latest = view.deadline_ms.saturating_sub(view.grace_ms);
    for (prover, all) in known {
        let early = all.iter().filter(|received| received.check == Check::Valid && received.arrived_ms <= latest);
        let Some(arrived_ms) = early.map(|received| received.arrived_ms).min() else { continue };
        let is_listed = listed.binary_search_by_key(prover, |entry| entry.prover).is_ok();
        let excused = |bundle: &PhaseBundle| bundle.shows_equivocation_of(prover) || has_no_room(prover, bundle, view);
        if !is_listed && !bundle.is_some_and(excused) {
            return Err(Objection::Omitted { prover: *prover, early_ms: view.deadline_ms - arrived_ms });
        }
    }
    Ok(())
}

/// The listed provers that were not selected, by rank.
fn open_listed<'a>(bundle: &'a PhaseBundle, view: &'a LocalView<'_>) -> impl Iterator<Item = u64> + 'a {
    bundle.accepted.iter().filter_map(|entry| view.open_ranks.get(&entry.prover).copied())
}

/// Whether a prover that was not selected had to stay out: the room is taken by those of better rank.
fn has_no_room(prover: &PublicKeyBytes, bundle: &PhaseBundle, view: &LocalView<'_>) -> bool {
    let Some(rank) = view.open_ranks.get(prover) else { return false };
    open_listed(bundle, view).filter(|listed| listed < rank).count() >= view.max_open
}

fn judge_open(bundle: &PhaseBundle, view: &LocalView<'_>) -> Result<(), Objection> {
    let found = open_listed(bundle, view).count();
    if found > view.max_open { Err(Objection::TooManyOpen { found, limit: view.max_open }) } else { Ok(()) }
}

fn judge_digest_count(bundle: &PhaseBundle, view: &LocalView<'_>) -> Result<(), Objection> {
    let (expected, found) = (if bundle.phase == Phase::T1 { view.digests.len() } else { 0 }, bundle.digests.len());
    if found == expected { Ok(()) } else { Err(Objection::DigestCount { expected, found }) }
}

fn judge_digests(bundle: &PhaseBundle, view: &LocalView<'_>) -> Result<(), Objection> {
    let wrong = bundle.digests.iter().zip(view.digests).position(|(digest, known)| known.is_some_and(|known| known != *digest));
    wrong.map_or(Ok(()), |instance| Err(Objection::Digest(instance)))
}
