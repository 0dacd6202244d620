//! Phases that were due while this sidecar was away: the others have closed them, so their certificates are asked for before anything is proposed or voted.
//!
//! Nothing is taken on trust. The job, its provers and its plan are worked out here, from the chain; the certificate is verified against the job's committee;
//! what it lists is pulled by root, and its signatures and proofs are verified as if a prover had sent it. So a peer can withhold, and cost the time that
//! another one takes to answer, but cannot make this ledger another one. What is closed is written down, and a restart goes on from there.

use std::collections::BTreeSet;

use quintet_agreement::{Committee, verify_certified};
use quintet_gossip::wire::requests::Refusal;
use quintet_gossip::{BundlesByRange, NetworkError, PeerId, Request, peers::conduct::Fault};
use quintet_types::{CertifiedBundle, Decode, Encode, JobId, Phase, Slot};

use super::{Fetched, JointError, Running};
use crate::{core::OpenPhase, db};

/// A phase is late when its deadline is over for so long, ms: agreements under way are found by gossip.
const LATE_MS: u64 = 3_000;
/// An agreement goes on after so long if peers for more than two thirds of the validators say that nobody closed it, ms.
const PATIENCE_MS: u64 = 10_000;
/// As [`PATIENCE_MS`] with fewer peers, who may lag as well, ms.
const LONG_PATIENCE_MS: u64 = 60_000;
/// Between two rounds of questions, ms.
const ROUND_MS: u64 = 5_000;
/// Between two questions to a peer that did not answer, ms.
const PAUSE_MS: u64 = 500;
/// Between two complaints, ms.
const COMPLAIN_MS: u64 = 60_000;

/// Questions after certified bundles on their way or not yet looked at, all phases together: 16 MiB each at most.
pub(super) const QUESTIONS: usize = 16;
/// Certified bundles that peers told of and that are not verified yet: 2 MiB each at most.
const MOST_TOLD: usize = 64;

/// A late phase.
pub(super) struct Late {
    open: OpenPhase,
    committee: Committee,
    since_ms: u64,
    /// Peers that hold no certificate of it.
    without: BTreeSet<PeerId>,
    /// Peers that have forgotten the job.
    pruned: BTreeSet<PeerId>,
    asking: bool,
    /// Whose turn it is.
    turn: usize,
    pause_until_ms: u64,
    complained_ms: u64,
    /// What closes the phase; verified.
    found: Option<CertifiedBundle>,
}

/// What a peer says of the bundles of one slot.
pub(super) enum Told {
    Bundles(Vec<Vec<u8>>),
    /// It does not keep them.
    Pruned,
    Nothing,
}

impl Running {
    /// Begins the agreement on an open phase, unless the others may have ended it.
    pub(super) async fn begin_or_catch_up(&mut self, open: OpenPhase, now: u64) -> Result<(), JointError> {
        let deadline_ms = self.joint.shared.read().slot_start_ms(open.due);
        if now <= deadline_ms + LATE_MS {
            return self.begin(open).await;
        }
        // Asked again at the next look at the clock.
        let Some(enrolled) = self.enrolled(&open) else { return Ok(()) };
        let committee = enrolled.committee(&open.seed);
        if self.decides_alone(&committee) {
            return self.begin(open).await;
        }
        tracing::info!(job = %open.job, phase = %open.phase, "a phase was due before: asking the others how it ended");
        self.late.entry((open.job, open.phase)).or_insert(Late {
            open,
            committee,
            since_ms: now,
            without: BTreeSet::new(),
            pruned: BTreeSet::new(),
            asking: false,
            turn: 0,
            pause_until_ms: 0,
            complained_ms: now,
            found: None,
        });
        Ok(())
    }

    fn decides_alone(&self, committee: &Committee) -> bool {
        let mine = self.joint.me.and_then(|me| committee.member(me)).map_or(0, |member| member.weight);
        committee.check_quorum(mine).is_ok()
    }

    /// A late phase goes on: certificate, then what it lists, then the end.
    pub(super) async fn catch_up(&mut self, place: (JobId, Phase), now: u64) -> Result<(), JointError> {
        self.look_into_bundles(place)?;
        let Some(late) = self.late.get(&place) else { return Ok(()) };
        let Some(found) = &late.found else { return self.ask_next(place, now).await };
        let bundle = found.bundle.clone();
        let (absent, missing) = {
            let core = self.joint.shared.read();
            (core.absent(&bundle), core.missing(&bundle))
        };
        if !absent.is_empty() {
            self.pull(place, &absent, now);
        } else if missing.is_empty() && self.close_certified(bundle, now)? {
            tracing::info!(job = %place.0, phase = %place.1, "closed as the others did");
            self.late.remove(&place);
        }
        Ok(())
    }

    /// Looks whether what peers sent closes the phase. A certificate that does not hold is a lie: nobody keeps one that was not verified.
    fn look_into_bundles(&mut self, place: (JobId, Phase)) -> Result<(), JointError> {
        let Some(late) = self.late.get_mut(&place).filter(|late| late.found.is_none()) else { return Ok(()) };
        for (peer, certified) in self.told.remove(&place).unwrap_or_default() {
            match verify_certified(certified, &late.committee, &self.spec) {
                Ok(certified) => {
                    let certified = certified.into_inner();
                    let store = self.joint.shared.read().store().clone();
                    let key = (place.0.slot.0, place.0.root().0, place.1.number());
                    store.put(&db::CERTIFIED, &key, &certified.as_ssz_bytes())?;
                    self.certificates.insert(place.0, certified.certificate.clone());
                    late.found = Some(certified);
                    return Ok(());
                }
                Err(error) => {
                    tracing::warn!(%peer, job = %place.0, phase = %place.1, %error, "a peer's certificate does not hold");
                    self.joint.network.report(peer, Fault::WrongBody);
                    late.without.insert(peer);
                }
            }
        }
        Ok(())
    }

    /// Asks one peer after the other. When all have said that there is nothing, nobody has closed the phase, and the agreement goes on.
    async fn ask_next(&mut self, place: (JobId, Phase), now: u64) -> Result<(), JointError> {
        let Some(late) = self.late.get_mut(&place) else { return Ok(()) };
        if late.asking || now < late.pause_until_ms {
            return Ok(());
        }
        let unasked: Vec<PeerId> =
            self.peers.iter().filter(|peer| !late.without.contains(peer) && !late.pruned.contains(peer)).copied().collect();
        if let Some(&peer) = unasked.get(late.turn % unasked.len().max(1)) {
            (late.asking, late.turn) = (true, late.turn + 1);
            self.ask_of_slot(peer, place);
            return Ok(());
        }
        // Where nothing says when the ledger began, a peer that does not keep a job may just have come after it.
        let has_beginning = self.joint.shared.read().config.first_slot > Slot(0);
        let answered = |peer: &PeerId| late.without.contains(peer) || (!has_beginning && late.pruned.contains(peer));
        let nobody = !self.peers.is_empty() && self.peers.iter().all(answered);
        // Peers are not known by validator: each counts for one.
        let most = 3 * (self.peers.len() + 1) > 2 * late.committee.members().len();
        if nobody && now > late.since_ms + if most { PATIENCE_MS } else { LONG_PATIENCE_MS } {
            let open = late.open;
            self.late.remove(&place);
            return self.begin(open).await;
        }
        if now > late.complained_ms + COMPLAIN_MS {
            late.complained_ms = now;
            if late.pruned.is_empty() {
                tracing::warn!(job = %place.0, phase = %place.1, "no peer tells how this phase ended; waiting for peers");
            } else {
                tracing::error!(
                    job = %place.0, phase = %place.1, peers = late.pruned.len(),
                    "this sidecar was away for too long: its peers have forgotten this job, and its ledger cannot be worked out any more. \
                     Stop it, and make its store from a backup of a sidecar that you trust: `quintet-sidecar db restore`"
                );
            }
        }
        // Peers that forgot cannot help; whoever comes later, or catches up itself, may.
        late.pause_until_ms = now + ROUND_MS;
        late.without.clear();
        late.pruned.clear();
        Ok(())
    }

    fn ask_of_slot(&self, peer: PeerId, place: (JobId, Phase)) {
        let (network, fetched) = (self.joint.network.clone(), self.fetched.clone());
        let request = Request::Bundles(BundlesByRange { start_slot: place.0.slot, count: 1 });
        let asking = self.asking.clone();
        tokio::spawn(async move {
            // Never closed.
            let Ok(room) = asking.acquire_owned().await else { return };
            let told = match network.request(peer, request).await {
                Ok(items) => Told::Bundles(items),
                Err(NetworkError::Refused { code: Refusal::Unavailable, .. }) => Told::Pruned,
                Err(error) => {
                    tracing::debug!(%peer, %error, "asking for bundles");
                    Told::Nothing
                }
            };
            // The task may have ended.
            let _ = fetched.send(Fetched::Told { peer, place, told, _room: room });
        });
    }

    /// Forgets what peers told of jobs that are over here.
    pub(super) fn forget_told(&mut self) {
        if !self.told.is_empty() {
            let core = self.joint.shared.read();
            self.told.retain(|(job, _), _| core.job(job).is_some_and(|live| !live.job().state().is_over()));
        }
    }

    /// A peer told what it holds of the jobs of a slot. All of it is kept until it is needed, as far as it is of jobs that are open here and there is room;
    /// what was asked for has room in any case.
    pub(super) fn on_told(&mut self, peer: PeerId, place: (JobId, Phase), told: Told, now: u64) {
        let mut holds = false;
        if let Told::Bundles(items) = &told {
            for item in items {
                let Ok(certified) = CertifiedBundle::from_ssz_bytes(item) else {
                    self.joint.network.report(peer, Fault::Malformed);
                    continue;
                };
                let of = (certified.bundle.job, certified.bundle.phase);
                holds |= of == place;
                let is_open = self.joint.shared.read().job(&of.0).is_some_and(|live| !live.job().state().is_over());
                if !is_open {
                    continue;
                }
                let held: usize = self.told.values().map(Vec::len).sum();
                let kept = self.told.entry(of).or_default();
                let has_room = held < MOST_TOLD || (of == place && kept.is_empty());
                if has_room && kept.iter().all(|(other, _)| *other != peer) {
                    kept.push((peer, certified));
                }
            }
        }
        let Some(late) = self.late.get_mut(&place) else { return };
        late.asking = false;
        match told {
            Told::Bundles(_) if holds => {}
            Told::Bundles(_) => {
                late.without.insert(peer);
            }
            Told::Pruned => {
                late.pruned.insert(peer);
            }
            Told::Nothing => late.pause_until_ms = now + PAUSE_MS,
        }
    }
}
