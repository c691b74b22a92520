//! The cost of Lightbus relative to the best client by hand.

use std::collections::HashSet;

use svg::Document;
use svg::node::element::Circle;

use super::{LINE, canvas, colour, line, text, text_to, title};
use crate::contestant::Contestant;
use crate::report::rows::Row;
use crate::report::summary::{Spread, Summary};

/// The start and the length of the scale.
const LEFT: f64 = 360.0;
const LENGTH: f64 = 320.0;

/// The costs that the scale shows.
const LOWEST: f64 = 0.5;
const HIGHEST: f64 = 2.0;

/// A dot and its spread for each row; `None` when none of them was measured.
pub(in crate::report) fn ratios<'a>(rows: impl Iterator<Item = &'a Row>, summary: &Summary<'_>) -> Option<Document> {
    // Some rows are in two tables.
    let mut seen = HashSet::new();
    let rows = rows.filter(|row| seen.insert((row.work, row.metric)));
    let costs: Vec<(&str, Spread)> = rows.filter_map(|row| Some((row.label, cost(row, summary.ratio(row)?)))).collect();
    let bottom = f64::from(u32::try_from(costs.len()).ok()?) * LINE + 2.5 * LINE;
    let mut document = canvas(bottom + LINE).add(title(LINE, "What Lightbus costs, best by hand = 1.00"));
    for mark in [0.5, 0.75, 1.0, 1.25, 1.5, 2.0] {
        let x = place(mark);
        document = document
            .add(line("axis", (x, 1.5 * LINE), (x, bottom)))
            .add(text(x, bottom + LINE * 0.8, &format!("{mark:.2}")).set("text-anchor", "middle"));
    }
    let mut y = 2.5 * LINE;
    for (label, Spread { median, lowest, highest }) in &costs {
        let middle = y - 5.0;
        let dot = Circle::new().set("cx", super::round(place(*median))).set("cy", middle).set("r", 5);
        document = document
            .add(text_to(LEFT - 12.0, y, label))
            .add(line("spread", (place(*lowest), middle), (place(*highest), middle)))
            .add(dot.set("fill", colour(Contestant::Lightbus)))
            .add(text(LEFT + LENGTH + 12.0, y, &format!("{median:.2}")));
        y += LINE;
    }
    (!costs.is_empty()).then_some(document)
}

/// A higher rate is a lower cost.
fn cost(row: &Row, ratio: Spread) -> Spread {
    if row.metric != "per_second" {
        return ratio;
    }
    Spread { median: 1.0 / ratio.median, lowest: 1.0 / ratio.highest, highest: 1.0 / ratio.lowest }
}

/// Half and double are equally far from one.
fn place(cost: f64) -> f64 {
    LEFT + (cost.clamp(LOWEST, HIGHEST) / LOWEST).ln() / (HIGHEST / LOWEST).ln() * LENGTH
}
