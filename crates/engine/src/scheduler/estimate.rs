//! When the pictures that wait will be there: list scheduling over the rows of the batches, as if nobody came any more.
//!
//! A device with a knee of `k` rows is `k` lanes; a picture takes as many as it has branches. Pictures are put in rank order onto the lanes
//! that are free first. That is what the batcher does, but for its fill of odd holes.

use std::{cmp::Reverse, collections::BinaryHeap, time::Duration};

use super::{Group, RequestKey, Scheduler, micros};

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
    /// Every waiting request's place, the first in line first.
    pub fn places(&self, now: Duration) -> Vec<Place> {
        let (now, ageing) = (micros(now), micros(self.rules.ageing));
        let mut parts: Vec<_> = self.parts.values().map(|part| (part.is_waiting(), part.rank(now, ageing), part)).collect();
        // What is on a device keeps its lane; what waits comes after it, by rank.
        parts.sort_unstable_by_key(|(waiting, rank, _)| (*waiting, *rank));
        let mut groups: Vec<Group> = parts.iter().map(|(.., part)| part.group).collect();
        groups.sort_unstable();
        groups.dedup();
        let up = || self.devices.iter().enumerate().filter(|(_, device)| !device.lost).map(|(i, _)| i);
        let Some(any) = up().next() else { return Vec::new() };
        // One shape alone is lanes, as many as its knee on every device. Shapes take turns on a device: then it is one lane, and a picture
        // takes its share of a full batch's time.
        let alone = groups.len() == 1;
        let lanes: u32 =
            if alone { up().map(|device| self.limit(device, groups[0]).knee).sum() } else { self.devices_up() as u32 };
        let total: u32 = parts.iter().map(|(.., part)| part.branches).sum();
        let pieces = parts.iter().map(|(.., part)| {
            let cost = self.cost(any, part.group);
            let knee = self.limit(any, part.group).knee;
            let evaluations = f64::from(part.evaluations - part.done);
            let width = knee.min(total.div_ceil(self.devices_up() as u32)).max(part.branches);
            let step = cost.step.seconds(width);
            let share = if alone { 1.0 } else { f64::from(part.branches) / f64::from(width) };
            let steps = step * share * evaluations;
            // Preparing and decoding hold everyone up, so they count once for each row of the batch.
            let aside =
                (cost.before() + cost.after()) * if alone { f64::from(width / part.branches.max(1)).max(1.0) } else { 1.0 };
            Piece { rows: if alone { part.branches } else { 1 }, seconds: steps + aside - cost.after(), after: cost.after() }
        });
        let done = finish(lanes, pieces.collect::<Vec<_>>());
        let mut places: Vec<Place> = Vec::new();
        for ((waiting, _, part), left) in parts.iter().zip(done) {
            if !*waiting || self.requests[part.request].started.is_some() {
                continue;
            }
            match places.iter_mut().rev().find(|place| place.request == part.request) {
                Some(place) => place.left = place.left.max(left),
                None => places.push(Place { request: part.request, position: places.len(), left }),
            }
        }
        places
    }

    /// Seconds until a request that has begun is finished, with steps as long as the last one on its device.
    pub(super) fn left(&self, request: RequestKey, device: usize, step: f64) -> f64 {
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

/// A picture in rank order. Times are seconds.
#[derive(Debug, Clone, Copy)]
pub struct Piece {
    /// Lanes it takes.
    pub rows: u32,
    /// Seconds on them, in a full batch.
    pub seconds: f64,
    /// Seconds after its lanes are free again (decoding), for itself.
    pub after: f64,
}

/// Seconds until each piece is done.
pub fn finish(lanes: u32, pieces: impl IntoIterator<Item = Piece>) -> Vec<f64> {
    let mut free: BinaryHeap<Reverse<Micros>> = (0..lanes.max(1)).map(|_| Reverse(Micros(0))).collect();
    let mut done = Vec::new();
    for piece in pieces {
        let mut taken = Vec::with_capacity(piece.rows as usize);
        let mut start = Micros(0);
        for _ in 0..piece.rows.clamp(1, lanes.max(1)) {
            if let Some(Reverse(at)) = free.pop() {
                start = start.max(at);
                taken.push(at);
            }
        }
        let end = Micros(start.0 + (piece.seconds * 1e6) as u64);
        taken.iter().for_each(|_| free.push(Reverse(end)));
        done.push(end.0 as f64 / 1e6 + piece.after);
    }
    done
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Micros(u64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equals_finish_in_waves() {
        let piece = Piece { rows: 2, seconds: 10.0, after: 1.0 };
        assert_eq!(finish(4, [piece; 5]), [11.0, 11.0, 21.0, 21.0, 31.0]);
    }

    #[test]
    fn a_picture_wider_than_the_device_takes_all_of_it() {
        assert_eq!(finish(1, [Piece { rows: 2, seconds: 3.0, after: 0.0 }; 2]), [3.0, 6.0]);
    }
}
