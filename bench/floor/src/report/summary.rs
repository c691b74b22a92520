//! Medians, spreads and ratios.

use super::rows::Row;
use crate::contestant::Contestant;
use crate::data::Data;

/// A median, and how far the values lie apart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) lowest: f64,
    pub(crate) highest: f64,
}

impl Spread {
    fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_by(f64::total_cmp);
        let (lowest, highest, middle) = (*values.first()?, *values.last()?, values.len() / 2);
        let median =
            if values.len() % 2 == 1 { values[middle] } else { f64::midpoint(values[middle - 1], values[middle]) };
        Some(Self { median, lowest, highest })
    }
}

/// A summary of the data of a run.
#[derive(Debug)]
pub(crate) struct Summary<'a> {
    data: &'a Data,
}

impl<'a> Summary<'a> {
    pub(crate) fn of(data: &'a Data) -> Self {
        Self { data }
    }

    pub(crate) fn spread(&self, row: &Row, contestant: Contestant) -> Option<Spread> {
        Spread::of(self.values(row, contestant).map(|(_, value)| value).collect())
    }

    /// Lightbus relative to the best client by hand, in each round, because a disturbance affects both.
    pub(crate) fn ratio(&self, row: &Row) -> Option<Spread> {
        let best: Vec<(u32, f64)> = self.values(row, Contestant::Best).collect();
        let ratios = self.values(row, Contestant::Lightbus).filter_map(|(round, value)| {
            let (_, best) = best.iter().find(|(of, _)| *of == round)?;
            Some(value / best)
        });
        Spread::of(ratios.collect())
    }

    fn values(&self, row: &Row, contestant: Contestant) -> impl Iterator<Item = (u32, f64)> {
        let (work, metric) = (row.work, row.metric);
        let samples =
            self.data.samples.iter().filter(move |sample| sample.work == work && sample.contestant == contestant);
        samples.filter_map(move |sample| Some((sample.round, *sample.metrics.get(metric)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_lies_in_the_middle() {
        let spread =
            |values: &[f64]| Spread::of(values.to_vec()).map(|spread| (spread.median, spread.lowest, spread.highest));
        assert_eq!(spread(&[3.0, 1.0, 2.0]), Some((2.0, 1.0, 3.0)));
        assert_eq!(spread(&[4.0, 1.0, 2.0, 3.0]), Some((2.5, 1.0, 4.0)));
        assert_eq!(spread(&[]), None);
    }
}
