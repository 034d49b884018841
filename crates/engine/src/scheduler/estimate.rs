//! How long requests will take, for those who wait for them.

use std::time::Duration;

use super::{RequestKey, Scheduler, micros, work::Part};

/// Where a waiting request stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    /// The request.
    pub request: RequestKey,
    /// Waiting requests ahead of it.
    pub position: usize,
    /// Seconds until it is finished, if nobody more urgent comes.
    pub left: f64,
}

/// What is ahead of those whose end was not rehearsed.
struct Behind {
    since: u64,
    /// Device-seconds for each device.
    work: f64,
}

impl Scheduler {
    /// Every waiting request's place, the first in line first. Also makes what is said of requests that have begun more exact.
    pub fn places(&mut self, now: Duration) -> Vec<Place> {
        let (now, ageing) = (micros(now), micros(self.rules.ageing));
        if self.devices_up() == 0 {
            return Vec::new();
        }
        self.renew_forecast(now);
        let waiting = self.requests.iter().filter(|(_, request)| request.started.is_none());
        let best = |parts: &[_]| parts.iter().filter_map(|key| Some(self.parts.get(*key)?.rank(now, ageing))).min();
        let mut order: Vec<_> = waiting.filter_map(|(key, request)| Some((best(&request.parts)?, key))).collect();
        order.sort_unstable();
        let mut behind = Behind { since: now, work: 0.0 };
        let place = |(position, (_, request))| Place { request, position, left: self.place(request, &mut behind, now) };
        order.into_iter().enumerate().map(place).collect()
    }

    /// Seconds until a waiting request is finished: as rehearsed, or else one after the other behind the last that was.
    fn place(&self, request: RequestKey, behind: &mut Behind, now: u64) -> f64 {
        if let Some(end) = self.expected_end(request, now) {
            *behind = Behind { since: behind.since.max(end), work: 0.0 };
            return end.saturating_sub(now) as f64 / 1e6;
        }
        let parts = || self.requests[request].parts.iter().map(|key| &self.parts[*key]);
        behind.work += parts().map(|part| part.work).sum::<f64>() / self.devices_up() as f64;
        let alone = parts().map(Part::rest).max().unwrap_or(0) as f64 / 1e6;
        behind.since.saturating_sub(now) as f64 / 1e6 + behind.work.max(alone)
    }

    /// Seconds until a request that has begun is finished: as forecast, or else with steps as long as the last one on its device.
    pub(super) fn left(&self, request: RequestKey, device: usize, step: f64, now: u64) -> f64 {
        if let Some(end) = self.expected_end(request, now) {
            return end.saturating_sub(now) as f64 / 1e6;
        }
        let parts = self.requests[request].parts.iter().filter_map(|key| self.parts.get(*key));
        let (mut longest, mut decoding) = (0u32, 0.0);
        for part in parts {
            longest = longest.max(part.evaluations - part.done);
            decoding += self.cost(device, part.group).after();
        }
        // Between two steps the device spends up to as long again on preparing and decoding for others.
        let aside = self.devices[device].slice_share;
        f64::from(longest) * step * (1.0 + aside) + decoding
    }
}
