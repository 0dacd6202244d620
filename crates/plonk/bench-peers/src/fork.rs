//! The fork `zakura-halo2-proofs`: the same circuit once more, in its types.

use std::{cell::RefCell, convert::Infallible, sync::Arc};

use anyhow::{Result, anyhow};
use ff::{Field, PrimeField};
use quintet_air::{AirSpec, Cell, Expr, Node};
use rand_core::TryRng;
use zakura::{
    circuit::{Layouter, SimpleFloorPlanner, Value},
    pasta::{EqAffine, Fp},
    plonk::{
        Advice, Circuit, Column, ConstraintSystem, Error, Expression, Fixed, Instance as InstanceColumn, ProvingKey,
        VirtualCells, create_proof, keygen_pk, keygen_vk,
    },
    poly::{Rotation, commitment::Params},
    transcript::{Blake2bWrite, Challenge255},
};

use crate::{
    measure::{Cost, measure},
    workload::Instance,
};

thread_local! {
    static SPEC: RefCell<Option<Arc<AirSpec>>> = const { RefCell::new(None) };
}

fn convert(value: &quintet_air::F) -> Fp {
    Fp::from_repr(value.to_repr()).expect("the fields are the same")
}

struct AirCircuit {
    fixed: Vec<Vec<Fp>>,
    advice: Vec<Vec<Fp>>,
}

#[derive(Clone)]
struct Config {
    advice: Vec<Column<Advice>>,
    fixed: Vec<Column<Fixed>>,
    instance: Column<InstanceColumn>,
}

impl Config {
    fn expression(&self, cells: &mut VirtualCells<'_, Fp>, expr: &Expr) -> Expression<Fp> {
        match expr.node() {
            Node::Const(value) => Expression::Constant(convert(value)),
            Node::Cell(Cell::Advice(column, rotation)) => cells.query_advice(self.advice[*column], Rotation(*rotation)),
            Node::Cell(Cell::Fixed(column, _)) => cells.query_fixed(self.fixed[*column]),
            Node::Cell(Cell::Public(place)) => cells.query_instance(self.instance, Rotation(*place as i32)),
            Node::Neg(a) => Expression::Negated(Box::new(self.expression(cells, a))),
            Node::Add(a, b) => {
                let a = self.expression(cells, a);
                Expression::Sum(Box::new(a), Box::new(self.expression(cells, b)))
            }
            Node::Mul(a, b) => {
                let a = self.expression(cells, a);
                Expression::Product(Box::new(a), Box::new(self.expression(cells, b)))
            }
            Node::Scale(a, by) => Expression::Scaled(Box::new(self.expression(cells, a)), convert(by)),
        }
    }
}

impl Circuit<Fp> for AirCircuit {
    type Config = Config;
    type FloorPlanner = SimpleFloorPlanner;

    fn without_witnesses(&self) -> Self {
        Self { fixed: self.fixed.clone(), advice: Vec::new() }
    }

    fn configure(meta: &mut ConstraintSystem<Fp>) -> Config {
        let spec = SPEC.with_borrow(Clone::clone).expect("set before every call");
        let config = Config {
            advice: spec.columns.iter().map(|_| meta.advice_column()).collect(),
            fixed: spec.fixed.iter().map(|_| meta.fixed_column()).collect(),
            instance: meta.instance_column(),
        };
        for constraint in &spec.constraints {
            meta.create_gate("air", |cells| vec![config.expression(cells, &constraint.expr)]);
        }
        config
    }

    fn synthesize(&self, config: Config, mut layouter: impl Layouter<Fp>) -> Result<(), Error> {
        layouter.assign_region(
            || "table",
            |mut region| {
                for (&column, values) in config.fixed.iter().zip(&self.fixed) {
                    for (row, &value) in values.iter().enumerate().filter(|(_, value)| **value != Fp::ZERO) {
                        region.assign_fixed(|| "", column, row, || Value::known(value))?;
                    }
                }
                for (&column, values) in config.advice.iter().zip(&self.advice) {
                    for (row, &value) in values.iter().enumerate().filter(|(_, value)| **value != Fp::ZERO) {
                        region.assign_advice(|| "", column, row, || Value::known(value))?;
                    }
                }
                Ok(())
            },
        )
    }
}

/// Numbers that need not be random.
struct Counter(u64);

impl TryRng for Counter {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.try_next_u64()? as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.0 = self.0.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        Ok(self.0 ^ (self.0 >> 29))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for chunk in bytes.chunks_mut(8) {
            let word = self.try_next_u64()?.to_le_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
        Ok(())
    }
}

/// The fork with its keys for an instance.
pub(crate) struct Fork {
    params: Params<EqAffine>,
    pk: ProvingKey<EqAffine>,
    circuits: [AirCircuit; 1],
    publics: Vec<Fp>,
}

impl Fork {
    pub(crate) fn new(instance: &Instance) -> Result<Self> {
        let spec = &instance.key.spec;
        SPEC.set(Some(Arc::clone(spec)));
        let params = Params::<EqAffine>::read(&mut instance.key.params.encode().as_slice())?;
        instance.with_witness(|witness| {
            let rows = spec.height() + 1;
            let first = witness.trace.columns.iter().map(|column| column.to_field(rows));
            let all = first.chain(witness.second.columns.iter().cloned());
            let advice = all.map(|column| column.iter().take(rows).map(convert).collect()).collect();
            let fixed = spec.fixed.iter().map(|column| column.values.iter().take(rows).map(convert).collect()).collect();
            let circuit = AirCircuit { fixed, advice };
            let blank = circuit.without_witnesses();
            let vk = keygen_vk(&params, &blank).map_err(failed)?;
            let pk = keygen_pk(&params, vk, &blank).map_err(failed)?;
            let publics = witness.publics.0.iter().map(convert).collect();
            Ok(Self { params, pk, circuits: [circuit], publics })
        })
    }

    /// What a proof costs.
    pub(crate) fn prove(&self) -> Result<Cost> {
        let (cost, _) = measure(|| {
            let mut transcript = Blake2bWrite::<_, _, Challenge255<_>>::init(Vec::new());
            create_proof(&self.params, &self.pk, &self.circuits, &[&[&self.publics]], Counter(1), &mut transcript)
                .map_err(failed)
        })?;
        Ok(cost)
    }
}

fn failed(error: Error) -> anyhow::Error {
    anyhow!("the fork: {error}")
}
