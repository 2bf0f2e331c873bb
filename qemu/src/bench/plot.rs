//! Rows as SVG.

use anyhow::Result;
use plotters::coord::Shift;
use plotters::coord::ranged1d::Ranged;
use plotters::prelude::*;

use super::rows::{Row, distinct, short};

const COLOURS: [RGBColor; 6] = [
    RGBColor(0, 90, 160),
    RGBColor(220, 120, 0),
    RGBColor(170, 30, 60),
    RGBColor(90, 90, 90),
    RGBColor(0, 130, 90),
    RGBColor(120, 60, 160),
];
const FONT: &str = "sans-serif";
/// Where scales begin: below an empty invoke.
const LEAST: f64 = 50.0;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Chart<'a, X, Y> = ChartContext<'a, SVGBackend<'a>, Cartesian2d<X, Y>>;

/// Bars on a logarithmic scale: whatever more than one do.
pub(super) fn peers(rows: &[Row]) -> Result<String> {
    let who = distinct(rows.iter().map(|row| row.by.clone()));
    let mut whats = distinct(rows.iter().map(Row::what));
    whats.retain(|what| rows.iter().filter(|row| row.what() == *what).count() > 1);
    let most = rows.iter().map(|row| row.min_us).fold(LEAST, f64::max);
    // A name, and a bar for each.
    let lines = who.len() + 1;
    let height = 80 + 12 * (lines * whats.len()) as u32;
    draw((900, height), |area| {
        let mut chart = ChartBuilder::on(area)
            .caption("us of counted instructions: less is better", (FONT, 16))
            .margin(10)
            .x_label_area_size(30)
            .build_cartesian_2d(
                (LEAST..most * 2.0).log_scale(),
                (lines * whats.len()) as f64..0.0,
            )?;
        chart
            .configure_mesh()
            .disable_y_mesh()
            .x_label_formatter(&|time| format!("{time:.0}"))
            .draw()?;
        let top = |what: &str| {
            whats
                .iter()
                .position(|one| one == what)
                .map(|at| at * lines)
        };
        let names = whats
            .iter()
            .zip((0..).step_by(lines))
            .map(|(what, top)| Text::new(what.clone(), (LEAST * 1.05, top as f64), (FONT, 11)));
        chart.draw_series(names)?;
        for (number, by) in who.iter().enumerate() {
            let colour = COLOURS[number % COLOURS.len()];
            let bars = rows.iter().filter(|row| row.by == *by).filter_map(|row| {
                let top = (top(&row.what())? + 1 + number) as f64;
                let corners = [(LEAST, top), (row.min_us.max(LEAST), top + 0.9)];
                Some(Rectangle::new(corners, colour.filled()))
            });
            chart.draw_series(bars)?.label(by).legend(move |(x, y)| {
                Rectangle::new([(x, y - 4), (x + 14, y + 4)], colour.filled())
            });
        }
        legend(&mut chart, SeriesLabelPosition::LowerRight)
    })
}

/// A line an operation, both scales logarithmic: one that is level costs the same among however many keys.
pub(super) fn scale(rows: &[Row]) -> Result<String> {
    let sized = || rows.iter().filter(|row| row.size.is_some());
    let operations = distinct(sized().map(|row| row.operation.clone()));
    let most = sized().map(|row| row.median_us).fold(1.0_f64, f64::max);
    let keys = sized().filter_map(|row| row.size).max().unwrap_or(10) as f64;
    draw((900, 520), |area| {
        let mut chart = ChartBuilder::on(area)
            .caption("us of counted instructions, by number of keys", (FONT, 16))
            .margin(10)
            .x_label_area_size(40)
            .y_label_area_size(80)
            .build_cartesian_2d(
                (10.0..keys * 1.2).log_scale(),
                (LEAST..most * 2.0).log_scale(),
            )?;
        chart
            .configure_mesh()
            .x_label_formatter(&|keys| short(*keys as u64))
            .x_desc("keys")
            .y_label_formatter(&|time| format!("{time:.0}"))
            .draw()?;
        for (number, operation) in operations.iter().enumerate() {
            let colour = COLOURS[number % COLOURS.len()];
            let stroke = colour.stroke_width(if number < COLOURS.len() { 3 } else { 1 });
            let points = sized().filter(|row| row.operation == *operation);
            let points = points.filter_map(|row| Some((row.size? as f64, row.median_us)));
            chart
                .draw_series(LineSeries::new(points, stroke).point_size(3))?
                .label(operation)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 14, y)], stroke));
        }
        // What is in the vault ends long before that.
        legend(&mut chart, SeriesLabelPosition::UpperRight)
    })
}

fn draw(size: (u32, u32), fill: impl FnOnce(&Area<'_>) -> Result<()>) -> Result<String> {
    let mut text = String::new();
    {
        let area = SVGBackend::with_string(&mut text, size).into_drawing_area();
        area.fill(&WHITE)?;
        fill(&area)?;
        area.present()?;
    }
    Ok(text)
}

fn legend<'a, X, Y>(chart: &mut Chart<'a, X, Y>, at: SeriesLabelPosition) -> Result<()>
where
    X: Ranged<ValueType = f64>,
    Y: Ranged<ValueType = f64>,
{
    chart
        .configure_series_labels()
        .position(at)
        .background_style(WHITE.mix(0.8))
        .border_style(BLACK)
        .draw()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::rows::row;
    use super::*;

    #[test]
    fn plots_show_what_was_measured() {
        let rows = [
            row("mac", Some(16), "library", 130.0),
            row("mac", Some(16), "command", 13000.0),
            row("alone", Some(1000), "library", 140.0),
        ];
        let bars = peers(&rows).unwrap();
        assert!(bars.starts_with("<svg") && bars.contains("mac 16") && bars.contains("command"));
        assert!(!bars.contains("alone"));
        assert!(scale(&rows).unwrap().contains("alone"));
    }
}
