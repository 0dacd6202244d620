//! An [`AirSpec`] as a halo2 circuit: the same expression trees, fixed columns as flags, one instance column, nothing else.
//!
//! halo2's [`Circuit::configure`] has no receiver. The description reaches it through a thread-local that [`with_spec`] sets for the
//! length of one upstream call; upstream calls `configure` first thing and on the calling thread.

use std::{cell::RefCell, sync::Arc};

use ff::Field;
use halo2_proofs::{
    circuit::{Layouter, Region, SimpleFloorPlanner, Value},
    plonk::{Advice, Circuit, Column, ConstraintSystem, Error, Expression, Fixed, Instance, VirtualCells},
    poly::Rotation,
};
use quintet_air::{AirSpec, Cell, Expr, F, Node, PhaseTwoColumns, Trace};

thread_local! {
    static SPEC: RefCell<Option<Arc<AirSpec>>> = const { RefCell::new(None) };
}

/// Runs upstream code with `spec` as what [`Circuit::configure`] of [`AirCircuit`] describes.
pub(crate) fn with_spec<T>(spec: &Arc<AirSpec>, run: impl FnOnce() -> T) -> T {
    struct Restore(Option<Arc<AirSpec>>);
    impl Drop for Restore {
        fn drop(&mut self) {
            SPEC.set(self.0.take());
        }
    }
    let _restore = Restore(SPEC.replace(Some(Arc::clone(spec))));
    run()
}

/// The circuit of one instance; without a witness it is what keys are made from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AirCircuit<'a> {
    spec: &'a AirSpec,
    witness: Option<(&'a Trace, &'a PhaseTwoColumns)>,
}

impl<'a> AirCircuit<'a> {
    pub(crate) fn blank(spec: &'a AirSpec) -> Self {
        Self { spec, witness: None }
    }

    pub(crate) fn new(spec: &'a AirSpec, trace: &'a Trace, second: &'a PhaseTwoColumns) -> Self {
        Self { spec, witness: Some((trace, second)) }
    }

    /// Advice value; a witness with too few columns or rows reads as zero and is caught by the constraints.
    fn advice(&self, column: usize, row: usize) -> Option<F> {
        let (trace, second) = self.witness?;
        let value = match column.checked_sub(self.spec.phase_one) {
            None => trace.columns.get(column).map(|column| column.get(row)),
            Some(column) => second.columns.get(column).and_then(|column| column.get(row)).copied(),
        };
        value.filter(|value| *value != F::ZERO)
    }

    fn assign(&self, config: &Config, region: &mut Region<'_, F>) -> Result<(), Error> {
        let rows = self.spec.height() + 1;
        for (&column, info) in config.fixed.iter().zip(&self.spec.fixed) {
            for (row, &value) in info.values.iter().enumerate().take(rows).filter(|(_, value)| **value != F::ZERO) {
                region.assign_fixed(|| "", column, row, || Value::known(value))?;
            }
        }
        for (number, &column) in config.advice.iter().enumerate() {
            for row in 0..rows {
                if let Some(value) = self.advice(number, row) {
                    region.assign_advice(|| "", column, row, || Value::known(value))?;
                }
            }
        }
        Ok(())
    }
}

/// The columns, in the order of the description.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    advice: Vec<Column<Advice>>,
    fixed: Vec<Column<Fixed>>,
    instance: Column<Instance>,
}

impl Config {
    fn expression(&self, cells: &mut VirtualCells<'_, F>, expr: &Expr) -> Expression<F> {
        match expr.node() {
            Node::Const(value) => Expression::Constant(*value),
            Node::Cell(Cell::Advice(column, rotation)) => cells.query_advice(self.advice[*column], Rotation(*rotation)),
            // `AirKey::new` has refused rotations of fixed columns, which halo2 does not have.
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
            Node::Scale(a, by) => Expression::Scaled(Box::new(self.expression(cells, a)), *by),
        }
    }
}

impl Circuit<F> for AirCircuit<'_> {
    type Config = Config;
    type FloorPlanner = SimpleFloorPlanner;

    fn without_witnesses(&self) -> Self {
        Self::blank(self.spec)
    }

    fn configure(meta: &mut ConstraintSystem<F>) -> Config {
        let spec = SPEC.with_borrow(|spec| spec.clone()).expect("upstream is called inside with_spec only");
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

    fn synthesize(&self, config: Config, mut layouter: impl Layouter<F>) -> Result<(), Error> {
        layouter.assign_region(|| "table", |mut region| self.assign(&config, &mut region))
    }
}
