//! What goes wrong in a network, and what has to hold all the same: nothing is lost, nothing hangs, nothing runs twice
//! unasked. Each test keeps a ledger of what was called, run, published and handled, and balances it at the end.
//!
//! Run the tests with `./scripts/test`, and with `./scripts/test --soak` for longer.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::print_stdout, reason = "the counts are told")]
#![allow(unreachable_pub, reason = "the tests are one crate")]

#[path = "../support/broker.rs"]
#[allow(dead_code, reason = "other tests use more of it")]
mod broker;
mod broker_side;
mod channels;
#[path = "../support/command.rs"]
#[allow(dead_code, reason = "other tests use more of it")]
mod command;
mod crashes;
#[path = "../support/ledger.rs"]
#[allow(dead_code, reason = "other tests use more of it")]
mod ledger;
mod lines;
#[path = "../support/load.rs"]
mod load;
#[path = "../support/log.rs"]
mod log;
mod node;
mod poison;
mod processes;
#[path = "../support/relay.rs"]
#[allow(dead_code, reason = "other tests use more of it")]
mod relay;
mod worker;
