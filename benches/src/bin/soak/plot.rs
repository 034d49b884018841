//! Memory over time.

use std::path::Path;

use plotters::prelude::*;

use crate::{
    Failure,
    memory::{Sample, Verdict},
};

pub const MIB: f64 = 1024.0 * 1024.0;

/// The samples, and from where they are judged the line through them.
pub fn memory(samples: &[Sample], verdict: &Verdict, file: &Path) -> Result<(), Failure> {
    draw(samples, verdict, file).map_err(|error| format!("{}: {error}", file.display()).into())
}

fn draw(samples: &[Sample], verdict: &Verdict, file: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let minutes = samples.last().map_or(1.0, |sample| sample.seconds / 60.0);
    let highest = samples.iter().map(Sample::bytes).fold(verdict.median, f64::max) / MIB;
    let root = SVGBackend::new(file, (1000, 360)).into_drawing_area();
    root.fill(&WHITE)?;
    // From zero on: a leak that cannot be seen against all of the memory is not one to be shown.
    let mut chart = ChartBuilder::on(&root)
        .caption("memory of the server's process", ("sans-serif", 16))
        .margin(8)
        .x_label_area_size(36)
        .y_label_area_size(56)
        .build_cartesian_2d(0.0..minutes, 0.0..highest * 1.1)?;
    chart.configure_mesh().light_line_style(WHITE).x_desc("minutes").y_desc("MiB").draw()?;
    let points = samples.iter().map(|sample| (sample.seconds / 60.0, sample.bytes() / MIB));
    chart.draw_series(LineSeries::new(points, RGBColor(0, 114, 178).stroke_width(2)))?;
    let (height, slope) = verdict.line;
    let ends = [verdict.from, minutes * 60.0].map(|at| (at / 60.0, (height + slope * (at - verdict.from)) / MIB));
    chart.draw_series(LineSeries::new(ends, RGBColor(230, 159, 0).stroke_width(2)))?;
    root.present()?;
    Ok(())
}
