//! The longest that anybody can wait for a device to begin with his request, from the rules and what the devices take.
//!
//! A request of priority `p` that came at `a` goes before everybody whose raised priority is lower. Both are raised by the same for each
//! period of ageing, so whoever comes later than `a + d`, with `d = ageing * ((highest - p) / gain + 1)`, stays below it for ever. What can
//! go before it is what had been accepted by then and had not ended: *those ahead*. From then on they only get fewer.
//!
//! 1. Work. The door takes nothing that makes the backlog more than `backlog_max` for each device, so those ahead are at most
//!    `devices * backlog_max` device-seconds, priced in full batches. A device steps the best-ranked of what it has, so it works for those
//!    ahead while it has any. A batch of `m` rows is never slower than its rows one by one, so the work takes at most `alone` times its
//!    price, the worst ratio of a row's time in the smallest batch to that in a full one.
//! 2. Company. Others fill a batch only when all of those ahead of that shape that wait are in it already. Then each such step brings all of
//!    them forward, and that can be so for no more steps than the longest request has: `tail`, full steps for the longest request of each
//!    shape. The pictures of others that were there before have to be finished or left aside: one more `tail`.
//! 3. Slices. Between two steps, preparing and decoding for others take at most as long as the step, or one slice: `slices` times.
//! 4. Models. A device that changes its models finishes what it has begun, loads, and then stays for `settle`, four load times. If it
//!    leaves while some of those ahead of that model still wait, it has worked for them all this time, so loading is `load / settle` of the
//!    useful time. Else the model is done with, which happens once for each model: it costs `load + settle` and what others have begun
//!    meanwhile, over all models one more `tail`. Patience is shorter than `d`, so everybody's model is being considered.
//! 5. Failures. With `down` devices away the others have their work too: `devices / (devices - down)` times. What was on a lost device
//!    starts again, a `tail` for each loss meanwhile.

use super::cluster::{Arrival, SimCluster, SimFault, SimModel};
use crate::scheduler::{AGEING_GAIN, settle};

/// What the bound is made of; seconds.
#[derive(Debug, Clone, Copy)]
pub struct WaitBound {
    ageing: f64,
    highest: i32,
    /// For all of those ahead to be done.
    work: f64,
}

impl WaitBound {
    /// Of a cluster under these arrivals.
    pub fn new(cluster: &SimCluster, arrivals: &[Arrival]) -> Self {
        let rules = &cluster.rules;
        let mut evaluations = vec![0; cluster.shapes.len()];
        for arrival in arrivals {
            let longest = &mut evaluations[arrival.submission.group.0 as usize];
            *longest = arrival.submission.evaluations.max(*longest);
        }
        let (mut alone, mut slices, mut tail) = (1.0f64, 2.0f64, 0.0);
        for (shape, evaluations) in cluster.shapes.iter().zip(evaluations) {
            let (step, cost) = (&shape.cost.step, &shape.cost);
            let knee = step.knee().min(rules.rows_max).min(shape.rows_max).max(1);
            let full = step.seconds(knee) / f64::from(knee);
            // Halved once by running out of memory, the batches are smaller, but their rows no slower than alone.
            alone = alone.max(step.seconds(1) / full);
            let slice = cost.decode_slice.seconds().max(cost.prepare_slice.seconds());
            slices = slices.max(1.0 + slice / step.seconds(1));
            tail += f64::from(evaluations) * step.seconds(knee) + cost.before() + cost.after();
        }
        let tail = tail * slices;
        // With room for all models nothing is changed once they are there.
        let all: u64 = cluster.models.iter().map(|model| model.bytes).sum();
        let tight = cluster.memory.is_some_and(|memory| all > memory);
        let share = |model: &SimModel| 1.0 + if tight { model.load / settle(model.load) } else { 0.0 };
        let changing = cluster.models.iter().map(share).fold(1.0, f64::max);
        let visits = cluster.models.iter().map(|model| model.load + settle(model.load)).sum::<f64>() + tail;
        let devices = cluster.devices as f64;
        let (down, losses) = losses(cluster);
        let up = devices / (devices - down as f64).max(1.0);
        let work = rules.backlog_max.as_secs_f64() * alone * slices * changing * up + visits + tail * (2.0 + losses as f64);
        let highest = arrivals.iter().map(|arrival| arrival.submission.priority).max().unwrap_or_default();
        Self { ageing: rules.ageing.as_secs_f64(), highest, work }
    }

    /// For requests of a priority.
    pub fn seconds(&self, priority: i32) -> f64 {
        f64::from((self.highest - priority).max(0) / AGEING_GAIN + 1) * self.ageing + self.work
    }
}

/// The most devices that are away at once, and the most losses within an hour.
fn losses(cluster: &SimCluster) -> (usize, usize) {
    let lost = cluster.faults.iter().filter_map(|(at, _, fault)| match fault {
        SimFault::Lost(back) => Some((at.as_secs_f64(), (*at + *back).as_secs_f64())),
        _ => None,
    });
    let lost: Vec<_> = lost.collect();
    let down = lost.iter().map(|(at, _)| lost.iter().filter(|(from, to)| from <= at && at < to).count()).max();
    let hour = lost.iter().map(|(at, _)| lost.iter().filter(|(from, _)| (*at..at + 3600.0).contains(from)).count()).max();
    (down.unwrap_or_default(), hour.unwrap_or_default())
}
