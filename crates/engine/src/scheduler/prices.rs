//! What the pictures of a line are ranked by. Costs are learnt all the time, and equal requests must not be ranked by which of them came
//! after a measurement: while somebody waits, everybody in his line is ranked by the same costs. They are replaced, for all of them at
//! once, when the line is empty or when what was learnt since is something else altogether.

use std::sync::Arc;

use super::{Cost, Group, PartKey, Scheduler};

/// A solo time that differs by this much, relatively, is something else altogether.
const DRIFT: f64 = 0.2;

/// Microseconds of a picture's work, alone on the device.
#[derive(Debug, Clone, Copy)]
pub(super) struct Priced {
    pub before: u64,
    pub step: u64,
    pub after: u64,
    pub solo: u64,
}

impl Priced {
    fn by(cost: &Cost, branches: u32, evaluations: u32) -> Self {
        let [before, step, after, solo] =
            [cost.before(), cost.step.seconds(branches), cost.after(), cost.solo(branches, evaluations)]
                .map(|s| (s * 1e6) as u64);
        Self { before, step, after, solo }
    }
}

impl Scheduler {
    /// The work of a picture that comes to a group's line, which is ranked anew if it has to be.
    pub(super) fn price(&mut self, group: Group, branches: u32, evaluations: u32, device: usize, now: u64) -> Priced {
        let learnt = Priced::by(self.cost(device, group), branches, evaluations);
        let somebody_waits = self.line(group).next().is_some();
        let prices = self.groups[group.0 as usize].prices.as_ref().filter(|_| somebody_waits);
        if let Some(known) = prices.map(|cost| Priced::by(cost, branches, evaluations))
            && learnt.solo.abs_diff(known.solo) as f64 <= DRIFT * known.solo as f64
        {
            return known;
        }
        self.groups[group.0 as usize].prices = Some(Arc::clone(&self.devices[device].costs[group.0 as usize]));
        let waiting: Vec<_> = self.line(group).map(|(_, key)| key).collect();
        for key in waiting {
            self.reprice(key, device, now);
        }
        learnt
    }

    fn reprice(&mut self, key: PartKey, device: usize, now: u64) {
        let part = &self.parts[key];
        let priced = Priced::by(self.cost(device, part.group), part.branches, part.evaluations);
        let target = self.target(part.facts.arrival, priced.solo, self.requests[part.request].limit);
        let part = &mut self.parts[key];
        (part.before, part.step, part.after) = (priced.before, priced.step, priced.after);
        (part.facts.solo, part.facts.target) = (priced.solo, target);
        self.stand(key, now);
    }

    /// When a picture should be done that came at `arrival`.
    pub(super) fn target(&self, arrival: u64, solo: u64, limit: Option<u64>) -> u64 {
        let target = arrival.saturating_add((solo as f64 * self.rules.target_factor) as u64);
        limit.map_or(target, |limit| limit.min(target))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::scheduler::{Curve, Rules, Submission, micros};

    const SUBMISSION: Submission = Submission {
        group: Group(0),
        pictures: 1,
        branches: 2,
        evaluations: 20,
        single: Vec::new(),
        user: None,
        priority: 0,
        time_limit: None,
        preview_every: 0,
        alike: 0,
    };

    fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// One device that has one picture's room and is busy, so that everybody else waits.
    fn scheduler() -> Scheduler {
        let mut scheduler = Scheduler::new(Rules { admitted_max: 1, ..Rules::default() });
        let model = scheduler.add_model(1, 0.1, false);
        scheduler.add_group(model, 128, 128);
        scheduler.add_device(None);
        scheduler.set_cost(0, Group(0), Cost::measured(Curve::linear(0.01, 0.01, 32)));
        scheduler
    }

    fn order(scheduler: &mut Scheduler, now: Duration) -> Vec<super::super::RequestKey> {
        scheduler.places(now).into_iter().map(|place| place.request).collect()
    }

    #[test]
    fn equals_keep_their_order_however_much_is_learnt_between_them() {
        for factor in [0.01, 0.5, 0.9, 0.99, 1.01, 1.1, 1.5, 100.0] {
            let mut scheduler = scheduler();
            let first = scheduler.submit(&SUBMISSION, at(0)).unwrap();
            let learnt = scheduler.cost(0, Group(0)).step.scaled(factor);
            scheduler.set_cost(0, Group(0), Cost::measured(learnt));
            let second = scheduler.submit(&SUBMISSION, at(1)).unwrap();
            // At once, and when the first is as late as can be.
            for millis in [1, 100, 1_000, 10_000, 100_000, 1_000_000] {
                assert_eq!(order(&mut scheduler, at(millis)), [first, second], "{factor} times as slow, after {millis} ms");
            }
        }
    }

    #[test]
    fn what_is_learnt_counts_for_the_whole_line() {
        let mut scheduler = scheduler();
        let long = scheduler.submit(&SUBMISSION, at(0)).unwrap();
        let slow = scheduler.cost(0, Group(0)).step.scaled(10.0);
        scheduler.set_cost(0, Group(0), Cost::measured(slow));
        scheduler.submit(&Submission { evaluations: 10, ..SUBMISSION }, at(0)).unwrap();
        let part = &scheduler.parts[scheduler.requests[long].parts[0]];
        assert_eq!(part.facts.solo, micros(Duration::from_secs_f64(scheduler.cost(0, Group(0)).solo(2, 20))));
        scheduler.check_line();
    }
}
