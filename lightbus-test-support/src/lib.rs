//! What the tests of Lightbus share.
//!
//! - [`world`]: a bus for one test, in memory or on RabbitMQ, and the processes on it.
//! - [`broker`]: the RabbitMQ node that `scripts/test` starts for the tests.
//! - [`node`]: a node that tests may kill and reconfigure.
//! - [`relay`]: a TCP relay that cuts, holds and delays what passes through it.
//! - [`load`] and [`ledger`]: a steady load of calls and events, and the account of what became of each.
//! - [`wait`]: waiting for a condition, with a limit.
//! - [`command`], [`environment`] and [`log`]: programs, environment variables and the log.
//!
//! Everything here fails the test by a panic.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::print_stdout, reason = "a test prints what it counted")]

pub mod broker;
pub mod command;
pub mod environment;
pub mod ledger;
pub mod load;
pub mod log;
pub mod node;
pub mod relay;
pub mod wait;
pub mod world;
