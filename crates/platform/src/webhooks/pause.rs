//! When a delivery is tried again: after seconds at first, after hours in the end, for a little more than a day.
//!
//! The steps are those the specification of Standard Webhooks gives as an example.

use std::time::Duration;

use easel_store::Timestamp;

/// Between one attempt and the next.
const PAUSES: [Duration; 8] = [
    Duration::from_secs(5),
    Duration::from_secs(5 * 60),
    Duration::from_secs(30 * 60),
    Duration::from_secs(2 * 3600),
    Duration::from_secs(5 * 3600),
    Duration::from_secs(8 * 3600),
    Duration::from_secs(8 * 3600),
    Duration::from_secs(8 * 3600),
];

/// When it is tried again after so many attempts; `None` is never. Up to a fifth later by chance (0..=255), so that what failed together
/// does not come back together, and no sooner than the receiver asked for, within reason.
pub(super) fn next(now: Timestamp, attempts: i64, chance: u8, asked: Option<Duration>) -> Option<Timestamp> {
    let done = usize::try_from(attempts.saturating_sub(1)).unwrap_or(0);
    let pause = *PAUSES.get(done)?;
    let longest = PAUSES[PAUSES.len() - 1];
    let pause = pause.max(asked.unwrap_or_default().min(longest));
    Some(now.after(pause + pause * u32::from(chance) / (5 * 255)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_tried_for_more_than_a_day_and_then_no_more() {
        let at = |attempts, chance| next(Timestamp(0), attempts, chance, None);
        let (mut now, mut attempts) = (Timestamp(0), 1);
        while let Some(next) = next(now, attempts, 0, None) {
            assert!(next > now);
            (now, attempts) = (next, attempts + 1);
        }
        assert_eq!(attempts, 9);
        let hours = now.0 / 3_600_000_000;
        assert!((24..48).contains(&hours), "{hours}");
        assert_eq!((at(1, 0), at(1, 255)), (Some(Timestamp(5_000_000)), Some(Timestamp(6_000_000))));
        assert_eq!((at(9, 0), at(i64::MAX, 0)), (None, None));
    }

    #[test]
    fn a_receiver_may_ask_for_more_time_and_not_for_ever() {
        let at = |asked| next(Timestamp(0), 1, 0, Some(Duration::from_secs(asked))).map(|at| at.0 / 1_000_000);
        assert_eq!((at(1), at(60), at(u64::MAX)), (Some(5), Some(60), Some(8 * 3600)));
    }
}
