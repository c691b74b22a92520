//! A cluster of three nodes, some of which crash. Like the tests of faults, each test keeps a ledger and balances it at the
//! end.
//!
//! Run the tests with `./scripts/test-cluster`, which starts the cluster, and with `./scripts/test-cluster --soak` for
//! longer.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::print_stdout, reason = "a test prints what it counted")]
#![allow(unreachable_pub, reason = "the tests are one crate")]

mod classic_queues;
mod crashes;
mod nodes;
