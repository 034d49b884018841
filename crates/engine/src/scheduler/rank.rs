//! Who goes first: plan priority raised by waiting, then those within their user's share, then those that can still be in time, by
//! slack, then the shortest rest.
//!
//! Slack (time to the target that is left once the work is done) is taken relative to the picture's own solo time and in bands that get
//! finer as it gets short: within a band the shortest rest goes first (SRPT), which minimises the mean; across bands urgency counts.
//! Comparing exact slack instead would make equals take turns and finish together, late.

use serde::{Deserialize, Serialize};

/// Priorities gained by each period waited.
pub const AGEING_GAIN: i32 = 10;

/// A place in the order; smaller is served first. Ties are broken by arrival, so that equal requests are served in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Rank {
    /// Minus the priority after ageing.
    pub below: i32,
    /// The user has enough others in front.
    pub over_share: bool,
    /// The target cannot be met any more: those who can go first.
    pub late: bool,
    /// How urgent, 0 the most; only while in time.
    pub band: u8,
    /// Microseconds of work left.
    pub rest: u64,
    /// Microseconds: when it came, or when its user's turn came.
    pub since: u64,
    /// The order of submission, among pictures that arrived together.
    pub serial: u64,
}

/// What a rank is made of. Times are microseconds.
#[derive(Debug, Clone, Copy)]
pub struct Facts {
    /// The plan's priority.
    pub priority: i32,
    /// When it came.
    pub arrival: u64,
    /// When it came, or when its user's turn came, if that was later: a long line of one user's must not outrank newcomers by its age.
    pub since: u64,
    /// When it should be done.
    pub target: u64,
    /// Work left, alone on the device.
    pub rest: u64,
    /// All its work, alone on the device.
    pub solo: u64,
    /// The user has enough others in front.
    pub over_share: bool,
    /// The order of submission.
    pub serial: u64,
}

impl Rank {
    /// The rank at a moment; waiting `ageing` microseconds is worth [`AGEING_GAIN`] priorities.
    pub fn at(now: u64, ageing: u64, facts: &Facts) -> Self {
        let waited = now.saturating_sub(facts.arrival);
        let periods = i32::try_from(waited / ageing.max(1)).unwrap_or(i32::MAX / AGEING_GAIN).min(1 << 20);
        let done = now.saturating_add(facts.rest);
        let late = done > facts.target;
        Self {
            below: -(facts.priority + AGEING_GAIN * periods),
            over_share: facts.over_share,
            late,
            band: if late { 0 } else { band(facts.target - done, facts.solo) },
            rest: facts.rest,
            since: facts.since,
            serial: facts.serial,
        }
    }

    /// The next moment at which the rank of somebody whose facts stay the same is another.
    pub fn until(now: u64, ageing: u64, facts: &Facts) -> u64 {
        let ageing = ageing.max(1);
        let periods = now.saturating_sub(facts.arrival) / ageing + 1;
        let older = facts.arrival.saturating_add(ageing.saturating_mul(periods));
        let done = now.saturating_add(facts.rest);
        if done > facts.target {
            return older;
        }
        // The least slack of this band: less than that is the next one, and less than none is late.
        let least = match band(facts.target - done, facts.solo) {
            0 => 0,
            band => (((1u64 << band) - 1).saturating_mul(facts.solo.max(1))).div_ceil(4),
        };
        older.min(facts.target.saturating_sub(facts.rest).saturating_sub(least).saturating_add(1))
    }
}

/// Bands of slack in units of a quarter of the solo time: up to 1, 3, 7, 15, … quarters.
fn band(slack: u64, solo: u64) -> u8 {
    (slack.saturating_mul(4) / solo.max(1)).saturating_add(1).ilog2() as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    const AGEING: u64 = 60_000_000;

    fn facts(serial: u64) -> Facts {
        Facts {
            priority: 0,
            arrival: 0,
            since: 0,
            target: 3_000_000,
            rest: 1_000_000,
            solo: 1_000_000,
            over_share: false,
            serial,
        }
    }

    #[test]
    fn priority_beats_everything_but_a_long_wait() {
        let paying = Facts { priority: 10, arrival: 59_000_000, target: u64::MAX, ..facts(2) };
        let free = facts(1);
        assert!(Rank::at(59_000_000, AGEING, &paying) < Rank::at(59_000_000, AGEING, &free));
        let top = Facts { priority: 30, arrival: 240_000_000, ..paying };
        assert!(Rank::at(240_000_000, AGEING, &free) < Rank::at(240_000_000, AGEING, &top), "four periods are worth 40");
    }

    #[test]
    fn a_rank_stays_until_it_says() {
        for (target, rest, solo) in [(3_000, 1_000, 1_000), (100, 500, 500), (90_000, 333, 777), (5_000, 5_000, 1), (64, 0, 7)] {
            let facts = Facts { arrival: 17, target, rest, solo, ..facts(1) };
            let mut now = 17;
            while now < 100_000 {
                let until = Rank::until(now, 9_000, &facts);
                assert!(until > now);
                let rank = Rank::at(now, 9_000, &facts);
                assert_eq!(rank, Rank::at(until - 1, 9_000, &facts), "{facts:?} from {now} to {until}");
                assert_ne!(rank, Rank::at(until, 9_000, &facts), "{facts:?} at {until}");
                now = until;
            }
        }
    }

    #[test]
    fn urgent_goes_before_short_and_short_before_early() {
        let relaxed = Facts { target: 100_000_000, rest: 1, ..facts(1) };
        let urgent = Facts { target: 1_200_000, ..facts(2) };
        assert!(Rank::at(0, AGEING, &urgent) < Rank::at(0, AGEING, &relaxed));
        let shorter = Facts { rest: 900_000, ..facts(3) };
        assert!(Rank::at(0, AGEING, &shorter) < Rank::at(0, AGEING, &facts(1)), "one band, less to do");
        assert!(Rank::at(0, AGEING, &facts(1)) < Rank::at(0, AGEING, &facts(2)));
    }

    #[test]
    fn who_is_late_anyway_and_who_has_had_his_share_wait() {
        let late = Facts { target: 500_000, ..facts(1) };
        assert!(Rank::at(0, AGEING, &facts(2)) < Rank::at(0, AGEING, &late));
        let greedy = Facts { over_share: true, ..facts(1) };
        assert!(Rank::at(0, AGEING, &late) < Rank::at(0, AGEING, &greedy));
    }
}
