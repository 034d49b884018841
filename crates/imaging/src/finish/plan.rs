//! A finish in numbers, as both paths read it.

use std::ops::Range;

use easel_types::Rgb8;

use super::{Finish, axis::Axis};
use crate::Mark;

/// The most negative weight of a neighbour that keeps the sharpener stable: its centre weighs 1 / (1 - 4/5) then.
const WEIGHT_MAX: f32 = 0.2;

/// Everything about one picture's way but its pixels.
pub(super) struct Plan<'a> {
    pub source_width: usize,
    pub width: usize,
    pub height: usize,
    pub across: Axis,
    pub down: Axis,
    /// The weight of each of a pixel's four neighbours where contrast is low; 0 does not sharpen, less than 0 does.
    pub weight: f32,
    pub mark: Option<&'a Mark>,
}

impl<'a> Plan<'a> {
    pub fn new(picture: &Rgb8, finish: &Finish<'a>) -> Self {
        Self {
            source_width: picture.width() as usize,
            width: finish.width as usize,
            height: finish.height as usize,
            across: Axis::new(picture.width(), finish.width),
            down: Axis::new(picture.height(), finish.height),
            weight: -WEIGHT_MAX * finish.sharpness.clamp(0.0, 1.0),
            mark: finish.mark,
        }
    }

    /// The output rows that must be resampled before `rows` can be sharpened: one more on either side.
    pub fn with_neighbours(&self, rows: &Range<usize>) -> Range<usize> {
        if self.weight == 0.0 {
            return rows.clone();
        }
        rows.start.saturating_sub(1)..(rows.end + 1).min(self.height)
    }

    /// The source rows that the output rows `rows` are made of.
    pub fn source_rows(&self, rows: &Range<usize>) -> Range<usize> {
        let needed = self.with_neighbours(rows);
        let (start, end) = self.down.window(needed.start, needed.end);
        start..end
    }

    /// Whether no pixel outside the mark changes.
    #[cfg(feature = "wgpu")]
    pub fn is_only_mark(&self) -> bool {
        self.across.taps == 1 && self.down.taps == 1 && self.weight == 0.0
    }
}
