//! How often each number came, and how much memory the process had meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use crate::curve::Curve;

/// How often each number came.
#[derive(Debug)]
pub struct Tally {
    name: &'static str,
    /// Its memory is taken at the beginning, all of it.
    times: Vec<AtomicU8>,
    total: AtomicU64,
    curve: Curve,
}

impl Tally {
    /// For the numbers below `amount`.
    pub fn new(name: &'static str, amount: u64) -> Arc<Self> {
        let times = (0..amount).map(|_| AtomicU8::new(0)).collect();
        Arc::new(Self { name, times, total: AtomicU64::new(0), curve: Curve::new(amount) })
    }

    pub fn add(&self, number: u64) {
        self.times[usize::try_from(number).unwrap()].fetch_add(1, Ordering::Relaxed);
        self.curve.reached(self.total.fetch_add(1, Ordering::Relaxed) + 1);
    }

    pub fn total(&self) -> u64 {
        self.total.load(Ordering::Relaxed)
    }

    /// Sees that each number came once, and that memory stayed flat.
    pub fn balance(&self) {
        let often = self.times.iter().filter(|times| times.load(Ordering::Relaxed) != 1).count();
        let (name, total) = (self.name, self.total());
        println!("{total} {name}, {often} numbers not once\n{}", self.curve);
        assert_eq!((often, total), (0, self.times.len() as u64), "{name}");
        self.curve.assert_flat(name);
    }
}
