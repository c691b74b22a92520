//! What holds on RabbitMQ only: connections that cannot be made or are lost, TLS, the wire, and what is on the broker.
//!
//! The tests need a broker: run them with `./scripts/test`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(unreachable_pub, reason = "the tests are one crate")]

mod acknowledging;
mod connecting;
mod dedupe;
mod garbage;
mod health;
mod hostile_peers;
mod hosts;
mod losing_the_connection;
mod operations;
mod permissions;
mod queues;
mod raw;
mod retries;
mod shop;
mod tls;
mod topology;
mod wire;
