//! Faults of the network, the broker and processes. Whatever happens, nothing is lost, nothing hangs, and nothing runs
//! twice that must not. Each test keeps a ledger of calls and events and balances it at the end.
//!
//! Run the tests with `./scripts/test`, and with `./scripts/test --soak` for longer.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::print_stdout, reason = "a test prints what it counted")]
#![allow(unreachable_pub, reason = "the tests are one crate")]

mod broker_side;
mod channels;
mod crashes;
mod limits;
mod network;
mod poison;
mod processes;
mod worker;
