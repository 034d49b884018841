//! Credits that are bought once.

use serde::{Deserialize, Serialize};

/// Credits that are bought once, and do not end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pack {
    /// How it is ordered.
    pub name: String,
    /// How it is shown.
    pub title: String,
    /// Whole credits.
    pub credits: i64,
    /// Its price in the currency's hundredths; without one it is not offered.
    pub price_cents: Option<i64>,
}

/// For how long a plan is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Interval {
    /// A month.
    Month,
    /// A year.
    Year,
}

impl Interval {
    /// As written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Month => "month",
            Self::Year => "year",
        }
    }

    /// How many months.
    pub fn months(self) -> u32 {
        match self {
            Self::Month => 1,
            Self::Year => 12,
        }
    }
}
