//! All lines by all panels: how a product is cut into shares, and in which order a share's cells are worked on.
//!
//! Where the inner dimension is long it is cut into parts, so that a panel's part stays in the first-level cache while lines go by; sums wait in
//! the second-level cache. Where it is short the lines stay, panels go by, and a finished cell is rounded and written while the next one runs.
//! None of this changes a number: every sum is continued where it stopped.

#![allow(unsafe_code)]

use super::{
    super::share::{each, with_scratch},
    Bf16Isa, Matrix,
    cell::{Ahead, Cell, Run, SUMS, TILE},
    finish::{Behind, Finish, Pending, Place},
    pack::BOTH_TILES,
};

/// Steps of a part, of which a panel has 2 KiB each.
const PART: usize = 20;
/// Steps that are worked on in one part.
const SHORT: usize = 36;
/// Pairs of tiles of a share.
const PAIRS: usize = 8;
/// Pairs of tiles of which there are too few to share them: panels are shared instead, so that weights are read once.
const FEW_PAIRS: usize = 16;
/// Panels that stay in the second-level cache, or their sums.
const PANELS: usize = 20;
/// Runs of a part: as many as steps, or taps.
const RUNS: usize = SHORT;
/// Tasks for each thread, so that one that is held up does not hold up the rest.
const TASKS_PER_THREAD: usize = 4;
/// Multiplications below which other threads would cost more than they save.
const SMALL: usize = 1 << 20;

/// Sixteen lines of the left side.
#[derive(Clone, Copy)]
pub(super) struct Tile {
    pub line: *const u8,
    /// Bytes from line to line.
    pub stride: usize,
    pub places: [Place; TILE],
}

/// The left side of a product, tile by tile.
pub(super) trait Left: Sync {
    fn tiles(&self) -> usize;
    fn tile(&self, index: usize) -> Tile;
    /// Where a tap's numbers lie, in bytes from those of the first.
    fn tap(&self, tap: usize) -> usize;
    /// Whether a tile's lines follow one another, and the next tile's follow them.
    fn is_dense(&self) -> bool;
}

/// One task: pairs of tiles by panels.
#[derive(Clone, Copy)]
struct Share {
    pairs: (usize, usize),
    panels: (usize, usize),
}

/// Multiplies everything.
pub(super) fn multiply_tiles(isa: Bf16Isa, left: &impl Left, w: &Matrix, behind: &Behind) {
    let (pairs, panels) = (left.tiles().div_ceil(2), w.panels());
    if pairs == 0 || panels == 0 {
        return;
    }
    let block = if pairs <= FEW_PAIRS { pairs } else { PAIRS };
    let blocks = pairs.div_ceil(block);
    let groups = (TASKS_PER_THREAD * rayon::current_num_threads()).div_ceil(blocks).clamp(1, panels);
    let group = panels.div_ceil(groups);
    let groups = panels.div_ceil(group);
    let worth_it = pairs * panels * w.steps() * SUMS >= SMALL / 32;
    each(blocks * groups, worth_it, |task| {
        let (first, panel) = (task / groups * block, task % groups * group);
        let share = Share { pairs: (first, (first + block).min(pairs)), panels: (panel, (panel + group).min(panels)) };
        Work { isa, left, w, behind }.run(share);
    });
}

struct Work<'a, S> {
    isa: Bf16Isa,
    left: &'a S,
    w: &'a Matrix,
    behind: &'a Behind,
}

/// Two tiles whose lines are worked on together.
#[derive(Clone, Copy)]
struct Pair {
    lines: [*const u8; 2],
    strides: [usize; 2],
    places: [[Place; TILE]; 2],
}

impl<S: Left> Work<'_, S> {
    fn run(&self, share: Share) {
        #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
        let _tiles = super::amx::Tiles::configured(self.isa);
        let mut pairs = [self.pair(share.pairs.0); FEW_PAIRS];
        let count = share.pairs.1 - share.pairs.0;
        (1..count).for_each(|i| pairs[i] = self.pair(share.pairs.0 + i));
        let pairs = &pairs[..count];
        for panel in (share.panels.0..share.panels.1).step_by(PANELS) {
            let panels = (panel, (panel + PANELS).min(share.panels.1));
            match self.w.steps() <= SHORT && count <= PAIRS {
                true => self.lines_stay(pairs, panels),
                false => self.panels_stay(pairs, panels),
            }
        }
    }

    fn pair(&self, index: usize) -> Pair {
        let first = self.left.tile(2 * index);
        let second = match 2 * index + 1 < self.left.tiles() {
            true => self.left.tile(2 * index + 1),
            false => Tile { places: [Place::NONE; TILE], ..first },
        };
        Pair { lines: [first.line, second.line], strides: [first.stride, second.stride], places: [first.places, second.places] }
    }

    /// Where the steps `from..to` lie in a line.
    fn runs<'r>(&self, from: usize, to: usize, runs: &'r mut [Run; RUNS]) -> &'r [Run] {
        let per_tap = self.w.steps_of_a_tap();
        let (mut step, mut count) = (from, 0);
        while step < to {
            let (tap, inside) = (step / per_tap, step % per_tap);
            let steps = (per_tap - inside).min(to - step);
            runs[count] = Run { offset: self.left.tap(tap) + inside * 64, steps };
            step += steps;
            count += 1;
        }
        &runs[..count]
    }

    fn finished<'p>(&'p self, pair: &'p Pair, panel: usize, sums: *const f32) -> Finish<'p> {
        Finish { behind: self.behind, sums, places: &pair.places, panel }
    }

    /// The whole inner dimension at once, pair by pair.
    fn lines_stay(&self, pairs: &[Pair], panels: (usize, usize)) {
        let mut runs = [Run::default(); RUNS];
        let runs = self.runs(0, self.w.steps(), &mut runs);
        with_scratch(2 * SUMS, 0, |sums, _| {
            let (mut pending, mut turn) = (Pending::default(), 0);
            let count = panels.1 - panels.0;
            for (i, pair) in pairs.iter().enumerate() {
                // Every panel's steps ask for their part of the next pair, where it is one piece of memory.
                let next = pairs.get(i + 1).filter(|_| self.left.is_dense()).map(|next| next.lines[0]);
                for panel in panels.0..panels.1 {
                    let ahead = match next {
                        Some(next) => {
                            let part = (panel - panels.0) * self.w.steps() * BOTH_TILES * 2 / count;
                            (next.wrapping_add(part), Ahead::Panels(if count >= 16 { 2 } else { 4 }))
                        }
                        None => (pair.lines[0], Ahead::Panels(0)),
                    };
                    turn = SUMS - turn;
                    let weights = self.w.panel(panel, 0).as_ptr();
                    let sums = sums[turn..].as_mut_ptr();
                    let Pair { lines, strides, .. } = *pair;
                    let cell = Cell { lines, strides, runs, panel: weights, sums, fresh: true, ahead };
                    // SAFETY: tiles are those of the left side, which its maker has checked; the sums are this thread's, and the pending
                    // ones are the others; shares do not overlap.
                    unsafe { cell.multiply(self.isa, &mut pending) }
                    pending.put(self.finished(pair, panel, sums));
                }
            }
            // SAFETY: as above.
            unsafe { pending.finish(self.isa) }
        });
    }

    /// The inner dimension in parts, panel by panel.
    fn panels_stay(&self, pairs: &[Pair], panels: (usize, usize)) {
        let steps = self.w.steps();
        let part = steps.div_ceil(steps.div_ceil(PART));
        let count = panels.1 - panels.0;
        let lines = match pairs.len() {
            0..=2 => 16,
            3..=4 => 8,
            5..=8 => 4,
            _ => 2,
        };
        with_scratch(count * pairs.len() * SUMS, 0, |sums, _| {
            let mut pending = Pending::default();
            let mut runs = [Run::default(); RUNS];
            for from in (0..steps).step_by(part) {
                let to = (from + part).min(steps);
                let runs = self.runs(from, to, &mut runs);
                for panel in panels.0..panels.1 {
                    // What comes next: the same part of the next panel, or the next part of the first.
                    let next = match panel + 1 < panels.1 {
                        true => self.w.panel(panel + 1, from),
                        false => self.w.panel(panels.0, if to < steps { to } else { from }),
                    };
                    for (i, pair) in pairs.iter().enumerate() {
                        let asked = i * (to - from) * lines * 64;
                        let ahead = match asked < (to - from) * BOTH_TILES * 2 {
                            true => (next.as_ptr().cast::<u8>().wrapping_add(asked), Ahead::Lines(lines as u8)),
                            false => (next.as_ptr().cast::<u8>(), Ahead::Lines(0)),
                        };
                        let sums = sums[((panel - panels.0) * pairs.len() + i) * SUMS..].as_mut_ptr();
                        let Pair { lines, strides, .. } = *pair;
                        let cell = Cell {
                            lines,
                            strides,
                            runs,
                            panel: self.w.panel(panel, from).as_ptr(),
                            sums,
                            fresh: from == 0,
                            ahead,
                        };
                        // SAFETY: as in `lines_stay`.
                        unsafe { cell.multiply(self.isa, &mut pending) }
                        if to == steps {
                            pending.put(self.finished(pair, panel, sums));
                        }
                    }
                }
            }
            // SAFETY: as in `lines_stay`.
            unsafe { pending.finish(self.isa) }
        });
    }
}
