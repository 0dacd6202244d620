//! The reference backend: upstream's `create_proof`, with our scalars in place of its randomness.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use ff::PrimeField;
use group::Curve;
use halo2_proofs::{
    plonk::{ProvingKey, create_proof, keygen_pk},
    poly::commitment::Blind,
};
use quintet_air::{ColumnData, F};

use crate::{
    AirKey, Backend, Error, Witness,
    circuit::{AirCircuit, with_spec},
    schedule::Schedule,
    suite::{Point, TranscriptWriter},
};

/// Proving keys by AIR, k and transcript representation of the verifying key.
type ProvingKeys = HashMap<(u16, u32, [u8; 32]), Arc<ProvingKey<Point>>>;

/// Upstream's prover. It keeps the proving keys that it has made.
#[derive(Default)]
pub struct Upstream {
    keys: Mutex<ProvingKeys>,
}

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Upstream")
    }
}

impl Upstream {
    /// Makes the proving key of an AIR, which the first proof would make otherwise.
    ///
    /// # Errors
    /// If upstream refuses the circuit.
    pub fn prepare(&self, key: &AirKey) -> Result<(), Error> {
        self.proving_key(key).map(drop)
    }

    fn proving_key(&self, key: &AirKey) -> Result<Arc<ProvingKey<Point>>, Error> {
        let name = (key.spec.id, key.spec.k, key.repr.to_repr());
        if let Some(made) = self.keys.lock().unwrap_or_else(PoisonError::into_inner).get(&name) {
            return Ok(Arc::clone(made));
        }
        // Not under the lock: upstream uses rayon, which may run another instance's proof on this very thread while it waits.
        let made = with_spec(&key.spec, || keygen_pk(key.params.upstream(), key.vk.clone(), &AirCircuit::blank(&key.spec)))
            .map_err(|source| Error::Upstream { doing: "making a proving key", source })?;
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Arc::clone(keys.entry(name).or_insert_with(|| Arc::new(made))))
    }
}

impl Backend for Upstream {
    fn name(&self) -> &'static str {
        "upstream"
    }

    fn commit(&self, key: &AirKey, columns: &[(&ColumnData, F)]) -> Result<Vec<Point>, Error> {
        let domain = key.vk.get_domain();
        let commit = |&(column, blind): &(&ColumnData, F)| {
            let values = domain.lagrange_from_vec(column.to_field(key.spec.rows()));
            key.params.upstream().commit_lagrange(&values, Blind(blind)).to_affine()
        };
        Ok(columns.iter().map(commit).collect())
    }

    fn prove(&self, key: &AirKey, witness: &Witness<'_>) -> Result<Vec<u8>, Error> {
        self.prove_scheduled(key, witness, Schedule::new(&key.layout, witness.blinds.clone()))
    }
}

impl Upstream {
    fn prove_scheduled(&self, key: &AirKey, witness: &Witness<'_>, mut schedule: Schedule) -> Result<Vec<u8>, Error> {
        let proving_key = self.proving_key(key)?;
        let circuit = AirCircuit::new(&key.spec, witness.trace, witness.second);
        let mut transcript = TranscriptWriter::init(Vec::with_capacity(key.layout.proof_bytes()));
        with_spec(&key.spec, || {
            let instances: &[&[&[F]]] = &[&[&witness.publics.0]];
            create_proof(key.params.upstream(), &proving_key, &[circuit], instances, &mut schedule, &mut transcript)
        })
        .map_err(|source| Error::Upstream { doing: "proving", source })?;
        let (drawn, scheduled) = schedule.count();
        if drawn != scheduled {
            return Err(Error::Schedule { drawn, scheduled });
        }
        Ok(transcript.finalize())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AirKind, Digest, Params, ProofBlinds, verify::open_proof};
    use quintet_air::{Air, Builder, Column, Free, Message, Publics, Tag, Trace, build, phase_two, public};

    /// Sends one message, so that its sum is not 0.
    struct Sender {
        value: Column<Free>,
    }

    impl Air for Sender {
        const ID: u16 = 5;
        const NAME: &'static str = "sender";

        fn build(b: &mut Builder) -> Self {
            let (value, on) = (b.field("value"), b.flag("on", |row| row == 0));
            b.send("value", on, Message::new(Tag(9)).value(value));
            Self { value }
        }
    }

    /// Trap 4: the rows after the end row are the prover's to choose, and nothing that it puts there changes what a proof says.
    #[test]
    fn values_in_tail_rows_prove_no_other_sum() {
        let (air, spec) = build::<Sender>(6).unwrap();
        let key = AirKey::new(&Arc::new(Params::new(6)), spec, AirKind::Execution).unwrap();
        let mut trace = Trace::new(&key.spec);
        trace.fill(1, |_, row| row.set_field(air.value, F::from(3)));
        let second = quintet_air::phase_two(&key.spec, &trace, F::from(1000), F::from(7));
        assert_ne!(second.sum, F::from(0));
        let prove = |sum: F, tail: Option<F>| {
            let mut publics = Publics([F::from(0); public::COUNT]);
            publics.0[public::ALPHA] = F::from(1000);
            publics.0[public::BETA] = F::from(7);
            publics.0[public::AIR] = F::from(5);
            publics.0[public::SUM] = sum;
            let mut second = phase_two(&key.spec, &trace, F::from(1000), F::from(7));
            if let Some(column) = second.columns.last_mut().filter(|_| sum != second.sum) {
                column[0] = sum;
            }
            let blinds = ProofBlinds::derive(&key.layout, &[F::from(1)], &Digest([0; 32]), &publics);
            let mut schedule = Schedule::new(&key.layout, blinds.clone());
            if let Some(tail) = tail {
                schedule = schedule.with_tails(tail);
            }
            let witness = Witness { trace: &trace, resident: None, second: &second, publics, blinds };
            let proof = Upstream::default().prove_scheduled(&key, &witness, schedule).unwrap();
            open_proof(&key, &publics, &proof).is_ok_and(|msm| msm.eval())
        };
        assert!(prove(second.sum, None));
        assert!(prove(second.sum, Some(F::from(11))), "tail rows are free");
        assert!(!prove(second.sum + F::from(1), None));
        assert!(!prove(second.sum + F::from(1), Some(second.sum + F::from(1))));
    }
}
