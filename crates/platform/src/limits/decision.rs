//! What a limit says of a request, as an API prints it.

use std::time::Duration;

use super::Rate;
use crate::PlatformError;

/// What the limit says that is nearest to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// The limit.
    pub rate: Rate,
    /// How many more requests it lets through now.
    pub remaining: u32,
    /// After how long all of them are there again.
    pub reset: Duration,
    /// How long to wait if this request must not be made.
    pub retry_after: Option<Duration>,
}

impl Decision {
    /// Whether the request may be made.
    pub fn allowed(&self) -> bool {
        self.retry_after.is_none()
    }

    /// Header names and values: `RateLimit-*` as most APIs have them, and `Retry-After` for a request that must wait. Whole seconds, rounded
    /// up: who comes then is let through.
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, String)> {
        let seconds = |duration: Duration| duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
        let always = [
            ("ratelimit-limit", self.rate.max.to_string()),
            ("ratelimit-remaining", self.remaining.to_string()),
            ("ratelimit-reset", seconds(self.reset).to_string()),
        ];
        let retry = self.retry_after.map(|wait| ("retry-after", seconds(wait).max(1).to_string()));
        always.into_iter().chain(retry)
    }

    /// The error of a request that must wait.
    pub fn into_result(self) -> Result<Self, PlatformError> {
        match self.retry_after {
            None => Ok(self),
            Some(retry_after) => {
                let Rate { max, seconds } = self.rate;
                Err(PlatformError::TooManyRequests { retry_after, max: max.get(), seconds: seconds.get() })
            }
        }
    }

    /// The one to be told of: a refusal, the longest first; else what is nearest to its end.
    pub(super) fn nearest(all: impl IntoIterator<Item = Self>) -> Option<Self> {
        all.into_iter().min_by_key(|decision| {
            let wait = decision.retry_after.map(std::cmp::Reverse);
            (wait.is_none(), wait, decision.remaining, std::cmp::Reverse(decision.reset))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::rate;

    fn decision(remaining: u32, reset: u64, retry_after: Option<u64>) -> Decision {
        let retry_after = retry_after.map(Duration::from_millis);
        Decision { rate: rate(10, 60), remaining, reset: Duration::from_millis(reset), retry_after }
    }

    #[test]
    fn what_is_told_is_the_nearest_to_its_end() {
        let nearest = |all: &[Decision]| Decision::nearest(all.iter().copied()).unwrap();
        let (far, near) = (decision(5, 1000, None), decision(2, 1000, None));
        assert_eq!(nearest(&[far, near]), near);
        let (short, long) = (decision(0, 1000, Some(10)), decision(0, 1000, Some(20)));
        assert_eq!(nearest(&[far, short, near, long]), long);
        assert_eq!(Decision::nearest([]), None);
    }

    #[test]
    fn seconds_are_rounded_up() {
        let headers: Vec<_> = decision(0, 1001, Some(10)).headers().collect();
        let text = |text: &str| text.to_owned();
        assert_eq!(
            headers,
            [
                ("ratelimit-limit", text("10")),
                ("ratelimit-remaining", text("0")),
                ("ratelimit-reset", text("2")),
                ("retry-after", text("1"))
            ]
        );
        assert_eq!(decision(1, 0, None).headers().count(), 3);
    }
}
