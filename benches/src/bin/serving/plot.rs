//! The report's plots.

use std::path::Path;

use plotters::{coord::Shift, prelude::*};

use crate::{PolicyName, goodput::Results};

type Drawn = Result<(), Box<dyn std::error::Error>>;

/// Colours that can be told apart by everybody (Okabe and Ito).
fn colour(policy: PolicyName) -> RGBColor {
    match policy {
        PolicyName::OneAtATime => RGBColor(153, 153, 153),
        PolicyName::Static => RGBColor(230, 159, 0),
        PolicyName::RequestLevel => RGBColor(86, 180, 233),
        PolicyName::StepLevel => RGBColor(0, 114, 178),
    }
}

fn legend<B: DrawingBackend>(area: &DrawingArea<B, Shift>) -> Drawn
where
    B::ErrorType: 'static,
{
    for (i, policy) in PolicyName::ALL.into_iter().enumerate() {
        let x = 60 + i as i32 * 160;
        area.draw(&Rectangle::new([(x, 8), (x + 14, 22)], colour(policy).filled()))?;
        area.draw(&Text::new(policy.text(), (x + 20, 8), ("sans-serif", 15)))?;
    }
    Ok(())
}

/// Goodput by mix and policy, a panel for each objective.
pub fn goodputs(results: &Results, file: &Path) -> Drawn {
    let objectives = results.objectives();
    let mixes = results.mixes();
    let root = SVGBackend::new(file, (1000, 40 + 230 * objectives.len() as u32)).into_drawing_area();
    root.fill(&WHITE)?;
    let (top, panels) = root.split_vertically(32);
    legend(&top)?;
    for (panel, k) in panels.split_evenly((objectives.len(), 1)).iter().zip(&objectives) {
        let mut chart = ChartBuilder::on(panel)
            .caption(format!("within {k} x solo time"), ("sans-serif", 16))
            .margin(6)
            .x_label_area_size(26)
            .y_label_area_size(52)
            .build_cartesian_2d(0.0..mixes.len() as f64, 0.0..1.0)?;
        let name = |x: &f64| mixes.get(*x as usize).cloned().filter(|_| (x.fract() - 0.5).abs() < 0.01).unwrap_or_default();
        chart
            .configure_mesh()
            .disable_x_mesh()
            .x_labels(mixes.len() * 2 + 1)
            .x_label_formatter(&name)
            .y_labels(6)
            .y_label_formatter(&|y| format!("{:.0} %", y * 100.0))
            .y_desc("of full batches")
            .draw()?;
        for (at, mix) in mixes.iter().enumerate() {
            for (i, policy) in PolicyName::ALL.into_iter().enumerate() {
                let Some(goodput) = results.find(mix, *k, policy) else { continue };
                let left = at as f64 + 0.1 + 0.2 * i as f64;
                let (height, error) = (goodput.mean / goodput.capacity, goodput.error / goodput.capacity);
                let bar = Rectangle::new([(left, 0.0), (left + 0.18, height)], colour(policy).filled());
                chart.draw_series([bar])?;
                let whisker = PathElement::new([(left + 0.09, height - error), (left + 0.09, height + error)], BLACK);
                chart.draw_series([whisker])?;
            }
        }
    }
    root.present()?;
    Ok(())
}

/// In-time shares over the rate, a panel for each mix.
pub fn shares(results: &Results, k: f64, file: &Path) -> Drawn {
    let mixes = results.mixes();
    let rows = mixes.len().div_ceil(2).max(1);
    let root = SVGBackend::new(file, (1000, 40 + 230 * rows as u32)).into_drawing_area();
    root.fill(&WHITE)?;
    let (top, panels) = root.split_vertically(32);
    legend(&top)?;
    for (panel, mix) in panels.split_evenly((rows, 2)).iter().zip(&mixes) {
        let rates = results.goodputs.iter().filter(|goodput| goodput.mix == *mix).flat_map(|goodput| &goodput.shares);
        let highest = rates.map(|run| run.rate).fold(0.1, f64::max);
        let mut chart = ChartBuilder::on(panel)
            .caption(format!("{mix}: share within {k} x solo time"), ("sans-serif", 16))
            .margin(6)
            .x_label_area_size(36)
            .y_label_area_size(46)
            .build_cartesian_2d(0.0..highest, 0.0..1.0)?;
        chart
            .configure_mesh()
            .light_line_style(WHITE)
            .x_desc("requests a second")
            .y_labels(6)
            .y_label_formatter(&|y| format!("{:.0} %", y * 100.0))
            .draw()?;
        chart.draw_series([PathElement::new([(0.0, crate::measure::SHARE), (highest, crate::measure::SHARE)], RED.mix(0.5))])?;
        for policy in PolicyName::ALL {
            let Some(goodput) = results.find(mix, k, policy) else { continue };
            let points = goodput.shares.iter().map(|run| (run.rate, run.in_time));
            chart.draw_series(LineSeries::new(points, colour(policy).stroke_width(2)))?;
        }
    }
    root.present()?;
    Ok(())
}
