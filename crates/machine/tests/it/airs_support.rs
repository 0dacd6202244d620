//! A whole execution as tables: every instance of a plan with its trace, and the verdict over constraints and bus.

use std::sync::Arc;

use quintet_air::{AirSpec, BusBalance, F, Imbalance, Tag, Trace};
use quintet_machine::{
    AirId, Execution, PlanIds, Planned,
    airs::{self, tag, testing},
};

/// One instance.
#[derive(Clone)]
pub(crate) struct Instance {
    pub(crate) air: AirId,
    pub(crate) index: u32,
    pub(crate) spec: Arc<AirSpec>,
    pub(crate) trace: Trace,
}

/// All instances of an execution, and what the verifier knows of it.
#[derive(Clone)]
pub(crate) struct Tables {
    pub(crate) instances: Vec<Instance>,
    pub(crate) entry: u64,
    pub(crate) exit_code: u64,
    pub(crate) outputs: Vec<u64>,
}

impl Tables {
    /// The tables of an honest prover.
    pub(crate) fn new(execution: Execution, k: u32) -> Self {
        let planned = Planned::new(execution, k, PlanIds::default()).expect("k is supported");
        let program = planned.execution().program();
        let mut instances = Vec::new();
        for entry in &planned.plan().entries {
            let air = AirId::try_from(entry.air).expect("plans hold known AIRs");
            let events = planned.instance_events(air, entry.index).expect("planned instances can be built");
            let trace = airs::trace(program, air, entry.index, k, &events).expect("planned instances fit");
            instances.push(Instance { air, index: entry.index, spec: airs::spec(air, k), trace });
        }
        let execution = planned.execution();
        let outputs = execution.outputs().to_vec();
        Self { instances, entry: program.entry(), exit_code: execution.exit_code(), outputs }
    }

    /// The first instance of an AIR.
    pub(crate) fn first(&mut self, air: AirId) -> &mut Instance {
        self.instances.iter_mut().find(|instance| instance.air == air).expect("the program uses the AIR")
    }

    /// The bus with the verifier's terms.
    pub(crate) fn imbalances(&self) -> Vec<Imbalance> {
        let mut bus = BusBalance::default();
        let (one, public) = (F::from(1), "public");
        bus.add(tag::CPU, &[F::from(self.entry), one], one, public);
        bus.add(tag::HALT, &[F::from(self.exit_code)], -one, public);
        for (index, word) in (0..).zip(&self.outputs) {
            bus.add(tag::OUT, &[F::from(index), F::from(*word)], -one, public);
        }
        for instance in &self.instances {
            bus.add_instance(&instance.spec, &instance.trace);
        }
        bus.imbalances()
    }

    /// What is wrong, in words; `Ok` if a verifier would accept.
    pub(crate) fn verdict(&self) -> Result<(), String> {
        for instance in &self.instances {
            if let Some(violation) = testing::check(&instance.spec, &instance.trace, instance.index).first() {
                // A constraint may read hundreds of cells.
                return Err(violation.to_string().chars().take(1000).collect());
            }
        }
        self.imbalances().first().map_or(Ok(()), |imbalance| Err(format!("{imbalance:?}")))
    }
}

impl Instance {
    /// Changes a cell, and the counts of the local tables with it.
    pub(crate) fn set(&mut self, column: &str, row: usize, value: impl Into<F>) -> &mut Self {
        let column = self.spec.column(column).unwrap_or_else(|| panic!("{} has no column {column}", self.air));
        self.trace.columns[column].set(row, value.into());
        self.trace.count_tables(&self.spec);
        self
    }

    /// Value of a cell.
    pub(crate) fn get(&self, column: &str, row: usize) -> F {
        self.trace.get(self.spec.column(column).unwrap_or_else(|| panic!("{} has no column {column}", self.air)), row)
    }

    /// First row at which a column is 1.
    pub(crate) fn row_with(&self, column: &str) -> usize {
        (0..self.spec.height()).find(|&row| self.get(column, row) == F::from(1)).expect("some row has it")
    }

    /// As [`Self::set`], without counting the tables anew.
    pub(crate) fn set_uncounted(&mut self, column: &str, row: usize, value: impl Into<F>) {
        let column = self.spec.column(column).unwrap_or_else(|| panic!("{} has no column {column}", self.air));
        self.trace.columns[column].set(row, value.into());
    }

    /// Leaves one row, as the first.
    pub(crate) fn keep_row(&mut self, row: usize) {
        let mut trace = Trace::new(&self.spec);
        for column in 0..self.spec.phase_one {
            trace.columns[column].set(0, self.trace.get(column, row));
        }
        trace.count_tables(&self.spec);
        self.trace = trace;
    }
}

/// Names of the constraints that an instance violates.
pub(crate) fn violated(instance: &Instance) -> Vec<String> {
    let violations = testing::check(&instance.spec, &instance.trace, instance.index);
    violations.into_iter().map(|violation| violation.constraint).collect()
}

/// Tags of the messages that are out of balance.
pub(crate) fn open(tables: &Tables) -> Vec<Tag> {
    let mut tags: Vec<Tag> = tables.imbalances().into_iter().map(|imbalance| imbalance.tag).collect();
    tags.sort();
    tags.dedup();
    tags
}

/// Checks all instances of a plan one after the other, none of them kept: constraints at every row, and the sums over the bus with the
/// verifier's terms. Returns the number of instances.
pub(crate) fn check_one_by_one(execution: Execution, k: u32) -> usize {
    use ff::Field;
    let planned = Planned::new(execution, k, PlanIds::default()).expect("k is supported");
    let (program, execution) = (planned.execution().program(), planned.execution());
    let [alpha, beta] = testing::challenges();
    let term = |tag: Tag, parts: &[u64]| {
        let parts: Vec<F> = parts.iter().copied().map(F::from).collect();
        quintet_air::fingerprint(alpha, beta, tag, &parts).invert().expect("no fingerprint is 0")
    };
    let mut sum = term(tag::CPU, &[program.entry(), 1]) - term(tag::HALT, &[execution.exit_code()]);
    for (index, word) in (0..).zip(execution.outputs()) {
        sum -= term(tag::OUT, &[index, *word]);
    }
    for entry in &planned.plan().entries {
        let air = AirId::try_from(entry.air).expect("plans hold known AIRs");
        let events = planned.instance_events(air, entry.index).expect("planned instances can be built");
        let trace = airs::trace(program, air, entry.index, k, &events).expect("planned instances fit");
        let (violations, own) = testing::check_and_sum(&airs::spec(air, k), &trace, entry.index);
        assert!(violations.is_empty(), "{air} {}: {}", entry.index, violations[0]);
        sum += own;
    }
    assert_eq!(sum, F::ZERO, "the bus does not balance");
    planned.plan().entries.len()
}
