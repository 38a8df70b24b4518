//! Plots the cost by length of content and by number of sessions.

use std::error::Error;
use std::fs;
use std::path::Path;

use plotters::prelude::*;

use crate::ratios::SESSIONS;
use crate::results::Times;
use crate::rig::SIZES;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Draws `content.svg` and `sessions.svg`.
pub fn draw(times: &Times, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    let contents = SIZES.map(|(name, content)| (name.to_owned(), content));
    let content = Plot {
        title: "One persistent message, by the length of its content",
        across: "content in bytes",
        places: &contents,
        lines: &[
            ("decode → handle → effects", "effects", BLUE),
            ("whole pipeline", "pipeline/persistent", RED),
            ("floor", "floor/persistent", BLACK),
            ("mqtt-protocol-core", "mqtt", RGBColor(0, 130, 60)),
            ("prost", "protobuf", RGBColor(150, 80, 190)),
            ("LengthDelimitedCodec", "length-delimited", RGBColor(220, 140, 0)),
        ],
        legend: SeriesLabelPosition::LowerRight,
    };
    content.draw(times, &folder.join("content.svg"))?;
    let sessions = SESSIONS.map(|sessions| (sessions.to_string(), sessions));
    let sessions = Plot {
        title: "One message of 100 bytes, by the number of sessions in turn",
        across: "sessions, in shuffled order",
        places: &sessions,
        lines: &[
            ("decode → handle → effects", "sessions", BLUE),
            ("fetching the session alone", "fetch", BLACK),
        ],
        legend: SeriesLabelPosition::UpperLeft,
    };
    sessions.draw(times, &folder.join("sessions.svg"))
}

struct Plot<'p> {
    title: &'p str,
    across: &'p str,
    /// The last part of the benchmarks' names, and its value on the x axis.
    places: &'p [(String, usize)],
    /// The name of a line, the first part of its benchmarks' names, and its colour.
    lines: &'p [(&'p str, &'p str, RGBColor)],
    /// A place that no line crosses.
    legend: SeriesLabelPosition,
}

impl Plot<'_> {
    /// Both axes are logarithmic: a constant cost is flat, and the cost of copying is a slope.
    fn draw(&self, times: &Times, path: &Path) -> Result<()> {
        let area = SVGBackend::new(path, (900, 520)).into_drawing_area();
        area.fill(&WHITE)?;
        let (least, most) = (self.places[0].1, self.places[self.places.len() - 1].1);
        let mut chart = ChartBuilder::on(&area)
            .caption(self.title, ("sans-serif", 22))
            .margin(14)
            .margin_right(40)
            .x_label_area_size(44)
            .y_label_area_size(64)
            .build_cartesian_2d(
                (number(least)..number(most)).log_scale(),
                (1.0..3000.0).log_scale(),
            )?;
        chart
            .configure_mesh()
            .x_desc(self.across)
            .y_desc("nanoseconds per message")
            .label_style(("sans-serif", 14))
            .x_label_formatter(&|x| format!("{x:.0}"))
            .y_label_formatter(&|y| format!("{y:.0}"))
            .draw()?;
        for (name, benchmark, color) in self.lines {
            let points = self.points(times, benchmark);
            let style = ShapeStyle::from(color).stroke_width(2);
            chart
                .draw_series(LineSeries::new(points.iter().copied(), style).point_size(3))?
                .label(*name)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 22, y)], style));
        }
        chart
            .configure_series_labels()
            .position(self.legend.clone())
            .background_style(WHITE.mix(0.85))
            .border_style(BLACK.mix(0.3))
            .label_font(("sans-serif", 14))
            .draw()?;
        Ok(area.present()?)
    }

    /// The points that were measured.
    fn points(&self, times: &Times, benchmark: &str) -> Vec<(f64, f64)> {
        let point = |(name, place): &(String, usize)| {
            Some((number(*place), *times.get(&format!("{benchmark}/{name}"))?))
        };
        self.places.iter().filter_map(point).collect()
    }
}

fn number(place: usize) -> f64 {
    u32::try_from(place).map_or(f64::MAX, f64::from)
}
