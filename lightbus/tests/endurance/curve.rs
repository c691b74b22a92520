//! How much memory the process has, over time.

use std::fmt;
use std::fs;
use std::sync::Mutex;

use tokio::time::Instant;

/// How often it is looked at.
const SAMPLES: u64 = 50;

/// How many of the samples belong to the time in which buffers and pools grow to their size.
const WARM_UP: usize = 10;

/// How many kilobytes more the process may have at the end than after the warm-up. Allocators keep what they may need
/// again, and they do so by chance; ten bytes lost with each of a million messages are more.
const MARGIN: u64 = 8 * 1024;

/// The memory of this process at regular intervals of work.
#[derive(Debug)]
pub struct Curve {
    every: u64,
    begun: Instant,
    samples: Mutex<Vec<Sample>>,
}

#[derive(Debug)]
struct Sample {
    done: u64,
    seconds: f64,
    kilobytes: u64,
}

impl Curve {
    /// For so much work.
    pub fn new(amount: u64) -> Self {
        let samples = Vec::with_capacity(usize::try_from(SAMPLES).unwrap());
        Self { every: (amount / SAMPLES).max(1), begun: Instant::now(), samples: Mutex::new(samples) }
    }

    /// So much work is done by now.
    pub fn reached(&self, done: u64) {
        if done.is_multiple_of(self.every)
            && let Some(kilobytes) = resident()
        {
            let seconds = self.begun.elapsed().as_secs_f64();
            self.samples.lock().unwrap().push(Sample { done, seconds, kilobytes });
        }
    }

    /// Sees that the end is not above the level after the warm-up. Where memory cannot be measured, there is nothing to see.
    pub fn assert_flat(&self, name: &str) {
        let samples = self.samples.lock().unwrap();
        let highest = |samples: &[Sample]| samples.iter().map(|sample| sample.kilobytes).max();
        let Some((warm_up, rest)) = samples.split_at_checked(WARM_UP) else { return };
        let last = &rest[rest.len().saturating_sub(WARM_UP)..];
        let (Some(level), Some(end)) = (highest(warm_up), highest(last)) else { return };
        assert!(end <= level + MARGIN, "memory rose from {level} kB to {end} kB with so many {name}");
    }
}

/// One line for each sample.
impl fmt::Display for Curve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Sample { done, seconds, kilobytes } in &*self.samples.lock().unwrap() {
            writeln!(f, "{done:>9} after {seconds:>6.1} s: {kilobytes:>7} kB")?;
        }
        Ok(())
    }
}

/// The resident memory of this process in kilobytes, on Linux.
fn resident() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?.trim().strip_suffix(" kB")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(kilobytes: impl Fn(u64) -> u64) -> Curve {
        let curve = Curve::new(1_000_000);
        let samples = (1..=SAMPLES).map(|n| Sample { done: n, seconds: 0.0, kilobytes: kilobytes(n) });
        curve.samples.lock().unwrap().extend(samples);
        curve
    }

    #[test]
    fn a_curve_that_levels_off_is_flat() {
        curve(|n| 20_000 + n.min(10) * 5_000 + n % 7 * 200).assert_flat("a test");
    }

    #[test]
    #[should_panic(expected = "memory rose from 20200 kB to 29000 kB")]
    fn a_slow_rise_is_found() {
        // Eleven bytes with each message.
        curve(|n| 18_000 + n * 220).assert_flat("a test");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn memory_can_be_measured() {
        assert!(resident().unwrap() > 100);
    }
}
