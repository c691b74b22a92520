//! Statistics of a process: how many calls and events, how they ended, how long they waited and took.
//!
//! [`Bus::stats`](crate::Bus::stats) returns the [`Stats`] of its process. They count from the moment the process connected.
//! Statistics of several processes add up with [`Stats::merge`].

mod counters;
pub(crate) mod epoch;
mod histogram;
mod outcome;
mod snapshot;

pub use self::histogram::Histogram;
pub use self::outcome::Outcome;
pub use self::snapshot::{LastFailure, MessageStats, Stats};

pub(crate) use self::counters::Counters;
