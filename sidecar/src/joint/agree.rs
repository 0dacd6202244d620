//! What agreements want done, and what they wait for.

use std::collections::{BTreeMap, BTreeSet};

use quintet_agreement::{
    Agreement, Committee, Decision, Effect, Input, Message, Objection, Record, Rounds, Setup, SigningRequest,
    verify_certificate,
};
use quintet_api::{CertificateState, EventKind, ValidatorEvidence};
use quintet_gossip::Gossip;
use quintet_signer::{PhaseMessage, SigningRequest as Wanted, Turn};
use quintet_types::{
    Attestation, CertifiedBundle, Decode, Encode, JobId, Phase, PhaseBundle, PublicKeyBytes, SignedProposal, TreeHash as _,
    ValidatorIndex,
};

use super::{JointError, Place, Running};
use crate::{
    core::{CoreError, OpenPhase},
    db,
    metrics::ReasonLabels,
    service::now_ms,
};

/// After so long without an outcome peers are asked for theirs, ms.
const PATIENCE_MS: u64 = 3_000;

impl Running {
    /// A phase is open: its agreement begins, or goes on where it was before a restart.
    pub(super) async fn begin(&mut self, open: OpenPhase) -> Result<(), JointError> {
        // Asked again at the next look at the clock.
        let Some(enrolled) = self.enrolled(&open) else { return Ok(()) };
        let committee = enrolled.committee(&open.seed);
        let store = self.joint.shared.read().store().clone();
        let mut records = Vec::new();
        for entry in store.prefix(&db::AGREEMENTS, &(open.job.root().0, open.phase.number())) {
            let (_, bytes) = entry?;
            match Record::from_ssz_bytes(&bytes) {
                Ok(record) => records.push(record),
                Err(error) => tracing::error!(?error, "a record of an agreement cannot be read"),
            }
        }
        let genesis = self.joint.shared.read().config.genesis_ms / 1000;
        let rounds = Rounds::new(open.due, genesis, self.joint.timing, &self.spec);
        let leaders = self.leaders(&open, &committee, open.due, rounds.per_extension());
        let setup = Setup {
            job: open.job,
            phase: open.phase,
            leaders: leaders.clone(),
            me: self.joint.me.filter(|me| committee.member(*me).is_some()),
            committee,
            rounds,
        };
        let written = records.len() as u64;
        let place = Place {
            agreement: Agreement::restore(setup, records),
            ranks: leaders.ranks(),
            judging: BTreeMap::new(),
            proposing: None,
            decided: None,
            records: written,
            asked_ms: 0,
        };
        self.places.insert((open.job, open.phase), place);
        self.handle((open.job, open.phase), Input::Start { now_ms: now_ms() }).await
    }

    /// Gives an input to an agreement, and does what it says, in order.
    pub(super) async fn handle(&mut self, place: (JobId, Phase), input: Input) -> Result<(), JointError> {
        let mut inputs = vec![input];
        while let Some(input) = inputs.pop() {
            let Some(at) = self.places.get_mut(&place) else { return Ok(()) };
            for effect in at.agreement.handle(input) {
                if let Some(next) = self.do_effect(place, effect).await? {
                    inputs.insert(0, next);
                }
            }
        }
        Ok(())
    }

    async fn do_effect(&mut self, place: (JobId, Phase), effect: Effect) -> Result<Option<Input>, JointError> {
        let Some(at) = self.places.get_mut(&place) else { return Ok(None) };
        match effect {
            Effect::Persist(record) => {
                let key = (place.0.root().0, place.1.number(), at.records);
                at.records += 1;
                let store = self.joint.shared.read().store().clone();
                store.put(&db::AGREEMENTS, &key, &record.as_ssz_bytes())?;
            }
            Effect::Sign(request) => return Ok(self.sign(place, request).await),
            Effect::Broadcast(Message::Proposal(proposal)) => self.send(Gossip::PhaseBundle(proposal.as_ssz_bytes())).await,
            Effect::Broadcast(Message::Vote(vote)) => {
                self.send(Gossip::PhaseAttestation(Attestation::Vote(vote).as_ssz_bytes())).await;
            }
            Effect::Judge(proposal) => {
                at.judging.insert(proposal.proposal.bundle_root, *proposal);
            }
            Effect::Propose { rank, slot } => at.proposing = Some((rank, slot)),
            Effect::Fetch(_) => self.ask_anyone_for_bundles(),
            Effect::Decided(decision) => self.decided(place, *decision)?,
            Effect::Announce => {
                let certificate = at.decided.as_ref().map(|certified| certified.certificate.clone());
                if let Some(certificate) = certificate.or_else(|| self.certificates.get(&place.0).cloned()) {
                    self.send(Gossip::PhaseAttestation(Attestation::Certificate(certificate).as_ssz_bytes())).await;
                }
            }
            Effect::Uncertified { extension, slot } => {
                self.joint.metrics.agreement.uncertified.inc();
                // Whoever hears nothing of anyone meanwhile is cut off.
                self.joint.network.phase_passed();
                self.joint.shared.write().extend_to(&place.0, slot)?;
                self.tell(place, CertificateState::Agreeing);
                let open = self.joint.shared.read().open_phases();
                let open = open.into_iter().find(|open| (open.job, open.phase) == place);
                let Some((open, at)) = open.zip(self.places.get(&place)) else { return Ok(None) };
                let setup = at.agreement.setup();
                let leaders = self.leaders(&open, &setup.committee, slot, setup.rounds.per_extension());
                if let Some(at) = self.places.get_mut(&place) {
                    at.ranks = leaders.ranks();
                }
                return Ok(Some(Input::Extend { extension, leaders }));
            }
            Effect::Evidence(evidence) => {
                let Some(member) = at.agreement.setup().committee.member(evidence.validator()) else { return Ok(None) };
                let (pubkey, signing) = (member.key.into(), member.variant);
                let evidence = ValidatorEvidence { job: place.0, pubkey, signing, evidence: *evidence };
                self.joint.metrics.agreement.evidence.inc();
                tracing::warn!(job = %place.0, phase = %place.1, ?evidence, "a validator contradicted itself");
                self.joint.shared.write().accuse_validator(evidence)?;
            }
            // Every agreement is looked at ten times a second.
            Effect::WakeAt(_) => {}
        }
        Ok(None)
    }

    async fn send(&self, gossip: Gossip) {
        if let Err(error) = self.joint.network.publish(gossip).await {
            tracing::debug!(%error, "sending to peers");
        }
    }

    async fn sign(&self, place: (JobId, Phase), request: SigningRequest) -> Option<Input> {
        let committee = &self.places.get(&place)?.agreement.setup().committee;
        let key: PublicKeyBytes = committee.member(self.joint.me?)?.key.into();
        let turn = |round, kind| Turn { job: place.0, phase: place.1, round, kind };
        let wanted = match &request {
            SigningRequest::Proposal(proposal) => {
                Wanted::turn(turn(proposal.round, PhaseMessage::Proposal), proposal.tree_hash_root(), &self.spec)
            }
            SigningRequest::Vote(kind, ballot) => Wanted::vote(place.0, *kind, ballot, &self.spec),
        };
        match self.joint.signer.sign(&key, wanted).await {
            Ok(signature) => Some(Input::Signed { request, signature }),
            Err(error) => {
                self.joint.metrics.agreement.unsigned.inc();
                tracing::error!(job = %place.0, phase = %place.1, %error, "this validator's vote is missing");
                None
            }
        }
    }

    fn decided(&mut self, place: (JobId, Phase), decision: Decision) -> Result<(), JointError> {
        let certified = match decision.certified() {
            Ok(certified) => certified,
            Err(error) => {
                // Every vote was verified before it came in.
                tracing::error!(%error, "a certificate cannot be put together");
                return Ok(());
            }
        };
        let store = self.joint.shared.read().store().clone();
        let key = (place.0.slot.0, place.0.root().0, place.1.number());
        store.put(&db::CERTIFIED, &key, &certified.as_ssz_bytes())?;
        self.certificates.insert(place.0, certified.certificate.clone());
        self.count(place, &certified);
        self.tell(place, CertificateState::Certified);
        if let Some(at) = self.places.get_mut(&place) {
            at.decided = Some(certified);
        }
        Ok(())
    }

    fn count(&self, place: (JobId, Phase), certified: &CertifiedBundle) {
        let metrics = &self.joint.metrics.agreement;
        self.joint.board.certified(&certified.certificate.attesters);
        metrics.certified_round.observe(f64::from(certified.certificate.ballot.round));
        if let Some(at) = self.places.get(&place) {
            let late_ms = now_ms().saturating_sub(at.agreement.setup().rounds.deadline_ms(0));
            metrics.certificate_seconds.observe(late_ms as f64 / 1000.0);
        }
        if Some(certified.bundle.leader) == self.joint.me {
            metrics.led.inc();
        }
    }

    fn tell(&self, (job, phase): (JobId, Phase), state: CertificateState) {
        self.joint.shared.write().events.push(EventKind::Certificate { job, phase, state });
    }

    /// Time passed for one agreement: what it waits for may be there.
    pub(super) async fn wake(&mut self, place: (JobId, Phase), now: u64) -> Result<(), JointError> {
        if self.apply(place, now)? {
            return Ok(());
        }
        self.handle(place, Input::Tick { now_ms: now }).await?;
        if let Some(input) = self.proposal(place, now)? {
            self.handle(place, input).await?;
        }
        for input in self.verdicts(place, now) {
            self.handle(place, input).await?;
        }
        let Some(at) = self.places.get_mut(&place) else { return Ok(()) };
        let deadline_ms = at.agreement.setup().rounds.deadline_ms(0);
        if at.agreement.decided().is_none() && now > deadline_ms + PATIENCE_MS && now > at.asked_ms + PATIENCE_MS {
            at.asked_ms = now;
            self.ask_anyone_for_bundles();
        }
        Ok(())
    }

    /// Closes the phase, if it is decided and all that the bundle lists is here.
    fn apply(&mut self, place: (JobId, Phase), now: u64) -> Result<bool, JointError> {
        let Some(at) = self.places.get_mut(&place) else { return Ok(false) };
        let Some(bundle) = at.decided.as_ref().map(|certified| certified.bundle.clone()) else { return Ok(false) };
        let missing = self.joint.shared.read().missing(&bundle);
        if !missing.is_empty() {
            let absent = self.joint.shared.read().absent(&bundle);
            self.pull(place, &absent, now);
        } else if self.close_certified(bundle, now)? {
            self.places.remove(&place);
        }
        Ok(true)
    }

    /// Closes a phase with a certified bundle of which nothing is missing here. Whether that is done.
    pub(super) fn close_certified(&mut self, bundle: PhaseBundle, now: u64) -> Result<bool, JointError> {
        let (job, phase) = (bundle.job, bundle.phase);
        let mut core = self.joint.shared.write();
        if core.unsettled(&bundle) > 0 {
            return Ok(false);
        }
        match core.apply_certified(bundle, now) {
            Ok(()) => Ok(true),
            Err(CoreError::Protocol(error)) => Err(JointError::Differs { job: Box::new(job), phase, error: Box::new(error) }),
            Err(error) => Err(error.into()),
        }
    }

    /// The bundle that this validator leads with, once it is ready.
    fn proposal(&mut self, place: (JobId, Phase), now: u64) -> Result<Option<Input>, JointError> {
        let Some((at, me)) = self.places.get(&place).zip(self.joint.me) else { return Ok(None) };
        let Some((rank, slot)) = at.proposing else { return Ok(None) };
        let bundle = self.joint.shared.read().bundle_for(place, me, rank, slot, now);
        let Some(mut bundle) = bundle else { return Ok(None) };
        let previous = self.previous(&bundle)?;
        bundle.attesters = previous.as_ref().map(|certified| certified.certificate.attesters.clone()).unwrap_or_default();
        if let Some(at) = self.places.get_mut(&place) {
            at.proposing = None;
        }
        let previous = previous.map(|certified| certified.certificate);
        Ok(Some(Input::MyBundle { bundle: Box::new(bundle), previous }))
    }

    /// The certified bundle of the phase before, if there was one.
    fn previous(&self, bundle: &PhaseBundle) -> Result<Option<CertifiedBundle>, JointError> {
        let store = self.joint.shared.read().store().clone();
        for entry in store.prefix(&db::CERTIFIED, &(bundle.job.slot.0, bundle.job.root().0)) {
            let (_, bytes) = entry?;
            if let Ok(certified) = CertifiedBundle::from_ssz_bytes(&bytes)
                && certified.bundle.root() == bundle.previous
            {
                return Ok(Some(certified));
            }
        }
        Ok(None)
    }

    /// What can be said by now about the proposals under way.
    fn verdicts(&mut self, place: (JobId, Phase), now: u64) -> Vec<Input> {
        let Some(at) = self.places.get(&place) else { return Vec::new() };
        let proposals: Vec<SignedProposal> = at.judging.values().cloned().collect();
        let committee = at.agreement.setup().committee.clone();
        let mut inputs = Vec::new();
        for proposal in proposals {
            let bundle = &proposal.bundle;
            let signers = self.signers(&proposal, &committee);
            let Some(judged) = self.joint.shared.read().objection(bundle, &signers) else { continue };
            let accept = match judged {
                Ok(()) => {
                    self.joint.shared.write().vouch(bundle);
                    true
                }
                Err(objection) if objection.is_passing() => {
                    if matches!(objection, Objection::UnknownDigest(_)) {
                        self.joint.shared.write().contest(bundle);
                    }
                    let absent = self.joint.shared.read().absent(bundle);
                    self.pull(place, &absent, now);
                    continue;
                }
                Err(objection) => {
                    let reason = ReasonLabels { reason: objection.name() };
                    self.joint.metrics.agreement.objections.get_or_create(&reason).inc();
                    tracing::warn!(job = %place.0, phase = %place.1, leader = %bundle.leader, %objection, "no vote for a bundle");
                    // Announcements are made once, and those made while the network was apart are lost. What the other side's bundles list is fetched
                    // all the same, so that the next ones, ours and theirs, have everything.
                    let absent = self.joint.shared.read().absent(bundle);
                    self.pull(place, &absent, now);
                    false
                }
            };
            let bundle_root = proposal.proposal.bundle_root;
            if let Some(at) = self.places.get_mut(&place) {
                at.judging.remove(&bundle_root);
            }
            inputs.push(Input::Judged { bundle_root, accept });
        }
        inputs
    }

    /// Validators whose signatures under the previous bundle were verified here.
    fn signers(&self, proposal: &SignedProposal, committee: &Committee) -> BTreeSet<ValidatorIndex> {
        let Ok(Some(previous)) = self.previous(&proposal.bundle) else { return BTreeSet::new() };
        let came = proposal
            .previous
            .iter()
            .filter(|certificate| verify_certificate(certificate, &previous.bundle, committee, &self.spec).is_ok());
        let named = came.flat_map(|certificate| certificate.attesters.iter().copied());
        previous.certificate.attesters.iter().copied().chain(named).collect()
    }
}
