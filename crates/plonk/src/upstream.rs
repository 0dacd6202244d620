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
    fn proving_key(&self, key: &AirKey) -> Result<Arc<ProvingKey<Point>>, Error> {
        let name = (key.spec.id, key.spec.k, key.repr.to_repr());
        if let Some(made) = self.keys.lock().unwrap_or_else(PoisonError::into_inner).get(&name) {
            return Ok(Arc::clone(made));
        }
        // Not under the lock: upstream uses rayon, which may run another instance's proof on this very thread while it waits.
        let made = with_spec(&key.spec, || keygen_pk(&key.params, key.vk.clone(), &AirCircuit::blank(&key.spec)))
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
            key.params.commit_lagrange(&values, Blind(blind)).to_affine()
        };
        Ok(columns.iter().map(commit).collect())
    }

    fn prove(&self, key: &AirKey, witness: &Witness<'_>) -> Result<Vec<u8>, Error> {
        let proving_key = self.proving_key(key)?;
        let circuit = AirCircuit::new(&key.spec, witness.trace, witness.second);
        let mut transcript = TranscriptWriter::init(Vec::with_capacity(key.layout.proof_bytes()));
        let mut schedule = Schedule::new(&key.layout, witness.blinds.clone());
        with_spec(&key.spec, || {
            let instances: &[&[&[F]]] = &[&[&witness.publics.0]];
            create_proof(&key.params, &proving_key, &[circuit], instances, &mut schedule, &mut transcript)
        })
        .map_err(|source| Error::Upstream { doing: "proving", source })?;
        let (drawn, scheduled) = schedule.count();
        if drawn != scheduled {
            return Err(Error::Schedule { drawn, scheduled });
        }
        Ok(transcript.finalize())
    }
}
