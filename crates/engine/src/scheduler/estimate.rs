//! How long requests will take, for those who wait for them.

use std::time::Duration;

use super::{RequestKey, Scheduler, micros};

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

impl Scheduler {
    /// Every waiting request's place, the first in line first. Also makes what is said of requests that have begun more exact.
    pub fn places(&mut self, now: Duration) -> Vec<Place> {
        let (now, ageing) = (micros(now), micros(self.rules.ageing));
        if self.devices_up() == 0 {
            return Vec::new();
        }
        self.make_forecast(now);
        let waiting = self.requests.iter().filter(|(_, request)| request.started.is_none());
        let best = |parts: &[_]| parts.iter().filter_map(|key| Some(self.parts.get(*key)?.rank(now, ageing))).min();
        let mut order: Vec<_> = waiting.filter_map(|(key, request)| Some((best(&request.parts)?, key))).collect();
        order.sort_unstable();
        let left = |request| self.expected_end(request, now).map_or(0.0, |end| end.saturating_sub(now) as f64 / 1e6);
        let place = |(position, (_, request))| Place { request, position, left: left(request) };
        order.into_iter().enumerate().map(place).collect()
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
