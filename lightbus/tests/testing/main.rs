//! The test kit: what it records, how it settles, and what its assertions say when they fail.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod assertions;
mod company;
mod dead_letters;
mod fakes;
mod faults;
mod settling;
