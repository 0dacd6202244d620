//! Whether our clock is right, as far as others' clocks tell.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::Finding;

/// Beyond this, which is also the tolerance for late submissions, a clock costs duties.
const WARN_MS: u64 = 500;
/// Beyond this phases are missed.
const BAD_MS: u64 = 2_000;
/// What a person does about it.
const MEND: &str = "synchronise this machine's clock: `timedatectl set-ntp true`, or chrony; then `chronyc tracking`";

/// Now in Unix milliseconds.
pub fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

/// How far our clock and another one are surely apart, in milliseconds; positive if ours is ahead.
///
/// The other one said `theirs..theirs + resolution` at some moment of `asked..answered` of ours, all in Unix milliseconds. What that interval
/// explains is not held against anybody.
#[must_use]
pub fn sure_skew_ms(theirs: u64, resolution: Duration, asked: u64, answered: u64) -> i64 {
    let (least, most) = (theirs as i64, theirs as i64 + resolution.as_millis() as i64);
    let (asked, answered) = (asked as i64, answered.max(asked) as i64);
    if asked > most {
        asked - most
    } else if answered < least {
        answered - least
    } else {
        0
    }
}

/// What a skew against `whom` means.
#[must_use]
pub fn judge(skew_ms: i64, whom: &str) -> Finding {
    let side = if skew_ms > 0 { "ahead of" } else { "behind" };
    let found = format!("{} ms {side} {whom}", skew_ms.unsigned_abs());
    match skew_ms.unsigned_abs() {
        0 => Finding::good("clock", format!("agrees with {whom}")),
        off if off <= WARN_MS => Finding::good("clock", found),
        off if off <= BAD_MS => Finding::warning("clock", found, MEND),
        _ => Finding::bad("clock", found, MEND),
    }
}

/// The slot in which a node must be if it has our clock, against the one in which it says it is.
#[must_use]
pub fn judge_slots(node_slot: u64, our_slot: u64, whom: &str) -> Option<Finding> {
    // A node that waits for its first block, or that we asked at the edge of two slots, may be one off.
    (node_slot > our_slot + 1).then(|| {
        let found = format!("{whom} is in slot {node_slot}, by our clock it is slot {our_slot}");
        Finding::bad("clock", found, MEND)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Standing;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn only_what_resolution_and_round_trip_do_not_explain_is_skew() {
        assert_eq!(sure_skew_ms(10_000, SECOND, 10_400, 10_450), 0);
        assert_eq!(sure_skew_ms(10_000, SECOND, 9_000, 10_001), 0);
        assert_eq!(sure_skew_ms(10_000, SECOND, 11_700, 11_750), 700);
        assert_eq!(sure_skew_ms(10_000, SECOND, 7_000, 7_100), -2_900);
        assert_eq!(sure_skew_ms(10_000, Duration::ZERO, 10_000, 10_000), 0);
    }

    #[test]
    fn large_skews_are_worse_and_name_the_way_out() {
        assert_eq!(judge(0, "a").standing, Standing::Good);
        assert_eq!(judge(-500, "a").standing, Standing::Good);
        assert_eq!(judge(501, "a").standing, Standing::Warning);
        let finding = judge(-2_001, "http://a");
        assert_eq!((finding.standing, finding.found.as_str()), (Standing::Bad, "2001 ms behind http://a"));
        assert!(finding.mend.unwrap().contains("chrony"));
    }

    #[test]
    fn a_node_in_a_later_slot_shows_that_our_clock_is_behind() {
        assert!(judge_slots(8, 7, "a").is_none());
        assert!(judge_slots(3, 7, "a").is_none());
        assert_eq!(judge_slots(9, 7, "a").unwrap().standing, Standing::Bad);
    }
}
