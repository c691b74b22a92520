//! The parts of a call: the additional time of each contestant over the one that does less.

use svg::Document;

use super::{LINE, canvas, colour, rectangle, text, title};
use crate::contestant::Contestant;
use crate::report::rows::RPC_P50;
use crate::report::summary::Summary;
use crate::report::table::number;

const LENGTH: f64 = 740.0;

const PARTS: [(Contestant, &str); 4] = [
    (Contestant::Raw, "the broker, two sockets, waking up, encoding and decoding (raw)"),
    (Contestant::Bare, "lapin: its thread for each connection, its frames, a task for each call (bare − raw)"),
    (Contestant::Best, "properties, mandatory, the deadline (best − bare)"),
    (Contestant::Lightbus, "Lightbus (lightbus − best)"),
];

/// The parts of one call on one bar; `None` when they were not measured.
pub(in crate::report) fn call(summary: &Summary<'_>) -> Option<Document> {
    let mut medians = Vec::new();
    for (contestant, what) in PARTS {
        medians.push((contestant, what, summary.spread(&RPC_P50, contestant)?.median));
    }
    let whole = medians.iter().map(|(.., median)| *median).fold(f64::MIN_POSITIVE, f64::max);
    let mut document = canvas(8.5 * LINE).add(title(LINE, "One call, one at a time, p50 in µs"));
    let (mut before, mut y) = (0.0_f64, 4.0 * LINE);
    for (contestant, what, median) in medians {
        // Within the noise one may be faster than another that does less.
        let part = (median - before).max(0.0);
        document = document
            .add(rectangle(before / whole * LENGTH, 1.5 * LINE, part / whole * LENGTH, 1.5 * LINE, colour(contestant)))
            .add(rectangle(0.0, y - 12.0, 14.0, 14.0, colour(contestant)))
            .add(text(22.0, y, &format!("{} µs: {what}", number(median - before))));
        before = before.max(median);
        y += LINE;
    }
    Some(document)
}
