//! Which peer is whose: commitments of an open T1 go to the sidecars of its validators only.
//!
//! Whoever else saw them before the phase closes could commit to the same without having executed anything. So a sidecar that votes introduces itself to
//! its peers by its validator's signature, and hands the bodies of an open T1 to nobody who has not.

use std::collections::{BTreeMap, HashMap};

use quintet_gossip::{PeerId, Request};
use quintet_keys::{PublicKey, Signature};
use quintet_signer::{SigningRequest, Subject};
use quintet_types::{
    Introduction, JobId, PeerClaim, Phase, PublicKeyBytes, Root, SigningVariant, Slot, Spec, TreeHash as _, ValidatorIndex,
    domain::DOMAIN_INTRODUCTION,
};
use sha2::{Digest as _, Sha256};

use super::Running;

/// How long an introduction holds, ms: a day. It is said anew after half of that.
const VALID_MS: u64 = 86_400_000;
/// Between two attempts to sign, or to tell a peer, ms.
const PAUSE_MS: u64 = 15_000;

/// What a peer said of itself.
#[derive(Debug)]
struct Theirs {
    introduction: Introduction,
    /// The key that its signature was last held against, and whether it is that key's.
    looked_at: Option<((PublicKeyBytes, SigningVariant), bool)>,
}

/// Introductions, ours and theirs.
#[derive(Debug, Default)]
pub(super) struct Introductions {
    ours: Option<Introduction>,
    /// When signing is tried again.
    again_ms: u64,
    /// Peers that were told ours, or when they are to be told again.
    told: HashMap<PeerId, Option<u64>>,
    theirs: HashMap<PeerId, Theirs>,
}

/// What stands for a peer in what is signed.
fn named(peer: &PeerId) -> Root {
    Root::from(<[u8; 32]>::from(Sha256::digest(peer.to_bytes())))
}

impl Introductions {
    /// A peer is gone.
    pub(super) fn forget(&mut self, peer: &PeerId) {
        self.told.remove(peer);
        self.theirs.remove(peer);
    }

    /// A peer introduced itself. Whether that holds is looked at when it matters, by the job's validators.
    pub(super) fn hear(&mut self, peer: PeerId, introduction: Introduction) {
        self.theirs.insert(peer, Theirs { introduction, looked_at: None });
    }

    /// A peer was told ours, or did not hear it.
    pub(super) fn told(&mut self, peer: PeerId, heard: bool, now: u64) {
        if let Some(told) = self.told.get_mut(&peer) {
            *told = if heard { None } else { Some(now + PAUSE_MS) };
        }
    }

    /// The validator whose sidecar a peer is, if `key_of` knows the validator and the peer's introduction is signed by that key and not over.
    pub(super) fn validator(
        &mut self,
        peer: &PeerId,
        at: Slot,
        spec: &Spec,
        key_of: impl FnOnce(ValidatorIndex) -> Option<(PublicKey, SigningVariant)>,
    ) -> Option<ValidatorIndex> {
        let theirs = self.theirs.get_mut(peer)?;
        let said = theirs.introduction;
        let lasts = said.expires > at && said.expires <= at.plus(2 * valid_slots(spec));
        let (key, variant) = key_of(said.validator).filter(|_| lasts)?;
        let by = (PublicKeyBytes::from(key), variant);
        // Once for each key: false ones cost no more than that.
        if theirs.looked_at.is_none_or(|(key, _)| key != by) {
            let root = said.claim(named(peer)).signing_root(variant, spec);
            let holds = Signature::try_from(&said.signature).is_ok_and(|signature| signature.verify(&root.0, &key));
            theirs.looked_at = Some((by, holds));
        }
        theirs.looked_at.is_some_and(|(_, holds)| holds).then_some(said.validator)
    }
}

/// How long an introduction holds, in slots.
fn valid_slots(spec: &Spec) -> u64 {
    (VALID_MS / spec.slot_duration_ms.max(1)).max(2)
}

impl Running {
    /// Introduces this sidecar to peers that do not know it yet.
    pub(super) async fn introduce(&mut self, now: u64) {
        let slot = self.joint.shared.read().slot_at(now);
        let half = valid_slots(&self.spec) / 2;
        if self.introductions.ours.is_none_or(|ours| ours.expires <= slot.plus(half)) {
            if now < self.introductions.again_ms {
                return;
            }
            self.introductions.again_ms = now + PAUSE_MS;
            let Some(ours) = self.sign_introduction(slot.plus(2 * half)).await else { return };
            self.introductions.ours = Some(ours);
            self.introductions.told.clear();
        }
        let Some(ours) = self.introductions.ours else { return };
        for &peer in &self.peers {
            let told = self.introductions.told.get(&peer);
            if told.is_some_and(|again| again.is_none_or(|again| now < again)) {
                continue;
            }
            // Until it has answered it counts as told.
            self.introductions.told.insert(peer, None);
            let (network, fetched) = (self.joint.network.clone(), self.fetched.clone());
            tokio::spawn(async move {
                let answer = network.request(peer, Request::Introduction(ours)).await;
                let heard = answer.inspect_err(|error| tracing::debug!(%peer, %error, "introducing this sidecar")).is_ok();
                // The task may have ended.
                let _ = fetched.send(super::Fetched::Introduced { peer, heard });
            });
        }
    }

    async fn sign_introduction(&self, expires: Slot) -> Option<Introduction> {
        let validator = self.joint.me?;
        let enrolled = self.joint.enrolled.latest()?;
        let key: PublicKeyBytes = enrolled.member(validator)?.key.into();
        let claim = PeerClaim { peer: named(&self.joint.network.local_peer_id()), validator, expires };
        let request = SigningRequest {
            subject: Subject::Introduction { expires },
            object_root: claim.tree_hash_root(),
            domain: self.spec.domain(DOMAIN_INTRODUCTION),
        };
        match self.joint.signer.sign(&key, request).await {
            Ok(signature) => Some(Introduction { validator, expires, signature }),
            Err(error) => {
                tracing::error!(%error, "this sidecar cannot introduce itself: it gets commitments of open phases from provers only, and cannot vote on the others'");
                None
            }
        }
    }

    /// Whether a peer may have the bodies of a phase.
    pub(super) fn may_have(&mut self, peer: &PeerId, job: &JobId, phase: Phase, now: u64) -> bool {
        let (is_open, slot) = {
            let core = self.joint.shared.read();
            (core.job(job).is_some_and(|live| live.job().phase() == Some(Phase::T1)), core.slot_at(now))
        };
        if phase != Phase::T1 || !is_open {
            return true;
        }
        let Some(at) = self.places.get(&(*job, phase)) else { return false };
        let committee = &at.agreement.setup().committee;
        let key_of = |validator| committee.member(validator).map(|member| (member.key, member.variant));
        self.introductions.validator(peer, slot, &self.spec, key_of).is_some()
    }

    /// Whether this sidecar gets the commitments of an open T1 from others.
    pub(super) fn is_party(&self, job: &JobId, phase: Phase) -> bool {
        let member = |me| self.places.get(&(*job, phase)).is_none_or(|at| at.agreement.setup().committee.member(me).is_some());
        phase != Phase::T1 || self.joint.me.is_some_and(member)
    }

    /// Peers by validator, as far as they are known, for the board.
    pub(super) fn introduced(&mut self, now: u64) -> BTreeMap<PeerId, ValidatorIndex> {
        let Some(enrolled) = self.joint.enrolled.latest() else { return BTreeMap::new() };
        let slot = self.joint.shared.read().slot_at(now);
        let key_of = |validator| enrolled.member(validator).map(|member| (member.key, member.variant));
        let peers: Vec<PeerId> = self.peers.iter().copied().collect();
        let known = |peer: PeerId| Some((peer, self.introductions.validator(&peer, slot, &self.spec, key_of)?));
        peers.into_iter().filter_map(known).collect()
    }
}

#[cfg(test)]
mod tests {
    use quintet_gossip::NodeKey;
    use quintet_keys::SecretKey;

    use super::*;

    #[test]
    fn an_introduction_is_of_one_peer_by_one_key_and_ends() {
        let spec = Spec::default();
        let secret = SecretKey::from_bytes(&[7; 32]).unwrap();
        let other = SecretKey::from_bytes(&[8; 32]).unwrap();
        let (peer, stranger) = (NodeKey::generate().peer_id(), NodeKey::generate().peer_id());
        let signed = |variant, expires| {
            let claim = PeerClaim { peer: named(&peer), validator: ValidatorIndex(3), expires };
            let signature = secret.sign(&claim.signing_root(variant, &spec).0).to_bytes().into();
            Introduction { validator: claim.validator, expires, signature }
        };
        for variant in SigningVariant::ALL {
            let mut known = Introductions::default();
            known.hear(peer, signed(variant, Slot(100)));
            // What one peer signed says nothing of another one.
            known.hear(stranger, signed(variant, Slot(100)));
            let mut of = |peer: &PeerId, at, key: &SecretKey, variant| {
                known.validator(peer, Slot(at), &spec, |index| (index.0 == 3).then(|| (key.public_key(), variant)))
            };
            assert_eq!(of(&peer, 99, &secret, variant), Some(ValidatorIndex(3)));
            assert_eq!(of(&peer, 100, &secret, variant), None, "it is over");
            assert_eq!(of(&peer, 99, &other, variant), None, "another key");
            assert_eq!(of(&stranger, 99, &secret, variant), None);
            let another = SigningVariant::ALL.into_iter().find(|other| *other != variant).unwrap();
            assert_eq!(of(&peer, 99, &secret, another), None, "{another} is not what was signed");
            assert_eq!(of(&peer, 99, &secret, variant), Some(ValidatorIndex(3)));
        }
        let mut known = Introductions::default();
        known.hear(peer, signed(SigningVariant::Direct, Slot(u64::MAX)));
        assert_eq!(
            known.validator(&peer, Slot(1), &spec, |_| Some((secret.public_key(), SigningVariant::Direct))),
            None,
            "for ever"
        );
    }
}
