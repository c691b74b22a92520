//! What has to hold on a cluster of three nodes while nodes of it crash. Like the tests of faults, each test keeps a ledger
//! and balances it at the end.
//!
//! Run the tests with `./scripts/test-cluster`, which starts the cluster, and with `./scripts/test-cluster --soak` for
//! longer.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::print_stdout, reason = "the counts are told")]
#![allow(unreachable_pub, reason = "the tests are one crate")]

#[path = "../support/broker.rs"]
#[allow(dead_code, reason = "other tests use more of it")]
mod broker;
mod classic_queues;
#[path = "../support/command.rs"]
mod command;
mod crashes;
#[path = "../support/ledger.rs"]
#[allow(dead_code, reason = "other tests use more of it")]
mod ledger;
#[path = "../support/load.rs"]
#[allow(dead_code, reason = "other tests use more of it")]
mod load;
mod nodes;
