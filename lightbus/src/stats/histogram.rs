//! Histograms of durations that can be added up over processes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Four buckets for each doubling, from 1 µs to beyond 100 s.
const BUCKETS: usize = 108;

/// The length of the first bucket's steps: a quarter of a microsecond, in nanoseconds.
const STEP: u64 = 250;

/// The bucket that a duration falls into.
fn bucket(nanoseconds: u64) -> usize {
    let steps = nanoseconds / STEP;
    let Some(octave) = steps.checked_ilog2().and_then(|log| log.checked_sub(2)) else { return 0 };
    let quarter = (steps >> octave) & 3;
    (octave as usize * 4 + quarter as usize).min(BUCKETS - 1)
}

/// The shortest duration of a bucket, apart from the first one, which starts at zero.
const fn lower_bound(bucket: usize) -> Duration {
    let steps = (4 + (bucket as u64 & 3)) << (bucket / 4);
    Duration::from_nanos(steps * STEP)
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// The buckets that messages are counted in.
#[derive(Debug)]
pub(crate) struct Buckets {
    counts: [AtomicU64; BUCKETS],
    /// In nanoseconds.
    total: AtomicU64,
}

impl Default for Buckets {
    fn default() -> Self {
        Self { counts: [const { AtomicU64::new(0) }; BUCKETS], total: AtomicU64::new(0) }
    }
}

impl Buckets {
    pub(crate) fn record(&self, duration: Duration) {
        let nanoseconds = nanoseconds(duration);
        self.counts[bucket(nanoseconds)].fetch_add(1, Ordering::Relaxed);
        self.total.fetch_add(nanoseconds, Ordering::Relaxed);
    }

    pub(crate) fn snapshot(&self) -> Histogram {
        let counts = self.counts.iter().enumerate();
        let counts = counts.map(|(bucket, count)| (bucket, count.load(Ordering::Relaxed)));
        Histogram {
            counts: counts.filter(|(_, count)| *count > 0).map(|(bucket, count)| (bucket as u8, count)).collect(),
            total: Duration::from_nanos(self.total.load(Ordering::Relaxed)),
        }
    }
}

/// How long something took, as counts in buckets. Histograms of several processes add up with [`merge`](Self::merge), which
/// percentiles do not.
///
/// Each doubling of the duration has four buckets, from 1 µs to more than 100 s, so a quantile is at most a quarter too long.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(from = "Written", into = "Written")]
#[schemars(with = "Written")]
pub struct Histogram {
    /// The buckets that are not empty, in order.
    counts: Vec<(u8, u64)>,
    total: Duration,
}

/// A histogram on the wire.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Written {
    /// The number and the count of each bucket that is not empty.
    #[serde(default)]
    buckets: Vec<(u8, u64)>,
    /// The sum of all durations.
    #[serde(default)]
    total_ns: u64,
}

impl From<Histogram> for Written {
    fn from(histogram: Histogram) -> Self {
        Self { total_ns: nanoseconds(histogram.total), buckets: histogram.counts }
    }
}

impl From<Written> for Histogram {
    fn from(written: Written) -> Self {
        let mut histogram = Self { counts: Vec::new(), total: Duration::from_nanos(written.total_ns) };
        for (bucket, count) in written.buckets {
            histogram.add(bucket, count);
        }
        histogram
    }
}

impl Histogram {
    /// How many durations were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().fold(0, |sum, (_, count)| sum.saturating_add(*count))
    }

    /// The sum of all durations.
    #[must_use]
    pub fn total(&self) -> Duration {
        self.total
    }

    /// The mean duration. `None` if nothing was counted.
    #[must_use]
    pub fn mean(&self) -> Option<Duration> {
        let count = self.count();
        (count > 0).then(|| Duration::from_nanos(nanoseconds(self.total) / count))
    }

    /// The duration that this share of all durations does not exceed: `quantile(0.5)` is the median, and `quantile(0.99)`
    /// what all but one in a hundred stay below. `None` if nothing was counted.
    ///
    /// It is the upper bound of a bucket, up to a quarter longer than the real one. Shares outside of 0 to 1 count as the
    /// nearest of the two.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Option<Duration> {
        let count = self.count();
        // A count is far below 2^52, and a share of it is no less exact than the bucket.
        let rank = ((count as f64 * share.clamp(0.0, 1.0)).ceil() as u64).max(1);
        let mut seen = 0_u64;
        let found = self.counts.iter().find(|(_, count)| {
            seen = seen.saturating_add(*count);
            seen >= rank
        });
        let last = self.counts.last();
        found.or(last).map(|(bucket, _)| upper_bound(*bucket))
    }

    /// The buckets that are not empty, as upper bounds and counts, from the shortest to the longest.
    pub fn buckets(&self) -> impl Iterator<Item = (Duration, u64)> + '_ {
        self.counts.iter().map(|(bucket, count)| (upper_bound(*bucket), *count))
    }

    /// Adds the durations of another process.
    pub fn merge(&mut self, other: &Self) {
        for (bucket, count) in &other.counts {
            self.add(*bucket, *count);
        }
        self.total = self.total.saturating_add(other.total);
    }

    fn add(&mut self, bucket: u8, count: u64) {
        let bucket = bucket.min(BUCKETS as u8 - 1);
        if count == 0 {
            return;
        }
        match self.counts.binary_search_by_key(&bucket, |(bucket, _)| *bucket) {
            Ok(place) => self.counts[place].1 = self.counts[place].1.saturating_add(count),
            Err(place) => self.counts.insert(place, (bucket, count)),
        }
    }
}

fn upper_bound(bucket: u8) -> Duration {
    lower_bound(usize::from(bucket) + 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn histogram(microseconds: &[u64]) -> Histogram {
        let buckets = Buckets::default();
        for duration in microseconds {
            buckets.record(Duration::from_micros(*duration));
        }
        buckets.snapshot()
    }

    #[test]
    fn the_buckets_reach_from_a_microsecond_to_beyond_100_seconds() {
        assert_eq!(lower_bound(0), Duration::from_micros(1));
        assert_eq!(lower_bound(1), Duration::from_nanos(1250));
        assert_eq!(lower_bound(4), Duration::from_micros(2));
        assert!(lower_bound(BUCKETS - 1) > Duration::from_secs(100));
        assert_eq!((bucket(0), bucket(999), bucket(1000), bucket(1250), bucket(2000)), (0, 0, 0, 1, 4));
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn an_empty_histogram_has_no_quantiles() {
        assert_eq!((histogram(&[]).quantile(0.99), histogram(&[]).mean()), (None, None));
    }

    #[test]
    fn quantiles_lie_between_the_extremes() {
        let histogram = histogram(&[10, 10, 10, 1000]);
        assert_eq!(histogram.mean(), Some(Duration::from_nanos(257_500)));
        let [least, median, most] = [0.0, 0.5, 1.0].map(|share| histogram.quantile(share).unwrap());
        assert_eq!(least, median);
        assert!(median < Duration::from_micros(13) && most >= Duration::from_micros(1000));
    }

    #[test]
    fn what_a_peer_makes_up_is_taken_as_far_as_it_goes() {
        let text = r#"{"buckets":[[255,18446744073709551615],[3,0],[255,7]],"total_ns":18446744073709551615,"more":1}"#;
        let mut histogram: Histogram = serde_json::from_str(text).unwrap();
        histogram.merge(&histogram.clone());
        assert_eq!(histogram.count(), u64::MAX);
        assert!(histogram.quantile(f64::NAN).is_some() && histogram.mean().is_some());
    }

    proptest! {
        #[test]
        fn a_duration_is_in_its_bucket(nanoseconds in 1000..100_000_000_000_u64) {
            let bucket = bucket(nanoseconds);
            let duration = Duration::from_nanos(nanoseconds);
            prop_assert!(lower_bound(bucket) <= duration && duration < lower_bound(bucket + 1));
        }

        #[test]
        fn merging_is_the_same_as_counting_together(one: Vec<u32>, other: Vec<u32>) {
            let [one, other] = [one, other].map(|times| times.into_iter().map(u64::from).collect::<Vec<_>>());
            let mut merged = histogram(&one);
            merged.merge(&histogram(&other));
            prop_assert_eq!(&merged, &histogram(&[one, other].concat()));
            let text = serde_json::to_string(&merged).unwrap();
            prop_assert_eq!(serde_json::from_str::<Histogram>(&text).unwrap(), merged);
        }

        #[test]
        fn a_quantile_is_at_most_a_quarter_too_long(mut times in prop::collection::vec(1..90_000_000_u64, 1..50), share in 0.0..1.0) {
            let quantile = histogram(&times).quantile(share).unwrap();
            times.sort_unstable();
            let rank = ((times.len() as f64 * share).ceil() as usize).max(1);
            let exact = Duration::from_micros(times[rank - 1]);
            prop_assert!(exact < quantile && quantile <= exact * 5 / 4, "{exact:?} {quantile:?}");
        }
    }
}
