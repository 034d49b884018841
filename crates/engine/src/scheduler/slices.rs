//! Which piece of other work is done between two steps: a pure function over what there is to do.
//!
//! While a step is due, slices together take no longer than the last step did. One that takes longer by itself is let through only after
//! steps have gone by without any, and then alone; the more pictures wait for such slices, the fewer steps. Previews come last, but one
//! that has been due for some steps has the first turn of every other gap: a stream of pictures that are prepared or decoded cannot keep
//! it away for good, and nor can previews keep away what needs a whole gap.

use super::Rank;

/// Steps of its picture after which a preview that is due has the first turn.
pub(super) const PREVIEW_STEPS: u32 = 2;
/// Steps that go by before a slice is let through that takes longer than a step.
const HELD_STEPS: u32 = 3;

/// What a slice is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Preparing or decoding.
    Work,
    /// A preview, due for so many steps.
    Preview(u32),
}

/// A slice that could be done now.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slice<K> {
    pub key: K,
    pub kind: Kind,
    pub rank: Rank,
    /// Microseconds it is expected to take.
    pub time: u64,
}

/// What has happened on a device since its last step.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Gap {
    /// Microseconds of the step before; 0 if there was none.
    pub step: u64,
    /// Slices so far, and the microseconds they took.
    pub slices: u32,
    pub time: u64,
    /// A preview had the first turn.
    pub preview_first: bool,
    /// The same in the gap before.
    pub preview_before: bool,
    /// Something that takes longer than a step was held back.
    pub held: bool,
    /// Gaps in a row that held something back.
    pub held_gaps: u32,
}

impl Gap {
    /// A slice was done.
    pub fn count(&mut self, time: u64) {
        self.slices += 1;
        self.time += time;
    }

    /// A step was done.
    pub fn close(&mut self, step: u64) {
        let held_gaps = if self.held { self.held_gaps + 1 } else { 0 };
        *self = Self { step, preview_before: self.preview_first, held_gaps, ..Self::default() };
    }

    /// What slices took, as a share of the step before.
    pub fn share(&self, step: u64) -> f64 {
        (self.time as f64 / step.max(1) as f64).min(1.0)
    }

    /// The slice to do now, if any; `step_due` if there is something to step.
    pub fn pick<K: Copy>(&mut self, slices: &[Slice<K>], step_due: bool) -> Option<K> {
        let first_turn = self.slices == 0 && !self.preview_before;
        let order = |slice: &&Slice<K>| {
            let class = match slice.kind {
                Kind::Preview(steps) if first_turn && steps > PREVIEW_STEPS => 0,
                Kind::Work => 1,
                Kind::Preview(_) => 2,
            };
            (class, slice.rank)
        };
        let first = slices.iter().min_by_key(order);
        let taken = if step_due { self.pick_beside_a_step(slices, order) } else { first }?;
        self.preview_first |= first_turn && matches!(taken.kind, Kind::Preview(_));
        Some(taken.key)
    }

    fn pick_beside_a_step<'a, K>(
        &mut self,
        slices: &'a [Slice<K>],
        order: impl Fn(&&Slice<K>) -> (u8, Rank),
    ) -> Option<&'a Slice<K>> {
        // Nothing is known of steps yet: one slice at a time, and what takes no time.
        if self.step == 0 && self.slices == 0 {
            return slices.iter().min_by_key(order);
        }
        let too_long = || slices.iter().filter(|slice| slice.time > self.step);
        let waiting = too_long().count() as u32;
        if waiting > 0 {
            if self.slices == 0 && (self.held_gaps + 1) * waiting > HELD_STEPS {
                self.held_gaps = 0;
                return too_long().min_by_key(&order);
            }
            // The one that is let through is not held, and nor are those behind it until the next gap.
            self.held = self.held || self.time <= self.step;
        }
        slices.iter().filter(|slice| self.time + slice.time <= self.step).min_by_key(order)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheduler::Facts;

    fn slice(key: u64, kind: Kind, time: u64) -> Slice<u64> {
        let facts =
            Facts { priority: 0, arrival: 0, since: 0, target: u64::MAX, rest: 1, solo: 1, over_share: false, serial: key };
        Slice { key, kind, rank: Rank::at(0, 1, &facts), time }
    }

    /// The picks of one gap, and of the next ones; there is always as much to do again.
    fn gaps(slices: &[Slice<u64>], gaps: usize) -> Vec<Vec<u64>> {
        let mut gap = Gap { step: 100, ..Gap::default() };
        let one = |_| {
            let mut picks = Vec::new();
            while let Some(key) = gap.pick(slices, true) {
                let time = slices.iter().find(|slice| slice.key == key).map_or(0, |slice| slice.time);
                gap.count(time);
                picks.push(key);
            }
            gap.close(100);
            picks
        };
        (0..gaps).map(one).collect()
    }

    #[test]
    fn slices_fill_a_step_and_no_more() {
        let (work, late) = (Kind::Work, Kind::Preview(PREVIEW_STEPS + 1));
        assert_eq!(gaps(&[slice(1, work, 30)], 1), [[1, 1, 1]]);
        assert_eq!(gaps(&[slice(1, work, 60), slice(2, work, 20)], 1), [[1, 2, 2]], "what fits fills the rest");
        assert_eq!(gaps(&[slice(1, Kind::Preview(1), 5), slice(2, work, 100)], 2), [[2], [2]], "a preview can wait a little");
        let both = [slice(1, late, 5), slice(2, work, 100)];
        assert_eq!(gaps(&both, 4)[1], [2], "what needs a whole gap has every other one");
        assert_eq!(gaps(&both, 4)[0][0], 1);
        assert_eq!(gaps(&both, 4)[2][0], 1, "and a late preview the first turn of those between");
    }

    #[test]
    fn what_takes_longer_than_a_step_comes_seldom_and_alone() {
        let long = |key| slice(key, Kind::Work, 160);
        assert_eq!(gaps(&[long(1)], 8), [vec![], vec![], vec![], vec![1], vec![], vec![], vec![], vec![1]]);
        assert_eq!(gaps(&[long(1), long(2)], 4), [vec![], vec![1], vec![], vec![1]]);
        // More could not be held back: pictures would pile up.
        assert_eq!(gaps(&[long(1), long(2), long(3), long(4)], 2), [[1], [1]]);
        let beside = [long(1), slice(2, Kind::Work, 60)];
        assert_eq!(gaps(&beside, 4), [[2], [2], [2], [1]], "meanwhile what fits is done");
    }

    #[test]
    fn without_a_due_step_there_is_no_limit() {
        let mut gap = Gap { step: 100, slices: 9, time: 900, ..Gap::default() };
        assert_eq!(gap.pick(&[slice(1, Kind::Work, 500)], false), Some(1));
        assert_eq!(gap.pick(&[slice(1, Kind::Work, 500)], true), None);
    }
}
