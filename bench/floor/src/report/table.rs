//! Tables in Markdown that also read well in a terminal.

use super::rows::Table;
use super::summary::{Spread, Summary};
use crate::contestant::Contestant;

/// Renders a table with a column for each of the contestants. Returns `None` if none of its rows was measured.
pub(crate) fn render(table: &Table, contestants: &[Contestant], summary: &Summary<'_>) -> Option<String> {
    let mut lines = vec![header(contestants)];
    for row in table.rows {
        let cells: Vec<Option<Spread>> =
            contestants.iter().map(|&contestant| summary.spread(row, contestant)).collect();
        if cells.iter().all(Option::is_none) {
            continue;
        }
        let mut line = vec![row.label.to_owned()];
        line.extend(cells.into_iter().map(|cell| cell.map_or_else(|| "–".to_owned(), with_spread)));
        line.push(summary.ratio(row).map_or_else(|| "–".to_owned(), ratio));
        lines.push(line);
    }
    (lines.len() > 1).then(|| lay_out(&lines))
}

fn header(contestants: &[Contestant]) -> Vec<String> {
    let mut header = vec![String::new()];
    header.extend(contestants.iter().map(|contestant| contestant.name().to_owned()));
    header.push("lightbus / best".to_owned());
    header
}

fn with_spread(Spread { median, lowest, highest }: Spread) -> String {
    format!("{}{}", number(median), within(number(lowest), number(highest)))
}

fn ratio(Spread { median, lowest, highest }: Spread) -> String {
    format!("**{median:.2}**{}", within(format!("{lowest:.2}"), format!("{highest:.2}")))
}

/// Empty if all values read the same.
fn within(lowest: String, highest: String) -> String {
    if lowest == highest { String::new() } else { format!(" ({lowest}–{highest})") }
}

/// Three digits are more than the precision of the measurement. Large numbers keep all digits and get a comma.
pub(crate) fn number(value: f64) -> String {
    if value.abs() < 100.0 {
        return format!("{value:.1}");
    }
    let digits = format!("{value:.0}");
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

fn lay_out(lines: &[Vec<String>]) -> String {
    let columns = lines.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|column| lines.iter().filter_map(|line| Some(line.get(column)?.chars().count())).max().unwrap_or(0))
        .collect();
    let mut text = String::new();
    for (index, line) in lines.iter().enumerate() {
        for (cell, &width) in line.iter().zip(&widths) {
            text.push_str(&format!("| {cell:width$} "));
        }
        text.push_str("|\n");
        if index == 0 {
            for (column, &width) in widths.iter().enumerate() {
                let rule = "-".repeat(width + 1);
                text.push_str(&if column == 0 { format!("|{rule}-") } else { format!("|{rule}:") });
            }
            text.push_str("|\n");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(
            [3.149, 99.9, 482.4, 20312.4, 1_234_567.0].map(number),
            ["3.1", "99.9", "482", "20,312", "1,234,567"]
        );
    }

    #[test]
    fn columns_are_aligned() {
        let lines = [vec![String::new(), "µs".to_owned()], vec!["p50".to_owned(), "482".to_owned()]];
        assert_eq!(lay_out(&lines), "|     | µs  |\n|-----|----:|\n| p50 | 482 |\n");
    }
}
