//! Asks many processes about themselves, some of which are stopped, killed, or lie.
//!
//! Run the tests with `./scripts/test --test introspection`.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::print_stdout, reason = "a test prints what it measured")]
#![allow(unreachable_pub, reason = "the tests are one crate")]

mod broker;
mod liars;
mod many;
mod worker;
