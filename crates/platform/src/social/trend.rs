//! What is trending: likes with time decay, in a form that never has to be recomputed.
//!
//! A picture with `n` likes published at time `p` is worth `(1 + n) · 2^((p − now) / H)`: every half-life `H` halves it. All are halved alike, so
//! their order is that of `p + H · log2(1 + n)`, which the passing of time does not change. That number of microseconds is kept with the picture
//! and indexed; only a like or its end changes it. Read aloud: twice the likes are worth being one day younger.

use easel_store::Timestamp;

/// The half-life, in microseconds: a day. Changing it needs every kept place to be computed anew.
const HALF_LIFE: i64 = 24 * 3600 * 1_000_000;

/// A picture's place among trending ones: the larger, the further ahead.
pub(crate) fn place(published_at: Timestamp, likes: i64) -> i64 {
    let doublings = ((1 + likes.max(0)) as f64).log2();
    // At most 63 half-lives: far within what f64 and i64 hold exactly enough for an order of days.
    published_at.0.saturating_add((doublings * HALF_LIFE as f64).round() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kept_order_is_that_of_the_decayed_score_at_any_time() {
        let pictures: Vec<(i64, i64)> =
            (0..40).map(|i| (i64::from(i * 7919 % 40) * HALF_LIFE / 9, i64::from(i * i % 97))).collect();
        let mut kept: Vec<usize> = (0..pictures.len()).collect();
        kept.sort_by_key(|&i| std::cmp::Reverse(place(Timestamp(pictures[i].0), pictures[i].1)));
        for now in [0, 10, 100].map(|days| days * HALF_LIFE) {
            let score = |i: usize| {
                let (published, likes) = pictures[i];
                (1 + likes) as f64 * ((published - now) as f64 / HALF_LIFE as f64).exp2()
            };
            for pair in kept.windows(2) {
                assert!(score(pair[0]) >= score(pair[1]) * (1.0 - 1e-9), "{pair:?} at {now}");
            }
        }
        assert_eq!(place(Timestamp(5), 0), 5);
        assert_eq!(place(Timestamp(0), 3), 2 * HALF_LIFE);
        assert_eq!(place(Timestamp(0), -1), 0);
    }
}
