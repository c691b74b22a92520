//! Plots, as SVG that reads on a light page and on a dark one.

mod bars;
mod call;
mod ratios;
mod sizes;

use svg::Document;
use svg::node::element::{Line, Rectangle, Style, Text};

pub(super) use bars::bars;
pub(super) use call::call;
pub(super) use ratios::ratios;
pub(super) use sizes::sizes;

use crate::contestant::Contestant;

const WIDTH: f64 = 760.0;

/// The height of a line of text, and of what stands beside it.
const LINE: f64 = 20.0;

const STYLE: &str = "text { font: 13px system-ui, sans-serif; fill: #24292f }
.title { font-weight: 600 }
.axis { stroke: #8c959f; stroke-width: 1 }
.spread { stroke: #24292f; stroke-width: 1.5 }
@media (prefers-color-scheme: dark) { text { fill: #d0d7de } .spread { stroke: #d0d7de } }";

fn canvas(height: f64) -> Document {
    Document::new().set("viewBox", (0, 0, WIDTH, height)).set("width", WIDTH).add(Style::new(STYLE))
}

fn colour(contestant: Contestant) -> &'static str {
    match contestant {
        Contestant::Lightbus => "#d9730d",
        Contestant::Best => "#2f81c7",
        Contestant::Bare => "#7fb2dd",
        Contestant::Naive => "#8c8c8c",
        Contestant::Raw => "#3d9a50",
    }
}

fn text(x: f64, y: f64, what: &str) -> Text {
    Text::new(what).set("x", round(x)).set("y", round(y))
}

/// A text that ends there.
fn text_to(x: f64, y: f64, what: &str) -> Text {
    text(x, y, what).set("text-anchor", "end")
}

fn title(y: f64, what: &str) -> Text {
    text(0.0, y, what).set("class", "title")
}

fn rectangle(x: f64, y: f64, width: f64, height: f64, fill: &str) -> Rectangle {
    let rectangle = Rectangle::new().set("x", round(x)).set("y", round(y)).set("fill", fill).set("rx", 2);
    rectangle.set("width", round(width.max(1.0))).set("height", round(height))
}

fn line(class: &str, from: (f64, f64), to: (f64, f64)) -> Line {
    let line = Line::new().set("class", class).set("x1", round(from.0)).set("y1", round(from.1));
    line.set("x2", round(to.0)).set("y2", round(to.1))
}

/// A tenth of a pixel is enough.
fn round(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}
