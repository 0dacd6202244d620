//! Whole proofs of the real machine, forged in every way, and the tables behind a real block.

mod fixture;
mod forgeries;
mod plans;
mod rounds;
mod tables;

/// Runs checks that share one proof, each under its name.
macro_rules! run {
    ($($module:ident::$name:ident),* $(,)?) => {
        $(
            println!("{}", stringify!($name));
            $module::$name();
        )*
    };
}

/// One test, because every test has a process of its own and the proof takes seconds of processor time.
#[test]
fn nothing_passes_for_a_proof_but_the_proof() {
    run![
        forgeries::honest_proofs_verify,
        forgeries::a_partial_is_bound_to_its_prover,
        forgeries::a_partial_is_bound_to_its_job,
        forgeries::a_partial_is_bound_to_its_instance,
        forgeries::a_partial_is_bound_to_its_challenge,
        forgeries::swapped_elements_are_refused,
        forgeries::truncated_and_extended_proofs_are_refused,
        forgeries::truncated_and_extended_encodings_are_refused,
        forgeries::scalars_that_are_not_canonical_are_refused,
        forgeries::an_aggregate_without_an_instance_is_refused,
        forgeries::an_aggregate_with_an_instance_twice_is_refused,
        forgeries::an_aggregate_in_another_order_is_refused,
        forgeries::an_aggregate_with_a_foreign_partial_is_refused,
        forgeries::an_aggregate_is_bound_to_its_maker,
        forgeries::another_statement_is_refused,
        rounds::digests_of_one_instance_cannot_be_mixed,
        rounds::a_proof_of_another_trace_than_the_committed_one_is_refused,
        rounds::a_boundary_value_cannot_be_solved_for_after_the_challenge,
        rounds::an_output_cannot_be_solved_for_after_the_challenge,
        rounds::sums_that_cancel_are_refused_alone,
        rounds::a_wrong_output_cannot_be_proven_anew,
        rounds::a_trace_that_breaks_a_constraint_has_no_proof,
        plans::an_empty_plan_is_refused,
        plans::a_doubled_or_missing_image_is_refused,
        plans::a_doubled_or_invented_program_is_refused,
        plans::gaps_and_unknown_airs_are_refused,
        rounds::commitments_do_not_depend_on_the_number_of_threads,
    ];
}
