//! How many threads a prover has shows nowhere: plan, records and traces are the same.

use std::sync::Arc;

use quintet_air::Trace;
use quintet_machine::{AirId, Execution, Options, PlanIds, Planned, airs};
use quintet_types::Plan;

use crate::airs_programs::mixed;

/// Plan and traces as a prover with so many threads makes them.
fn with_threads(threads: usize) -> (Plan, Vec<Trace>) {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads can be started");
    pool.install(|| {
        let program = Arc::new(mixed().program().expect("the program loads"));
        let execution = Execution::run(program, Arc::from(&b"the same input"[..]), &Options::default()).expect("it halts");
        let planned = Planned::new(execution, 11, PlanIds::default()).expect("k is supported");
        let traces = planned.plan().entries.iter().map(|entry| {
            let air = AirId::try_from(entry.air).expect("plans hold known AIRs");
            let events = planned.instance_events(air, entry.index).expect("planned instances can be built");
            airs::trace(planned.execution().program(), air, entry.index, 11, &events).expect("planned instances fit")
        });
        (planned.plan().clone(), traces.collect())
    })
}

#[test]
fn one_thread_and_four_make_the_same_plan_and_the_same_traces() {
    let (one, four) = (with_threads(1), with_threads(4));
    assert_eq!(one.0.root(), four.0.root());
    for (entry, (one, four)) in one.0.entries.iter().zip(one.1.iter().zip(&four.1)) {
        assert!(one.columns == four.columns, "AIR {} instance {}", entry.air, entry.index);
    }
}
