//! The honest path.

use crate::toy::honest;

#[test]
fn every_partial_of_an_honest_round_verifies_alone_and_together() {
    let honest = honest();
    for partial in &honest.partials {
        honest.round.verify_partial(partial).unwrap();
    }
    assert!(honest.round.verify_partials(&honest.partials).iter().all(Result::is_ok));
}
