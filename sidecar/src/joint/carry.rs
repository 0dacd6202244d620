//! What goes over the network: announcements, submissions, proposals, votes, certified bundles.

use std::{collections::BTreeSet, sync::Arc};

use quintet_agreement::{Input, Verified, verify_certified, verify_proposal, verify_votes};
use quintet_api::EventKind;
use quintet_gossip::wire::{
    outline::{part, part_names},
    requests::Refusal,
};
use quintet_gossip::{
    BundlesByRange, Gossip, MessageId, NetworkError, NetworkEvent, Outline, OutlineByRoot, PartName, PartsByIndex, PeerId,
    Request, Responder, SubmissionId, SubmissionsByRoot, Verdict, peers::conduct::Fault,
};
use quintet_keys::{PublicKey, Signature};
use quintet_types::{
    Attestation, CertifiedBundle, Decode, Encode, JobId, Phase, ProverIndex, PublicKeyBytes, Root, SignedProposal, Slot,
    Submission, SubmissionHeader, TreeHash as _, domain::submission_domain_type,
};

use super::{Fetched, JointError, Running};
use crate::{
    core::{Announced, Intake, Refusal as RefusedIntake},
    db,
    service::now_ms,
};

/// Where a submission is that peers may ask for.
pub(super) struct Held {
    pub(super) job: JobId,
    phase: Phase,
    prover: ProverIndex,
    body_root: Root,
    /// Names of its parts, once somebody asked for its outline.
    names: Option<Box<[PartName]>>,
}

impl Held {
    pub(super) const fn new(job: JobId, phase: Phase, prover: ProverIndex, body_root: Root) -> Self {
        Self { job, phase, prover, body_root, names: None }
    }
}

/// The name by which peers ask for a submission.
pub(super) fn header_root(job: &JobId, phase: Phase, prover: &PublicKeyBytes, body_root: Root) -> Root {
    SubmissionHeader { job_root: job.root(), phase, prover: *prover, body_root }.tree_hash_root()
}

impl Running {
    pub(super) async fn on_network(&mut self, event: NetworkEvent) -> Result<(), JointError> {
        match event {
            NetworkEvent::Message { id, gossip, .. } => self.on_gossip(id, gossip).await?,
            NetworkEvent::Body { bytes, .. } => {
                self.take(&bytes, None);
            }
            NetworkEvent::Request { peer, request, responder } => self.answer(peer, &request, responder),
            NetworkEvent::PeerConnected { peer, .. } => {
                tracing::info!(%peer, "peer");
                self.tell_peers();
                self.peers.insert(peer);
                self.ask_for_bundles(peer);
            }
            NetworkEvent::Isolated(isolation) => tracing::warn!(?isolation, "this sidecar looks cut off from the others"),
            NetworkEvent::Reconnected => tracing::info!("this sidecar is connected to the others again"),
            NetworkEvent::PeerDropped { peer, reason } => {
                tracing::info!(%peer, ?reason, "peer is gone");
                self.tell_peers();
                self.peers.remove(&peer);
                self.introductions.forget(&peer);
            }
            NetworkEvent::BodyMissing { .. } | NetworkEvent::PeerStatus { .. } => {}
        }
        Ok(())
    }

    /// Subscribers hear how many peers there are.
    fn tell_peers(&self) {
        let (network, shared) = (self.joint.network.clone(), self.joint.shared.clone());
        tokio::spawn(async move {
            let Ok(peers) = network.peers().await else { return };
            let connected = u32::try_from(peers.len()).unwrap_or(u32::MAX);
            shared.write().events.push(EventKind::Peers { connected });
        });
    }

    async fn on_gossip(&mut self, id: MessageId, gossip: Gossip) -> Result<(), JointError> {
        let verdict = match gossip {
            Gossip::Submission(announced) => self.on_announcement(&announced),
            Gossip::PhaseBundle(bytes) => match SignedProposal::from_ssz_bytes(&bytes) {
                Ok(proposal) => self.on_proposal(proposal).await?,
                Err(error) => Verdict::Reject(format!("{error:?}")),
            },
            Gossip::PhaseAttestation(bytes) => match Attestation::from_ssz_bytes(&bytes) {
                Ok(attestation) => self.on_attestation(attestation).await?,
                Err(error) => Verdict::Reject(format!("{error:?}")),
            },
        };
        self.joint.network.verdict(id, verdict);
        Ok(())
    }

    fn on_announcement(&mut self, id: &SubmissionId) -> Verdict {
        // Nobody would hand it out, and so neither can this sidecar.
        if !self.is_party(&id.job, id.phase) {
            return Verdict::Ignore;
        }
        let core = self.joint.shared.read();
        let announced = core.announced(&id.job, id.phase, &id.prover, &id.body_root);
        drop(core);
        match announced {
            Announced::Held => Verdict::Held,
            Announced::Useless => Verdict::Ignore,
            Announced::Wanted => match self.is_signed(id) {
                true => Verdict::Accept,
                false => Verdict::Reject("the prover's signature does not verify".into()),
            },
        }
    }

    /// Only registered provers' keys come in here.
    fn is_signed(&mut self, id: &SubmissionId) -> bool {
        // AggProofs, which have a domain of their own, are not wanted yet.
        let root = id.header().signing_root(submission_domain_type(id.phase), &self.spec);
        let key = match self.keys.get(&id.prover) {
            Some(key) => *key,
            None => {
                let Ok(key) = PublicKey::try_from(&id.prover) else { return false };
                self.keys.insert(id.prover, key);
                key
            }
        };
        Signature::try_from(&id.signature).is_ok_and(|signature| signature.verify(&root.0, &key))
    }

    async fn on_proposal(&mut self, proposal: SignedProposal) -> Result<Verdict, JointError> {
        let place = (proposal.bundle.job, proposal.bundle.phase);
        let Some(at) = self.places.get(&place) else { return Ok(Verdict::Ignore) };
        if !at.agreement.is_news_proposal(&proposal) {
            return Ok(Verdict::Ignore);
        }
        let leader = proposal.bundle.leader;
        match verify_proposal(proposal, &at.agreement.setup().committee, &self.spec) {
            Ok(proposal) => {
                self.joint.board.heard(leader);
                self.handle(place, Input::Proposal(Box::new(proposal))).await?;
                Ok(Verdict::Accept)
            }
            Err(error) => Ok(Verdict::Reject(error.to_string())),
        }
    }

    async fn on_attestation(&mut self, attestation: Attestation) -> Result<Verdict, JointError> {
        let ballot = match &attestation {
            Attestation::Vote(vote) => vote.ballot,
            Attestation::Certificate(certificate) => certificate.ballot,
        };
        let found = self.places.iter().find(|((job, phase), _)| *phase == ballot.phase && job.root() == ballot.job_root);
        let Some((place, at)) = found else { return Ok(Verdict::Ignore) };
        let is_news = match &attestation {
            Attestation::Vote(vote) => at.agreement.is_news_vote(vote),
            Attestation::Certificate(certificate) => at.agreement.is_news_certificate(certificate),
        };
        if !is_news {
            return Ok(Verdict::Ignore);
        }
        let (place, committee) = (*place, &at.agreement.setup().committee);
        let voter = match &attestation {
            Attestation::Vote(vote) => Some(vote.validator),
            Attestation::Certificate(_) => None,
        };
        let input = match attestation {
            Attestation::Vote(vote) => {
                let verified = verify_votes(vec![vote], committee, &self.spec).pop();
                verified.map(|vote| vote.map(Input::Vote))
            }
            Attestation::Certificate(certificate) => {
                Some(Verified::certificate(certificate, committee, &self.spec).map(Input::Certificate))
            }
        };
        match input {
            Some(Ok(input)) => {
                voter.into_iter().for_each(|voter| self.joint.board.heard(voter));
                self.handle(place, input).await?;
                Ok(Verdict::Accept)
            }
            Some(Err(error)) => Ok(Verdict::Reject(error.to_string())),
            None => Ok(Verdict::Ignore),
        }
    }

    /// A submission of a peer goes the way that one of a prover goes. `false` if it was asked for by root and is none of those, or nothing at all.
    ///
    /// A body that was announced came with its root and signature checked.
    pub(super) fn take(&mut self, bytes: &[u8], asked: Option<(PeerId, &BTreeSet<Root>)>) -> bool {
        let Ok(submission) = Submission::from_ssz_bytes(bytes) else { return false };
        let Ok(mut intake) = Intake::new(submission, &self.spec, now_ms()) else { return false };
        if asked.is_some_and(|(_, roots)| !roots.contains(&intake.header.tree_hash_root())) {
            return false;
        }
        intake.listed = asked.is_some();
        let checked = self.joint.shared.read().check(&intake);
        if !matches!(checked, Ok(false)) {
            return true;
        }
        let units = u32::try_from(bytes.len().max(1)).unwrap_or(u32::MAX);
        let Ok(memory) = self.memory.clone().try_acquire_many_owned(units) else { return true };
        let (queue, network, peer) = (self.joint.intake.clone(), self.joint.network.clone(), asked.map(|(peer, _)| peer));
        tokio::spawn(async move {
            match (queue.submit(intake, memory).await, peer) {
                (Ok(Ok(_)), _) => {}
                // The root says nothing of the signature.
                (Ok(Err(RefusedIntake::Signature(_))), Some(peer)) => network.report(peer, Fault::WrongBody),
                (Ok(Err(refusal)), _) => tracing::debug!(%refusal, "submission of a peer"),
                (Err(error), _) => tracing::warn!(%error, "submission of a peer"),
            }
        });
        true
    }

    /// Tells the network of a submission that is here.
    pub(super) async fn announce(&mut self, job: JobId, phase: Phase, prover: PublicKeyBytes, body_root: Root) {
        let root = header_root(&job, phase, &prover, body_root);
        let held = {
            let core = self.joint.shared.read();
            let index = core.prover_index(&prover);
            let live = core.job(&job);
            index.zip(live).and_then(|(index, live)| Some((index, live.body(phase, index, &body_root)?.submission.clone())))
        };
        let Some((index, submission)) = held else { return };
        if self.held.insert(root, Held::new(job, phase, index, body_root)).is_some() {
            return;
        }
        let header = SubmissionHeader { job_root: job.root(), phase, prover, body_root };
        let id = SubmissionId::from_header(job, &header, *submission.signature());
        let published = self.joint.network.publish(Gossip::Submission(id)).await;
        // What was announced by others came by the network, which knows its parts.
        if !matches!(published, Err(NetworkError::Duplicate)) {
            self.hold(vec![submission]);
        }
        if let Err(error) = published {
            tracing::debug!(%error, "announcing a submission");
        }
    }

    /// Tells the network what others have in common with these, which are hashed for that.
    pub(super) fn hold(&self, submissions: Vec<Arc<Submission>>) {
        let network = self.joint.network.clone();
        tokio::task::spawn_blocking(move || submissions.iter().for_each(|submission| network.hold(submission)));
    }

    fn answer(&mut self, peer: PeerId, request: &Request, responder: Responder) {
        let limits = responder.limits();
        let response = match request {
            Request::Submissions(SubmissionsByRoot { roots }) => {
                self.may_have_all(&peer, roots).map(|()| self.submissions(roots.iter(), limits.total_bytes))
            }
            Request::Outline(OutlineByRoot { root }) => self.may_have_all(&peer, &[*root]).map(|()| self.outline(root)),
            Request::Parts(PartsByIndex { root, indices }) => {
                self.may_have_all(&peer, &[*root]).map(|()| self.parts(root, indices))
            }
            Request::Introduction(introduction) => {
                self.introductions.hear(peer, *introduction);
                Ok(Vec::new())
            }
            Request::Bundles(range) => self.bundles(range, limits.total_bytes),
            _ => Err(Refusal::Unavailable),
        };
        responder.respond(response);
    }

    /// A refusal if any of these is held and the peer may not have it: neither its body nor its outline, nor parts of it.
    fn may_have_all(&mut self, peer: &PeerId, roots: &[Root]) -> Result<(), Refusal> {
        let places: BTreeSet<(JobId, Phase)> =
            roots.iter().filter_map(|root| self.held.get(root)).map(|held| (held.job, held.phase)).collect();
        let now = now_ms();
        for (job, phase) in &places {
            if !self.may_have(peer, job, *phase, now) {
                tracing::debug!(%peer, %job, "a peer that is no validator's asks for commitments of an open phase");
                return Err(Refusal::Unavailable);
            }
        }
        Ok(())
    }

    fn submission(&self, root: &Root) -> Option<Arc<Submission>> {
        let held = self.held.get(root)?;
        let core = self.joint.shared.read();
        Some(Arc::clone(&core.job(&held.job)?.body(held.phase, held.prover, &held.body_root)?.submission))
    }

    fn submissions<'a>(&self, roots: impl Iterator<Item = &'a Root>, most: usize) -> Vec<Vec<u8>> {
        within(roots.filter_map(|root| Some(self.submission(root)?.as_ssz_bytes())), most)
    }

    /// Nothing for what has no outline, or too long a one.
    fn outline(&mut self, root: &Root) -> Vec<Vec<u8>> {
        let outline = self.submission(root).and_then(|submission| {
            let held = self.held.get_mut(root)?;
            // To find them all is hashed, so that is done once and not for everybody who asks.
            if held.names.is_none() {
                held.names = Some(part_names(&submission)?.into());
            }
            Outline::with_names(&submission, held.names.as_deref()?)
        });
        outline.iter().map(Outline::as_ssz_bytes).collect()
    }

    fn parts(&self, root: &Root, indices: &[u16]) -> Vec<Vec<u8>> {
        let submission = self.submission(root);
        submission.iter().flat_map(|submission| indices.iter().filter_map(|index| part(submission, *index))).collect()
    }

    fn bundles(&self, range: &BundlesByRange, most: usize) -> Result<Vec<Vec<u8>>, Refusal> {
        let (store, earliest) = {
            let core = self.joint.shared.read();
            (core.store().clone(), core.earliest_slot())
        };
        // Nothing would look like jobs that nobody closed.
        if range.start_slot < earliest {
            return Err(Refusal::Unavailable);
        }
        let (first, end) = (range.start_slot.0, range.start_slot.0.saturating_add(range.count));
        // Read as far as an answer goes: there may be much more.
        let mut failed = false;
        let entries = store.range(&db::CERTIFIED, (first, [0; 32], 0)..(end, [0; 32], 0));
        let found = within(entries.map_while(|entry| entry.inspect_err(|_| failed = true).ok().map(|(_, bytes)| bytes)), most);
        if failed { Err(Refusal::ServerError) } else { Ok(found) }
    }

    /// Asks a peer for the certified bundles of all agreements that are under way here.
    pub(super) fn ask_for_bundles(&self, peer: PeerId) {
        let slots: BTreeSet<Slot> = self.places.keys().map(|(job, _)| job.slot).collect();
        let (network, fetched, asking) = (self.joint.network.clone(), self.fetched.clone(), self.asking.clone());
        tokio::spawn(async move {
            for slot in slots {
                // Never closed.
                let Ok(room) = asking.clone().acquire_owned().await else { return };
                let request = Request::Bundles(BundlesByRange { start_slot: slot, count: 1 });
                match network.request(peer, request).await {
                    Ok(items) => {
                        // The task may have ended.
                        let _ = fetched.send(Fetched::Bundles { peer, items, _room: room });
                    }
                    Err(error) => tracing::debug!(%error, "asking for bundles"),
                }
            }
        });
    }

    /// Asks some peer, another one each time: one that lags behind the others is helped by any.
    pub(super) fn ask_anyone_for_bundles(&mut self) {
        self.turn += 1;
        let peer = self.peers.iter().nth(self.turn % self.peers.len().max(1));
        if let Some(&peer) = peer {
            self.ask_for_bundles(peer);
        }
    }

    pub(super) async fn on_fetched(&mut self, fetched: Fetched) -> Result<(), JointError> {
        match fetched {
            Fetched::Pulled(pulled) => self.on_pulled(pulled, now_ms()),
            Fetched::Told { peer, place, told, _room } => self.on_told(peer, place, told, now_ms()),
            Fetched::Introduced { peer, heard } => self.introductions.told(peer, heard, now_ms()),
            Fetched::Proposers { block, answer } => self.on_proposers(block, answer, now_ms()).await?,
            Fetched::Bundles { peer, items, _room } => {
                for item in items {
                    let Ok(certified) = CertifiedBundle::from_ssz_bytes(&item) else {
                        self.joint.network.report(peer, Fault::Malformed);
                        break;
                    };
                    let place = (certified.bundle.job, certified.bundle.phase);
                    let Some(at) = self.places.get(&place).filter(|at| at.agreement.decided().is_none()) else { continue };
                    match verify_certified(certified, &at.agreement.setup().committee, &self.spec) {
                        Ok(certified) => self.handle(place, Input::Certified(Box::new(certified))).await?,
                        Err(error) => {
                            tracing::warn!(%peer, %error, "a bundle of a peer");
                            self.joint.network.report(peer, Fault::Malformed);
                            break;
                        }
                    }
                }
            }
        }
        Ok(())
    }
}

/// As many items as fit.
fn within(items: impl Iterator<Item = Vec<u8>>, most: usize) -> Vec<Vec<u8>> {
    let mut bytes = 0;
    items
        .take_while(|item| {
            bytes += item.len();
            bytes <= most
        })
        .collect()
}
