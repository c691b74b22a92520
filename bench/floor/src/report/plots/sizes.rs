//! How a call grows with its request.

use svg::Document;
use svg::node::element::{Circle, Polyline};

use super::{LINE, canvas, colour, line, round, text, text_to, title};
use crate::contestant::Contestant;
use crate::report::rows::SIZES;
use crate::report::summary::Summary;
use crate::report::table::number;

const LEFT: f64 = 70.0;
const RIGHT: f64 = 640.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 340.0;

/// A line for each contestant over the size of a request, both axes logarithmic; `None` when it was not measured.
pub(in crate::report) fn sizes(summary: &Summary<'_>) -> Option<Document> {
    let mut curves = Vec::new();
    for contestant in Contestant::ALL {
        let points = SIZES.iter().filter_map(|(size, row)| Some((*size, summary.spread(row, contestant)?.median)));
        curves.push((contestant, points.collect::<Vec<(f64, f64)>>()));
    }
    let values = || curves.iter().flat_map(|(_, points)| points.iter().map(|(_, value)| *value));
    let (lowest, highest) = (values().reduce(f64::min)?, values().reduce(f64::max)?);
    let (smallest, largest) = (SIZES.first()?.0, SIZES.last()?.0);
    let x = |size: f64| LEFT + (size / smallest).ln() / (largest / smallest).ln() * (RIGHT - LEFT);
    let y =
        |value: f64| BOTTOM - (value / lowest).ln() / (highest / lowest).ln().max(f64::MIN_POSITIVE) * (BOTTOM - TOP);

    let mut document = canvas(BOTTOM + 2.0 * LINE).add(title(LINE, "One call by the size of its request, p50 in µs"));
    document =
        document.add(line("axis", (LEFT, BOTTOM), (RIGHT, BOTTOM))).add(line("axis", (LEFT, TOP), (LEFT, BOTTOM)));
    for ((size, _), label) in SIZES.iter().zip(["100 B", "1 KiB", "64 KiB", "1 MiB"]) {
        document = document.add(text(x(*size), BOTTOM + LINE, label).set("text-anchor", "middle"));
    }
    for value in [lowest, (lowest * highest).sqrt(), highest] {
        document = document.add(text_to(LEFT - 8.0, y(value) + 4.0, &number(value)));
    }
    let mut legend = TOP;
    for (contestant, points) in &curves {
        let (fill, places) =
            (colour(*contestant), points.iter().map(|(size, value)| (round(x(*size)), round(y(*value)))));
        let path: Vec<String> = places.clone().map(|(x, y)| format!("{x},{y}")).collect();
        let curve = Polyline::new().set("points", path.join(" ")).set("fill", "none").set("stroke", fill);
        document = document.add(curve.set("stroke-width", 2));
        for (x, y) in places {
            document = document.add(Circle::new().set("cx", x).set("cy", y).set("r", 4).set("fill", fill));
        }
        let swatch = super::rectangle(RIGHT + 24.0, legend - 11.0, 14.0, 14.0, fill);
        document = document.add(swatch).add(text(RIGHT + 44.0, legend, contestant.name()));
        legend += LINE;
    }
    Some(document)
}
