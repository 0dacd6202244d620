//! D: exactly one digest for each entry of the plan, settled before T1 closes.
//!
//! All honest provers of an instance publish the same digest, so differing ones are a fault of somebody, and
//! recomputation tells of whom. With two digests to choose from after the challenge is known, bus sums could be
//! steered; that is why there is exactly one.

use std::collections::{BTreeMap, BTreeSet};

use quintet_types::{InstanceIndex, ProverIndex, Root};
use serde::{Deserialize, Serialize};

use crate::error::ProtocolError;

/// The digests that one prover committed to, in rising order of instance.
pub type Claims = Vec<(InstanceIndex, Root)>;

/// An instance with differing digests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dispute {
    /// The instance.
    pub instance: InstanceIndex,
    /// Each digest with the provers that claim it.
    pub claims: BTreeMap<Root, BTreeSet<ProverIndex>>,
}

/// D in the making. The order in which claims and resolutions come does not matter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settlement {
    claims: Vec<BTreeMap<Root, BTreeSet<ProverIndex>>>,
    resolved: Vec<Option<Root>>,
}

impl Settlement {
    /// Nothing known about `instances` instances, except the good entries of an earlier attempt.
    pub fn new(instances: usize, carried: &[Option<Root>]) -> Self {
        let mut resolved = carried.to_vec();
        resolved.resize(instances, None);
        Self { claims: vec![BTreeMap::new(); instances], resolved }
    }

    /// Notes what `prover` committed to.
    ///
    /// # Errors
    /// If it names an instance outside the plan; nothing is noted then.
    pub fn claim(&mut self, prover: ProverIndex, claims: &[(InstanceIndex, Root)]) -> Result<(), ProtocolError> {
        let instances = self.claims.len();
        if let Some(&(instance, _)) = claims.iter().find(|(instance, _)| instance.as_usize() >= instances) {
            return Err(ProtocolError::UnknownInstance { instance, instances });
        }
        for (instance, digest) in claims {
            self.claims[instance.as_usize()].entry(*digest).or_default().insert(prover);
        }
        Ok(())
    }

    /// Notes the digest that recomputation gives for `instance`; it beats all claims. Also how holes are filled by
    /// whoever closes the phase.
    ///
    /// # Errors
    /// If there is no such instance.
    pub fn resolve(&mut self, instance: InstanceIndex, digest: Root) -> Result<(), ProtocolError> {
        let instances = self.resolved.len();
        let place = self.resolved.get_mut(instance.as_usize()).ok_or(ProtocolError::UnknownInstance { instance, instances })?;
        *place = Some(digest);
        Ok(())
    }

    /// Instances with differing digests that nobody has recomputed yet.
    pub fn disputes(&self) -> Vec<Dispute> {
        self.open(|claims| claims.len() > 1).map(|(instance, claims)| Dispute { instance, claims: claims.clone() }).collect()
    }

    /// Instances that nobody has committed to.
    pub fn holes(&self) -> Vec<InstanceIndex> {
        self.open(BTreeMap::is_empty).map(|(instance, _)| instance).collect()
    }

    fn open(
        &self,
        which: impl Fn(&BTreeMap<Root, BTreeSet<ProverIndex>>) -> bool,
    ) -> impl Iterator<Item = (InstanceIndex, &BTreeMap<Root, BTreeSet<ProverIndex>>)> {
        self.claims
            .iter()
            .zip(0..)
            .filter(move |(claims, place)| self.resolved[*place as usize].is_none() && which(claims))
            .map(|(claims, place)| (InstanceIndex(place), claims))
    }

    /// D as far as it is settled: what was recomputed, else what all claims agree on. `None` for holes and disputes.
    pub fn digests(&self) -> Vec<Option<Root>> {
        self.claims
            .iter()
            .zip(&self.resolved)
            .map(|(claims, resolved)| match (resolved, claims.len()) {
                (Some(digest), _) => Some(*digest),
                (None, 1) => claims.keys().next().copied(),
                (None, _) => None,
            })
            .collect()
    }

    /// Provers that claim another digest than the settled one, with the instances concerned.
    pub fn culprits(&self) -> BTreeMap<ProverIndex, Vec<InstanceIndex>> {
        let mut culprits: BTreeMap<ProverIndex, Vec<InstanceIndex>> = BTreeMap::new();
        for ((claims, settled), place) in self.claims.iter().zip(self.digests()).zip(0..) {
            let Some(settled) = settled else { continue };
            for (_, provers) in claims.iter().filter(|(digest, _)| **digest != settled) {
                for prover in provers {
                    culprits.entry(*prover).or_default().push(InstanceIndex(place));
                }
            }
        }
        culprits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(n: u8) -> Root {
        Root::repeat_byte(n)
    }

    fn i(n: u32) -> InstanceIndex {
        InstanceIndex(n)
    }

    #[test]
    fn one_digest_an_instance_and_holes_and_disputes_have_none() {
        let mut settlement = Settlement::new(3, &[]);
        settlement.claim(ProverIndex(1), &[(i(0), digest(1)), (i(1), digest(2))]).unwrap();
        settlement.claim(ProverIndex(2), &[(i(0), digest(1)), (i(1), digest(3))]).unwrap();
        assert_eq!(settlement.digests(), [Some(digest(1)), None, None]);
        assert_eq!(settlement.holes(), [i(2)]);
        assert_eq!(settlement.disputes().len(), 1);
        assert!(settlement.culprits().is_empty(), "nobody is guilty before recomputation");
        settlement.resolve(i(1), digest(3)).unwrap();
        settlement.resolve(i(2), digest(4)).unwrap();
        assert_eq!(settlement.digests(), [Some(digest(1)), Some(digest(3)), Some(digest(4))]);
        assert_eq!(settlement.culprits(), BTreeMap::from([(ProverIndex(1), vec![i(1)])]));
        assert!(settlement.disputes().is_empty() && settlement.holes().is_empty());
    }

    #[test]
    fn recomputation_beats_a_unanimous_wrong_claim() {
        let mut settlement = Settlement::new(1, &[]);
        settlement.claim(ProverIndex(1), &[(i(0), digest(9))]).unwrap();
        settlement.resolve(i(0), digest(1)).unwrap();
        assert_eq!(settlement.digests(), [Some(digest(1))]);
        assert_eq!(settlement.culprits().len(), 1);
    }

    #[test]
    fn carried_entries_stay() {
        let mut settlement = Settlement::new(2, &[Some(digest(1)), None]);
        assert_eq!(settlement.holes(), [i(1)]);
        settlement.claim(ProverIndex(1), &[(i(0), digest(9))]).unwrap();
        assert_eq!(settlement.digests()[0], Some(digest(1)));
        assert_eq!(settlement.culprits().len(), 1);
    }

    #[test]
    fn unknown_instances_are_refused_whole() {
        let mut settlement = Settlement::new(1, &[]);
        settlement.claim(ProverIndex(1), &[(i(0), digest(1)), (i(1), digest(1))]).unwrap_err();
        assert_eq!(settlement.holes(), [i(0)]);
        settlement.resolve(i(1), digest(1)).unwrap_err();
    }
}
