//! Time, money and names: the small words every table is made of.

use std::{fmt, sync::Mutex, time::Duration};

use rand::{Rng, SeedableRng, rngs::StdRng};
use serde::{Deserialize, Serialize};
use uuid::Builder;

/// Microseconds since 1970 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, sqlx::Type)]
#[sqlx(transparent)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// As far in the future as there is.
    pub const MAX: Self = Self(i64::MAX);

    /// Later by this much; stays at the end of time.
    pub fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(micros(duration)))
    }

    /// Earlier by this much.
    pub fn before(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(micros(duration)))
    }

    /// How long until `later`; nothing if that is past.
    pub fn until(self, later: Self) -> Duration {
        Duration::from_micros(u64::try_from(later.0.saturating_sub(self.0)).unwrap_or(0))
    }

    /// Whole days since 1970 UTC.
    pub fn day(self) -> i64 {
        self.0.div_euclid(86_400_000_000)
    }

    /// The first moment of a day counted as [`Self::day`] does.
    pub fn of_day(day: i64) -> Self {
        Self(day.saturating_mul(86_400_000_000))
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// An amount of credits, in millionths of one: whole numbers, so that nothing is ever lost in rounding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, sqlx::Type)]
#[sqlx(transparent)]
#[serde(transparent)]
pub struct Credits(pub i64);

impl Credits {
    /// Millionths in one credit.
    pub const UNIT: i64 = 1_000_000;
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// Whole credits; `None` if there are more than fit (nine million million).
    pub fn whole(credits: i64) -> Option<Self> {
        credits.checked_mul(Self::UNIT).map(Self)
    }

    /// So many times as much.
    pub fn times(self, count: i64) -> Option<Self> {
        self.0.checked_mul(count).map(Self)
    }

    /// Both together.
    pub fn plus(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// What is left.
    pub fn minus(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }
}

impl fmt::Display for Credits {
    /// `12`, `0.5`, `-1.000001`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, magnitude) = (if self.0 < 0 { "-" } else { "" }, self.0.unsigned_abs());
        let unit = Self::UNIT.unsigned_abs();
        let fraction = format!("{:06}", magnitude % unit);
        let fraction = fraction.trim_end_matches('0');
        let point = if fraction.is_empty() { "" } else { "." };
        write!(f, "{sign}{}{point}{fraction}", magnitude / unit)
    }
}

/// Where new rows' names come from.
pub trait Ids: Send + Sync {
    /// A UUIDv7 in lower case that was never given out before.
    fn next(&self, now: Timestamp) -> String;
}

/// Names from a random generator: the system's, or a seeded one that gives the same names again.
pub struct RandomIds(Mutex<StdRng>);

impl RandomIds {
    /// Seeded by the operating system.
    pub fn system() -> Self {
        Self(Mutex::new(StdRng::from_rng(&mut rand::rng())))
    }

    /// The same names for the same seed: for tests.
    pub fn seeded(seed: u64) -> Self {
        Self(Mutex::new(StdRng::seed_from_u64(seed)))
    }
}

impl fmt::Debug for RandomIds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RandomIds").finish_non_exhaustive()
    }
}

impl Ids for RandomIds {
    fn next(&self, now: Timestamp) -> String {
        let mut random = [0; 10];
        self.0.lock().expect("no thread panics while it holds this. This is a bug.").fill_bytes(&mut random);
        let millis = u64::try_from(now.0 / 1000).unwrap_or(0);
        Builder::from_unix_timestamp_millis(millis, &random).into_uuid().hyphenated().to_string()
    }
}

/// When something happens, and what its new rows are called.
#[derive(Clone, Copy)]
pub struct Moment<'a> {
    /// The time.
    pub now: Timestamp,
    /// The names.
    pub ids: &'a dyn Ids,
}

impl Moment<'_> {
    /// A new name.
    pub fn id(&self) -> String {
        self.ids.next(self.now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credits_read_as_people_write_them() {
        let shown = [0, 1, 500_000, 12_000_000, -1_000_001].map(|micros| Credits(micros).to_string());
        assert_eq!(shown, ["0", "0.000001", "0.5", "12", "-1.000001"]);
        assert_eq!(Credits(i64::MIN).to_string(), "-9223372036854.775808");
    }

    #[test]
    fn days_begin_at_midnight_also_before_1970() {
        assert_eq!(Timestamp(-1).day(), -1);
        assert_eq!(Timestamp(86_400_000_000).day(), 1);
        assert_eq!(Timestamp::of_day(1), Timestamp(86_400_000_000));
    }

    #[test]
    fn names_sort_by_time_and_differ() {
        let ids = RandomIds::seeded(1);
        let (a, b, c) = (ids.next(Timestamp(1_000_000)), ids.next(Timestamp(1_000_000)), ids.next(Timestamp(2_000_000)));
        assert!(a != b && a < c && b < c);
        assert_eq!(a.as_bytes()[14], b'7', "version 7: {a}");
        assert_eq!(a, RandomIds::seeded(1).next(Timestamp(1_000_000)));
    }
}
