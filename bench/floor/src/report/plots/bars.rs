//! Bars for some rows of the tables, each row on a scale of its own.

use svg::Document;

use super::{LINE, canvas, colour, line, rectangle, text, text_to, title};
use crate::contestant::Contestant;
use crate::report::rows::Row;
use crate::report::summary::{Spread, Summary};
use crate::report::table::number;

/// The start of the bars, and the length of the longest.
const LEFT: f64 = 80.0;
const LONGEST: f64 = 560.0;

/// Bars for these rows; `None` when none of them was measured.
pub(in crate::report) fn bars(rows: &[Row], summary: &Summary<'_>) -> Option<Document> {
    let groups: Vec<(&Row, Vec<(Contestant, Spread)>)> = rows
        .iter()
        .map(|row| (row, Contestant::ALL.iter().filter_map(|&who| Some((who, summary.spread(row, who)?))).collect()))
        .filter(|(_, bars): &(_, Vec<_>)| !bars.is_empty())
        .collect();
    let lines: usize = groups.iter().map(|(_, bars)| bars.len() + 2).sum();
    let mut document = canvas(height(lines));
    let mut y = LINE;
    for (row, bars) in &groups {
        document = document.add(title(y, row.label));
        y += LINE;
        let most = bars.iter().map(|(_, spread)| spread.highest).fold(f64::MIN_POSITIVE, f64::max);
        for (contestant, spread) in bars {
            let at = |value: f64| LEFT + value / most * LONGEST;
            let middle = y - 5.0;
            document = document
                .add(text_to(LEFT - 8.0, y, contestant.name()))
                .add(rectangle(LEFT, y - 13.0, at(spread.median) - LEFT, LINE - 4.0, colour(*contestant)))
                .add(line("spread", (at(spread.lowest), middle), (at(spread.highest), middle)))
                .add(text(at(spread.highest) + 8.0, y, &number(spread.median)));
            y += LINE;
        }
        y += LINE;
    }
    (!groups.is_empty()).then_some(document)
}

#[allow(clippy::cast_precision_loss, reason = "a handful of lines")]
fn height(lines: usize) -> f64 {
    lines as f64 * LINE + LINE / 2.0
}
